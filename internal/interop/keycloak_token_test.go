package interop_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/interop"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
)

const orders = "https://orders.example.com"

// refused fails the test unless an access token is, as not good.
func (w *world) refused(what, token string) {
	w.Helper()
	if status, challenge := w.present(token); status != http.StatusUnauthorized || !strings.Contains(challenge, "invalid_token") {
		w.Errorf("%s: %d %s", what, status, challenge)
	}
}

func (w *world) accepted(what, token string) {
	w.Helper()
	if status, challenge := w.present(token); status != http.StatusOK {
		w.Errorf("%s: %d %s", what, status, challenge)
	}
}

// TestKeycloakAccessTokens: they name an audience where a mapper says so, and
// nothing else of Keycloak's passes for one.
func TestKeycloakAccessTokens(t *testing.T) {
	w := newWorld(t, interop.Keycloak(), func(c *gatehouse.Config) { c.API.Audience = []string{orders} })
	b := w.browser()
	w.refused("of no audience", b.read(b.signIn("/me", interop.Alice)).Token)
	w.audience(orders)
	w.expire()
	token := b.me().Token
	for range 2 {
		w.accepted("with an audience", token)
	}
	w.refused("its ID token", w.idToken())
	w.refused("its refresh token", w.server.LastRefreshToken())
	w.refused("changed", token[:len(token)-4]+"AAAA")
	w.server.Rekey(t)
	w.expire()
	w.accepted("by a new key", b.me().Token)
	w.clock.Advance(w.server.Traits.AccessLifetime + time.Minute)
	w.refused("expired", token)
}

// TestKeycloakTypedAccessTokens: Keycloak can be told to follow RFC 9068.
func TestKeycloakTypedAccessTokens(t *testing.T) {
	w := newWorld(t, interop.Keycloak(), func(c *gatehouse.Config) {
		c.API.Audience = []string{orders}
		c.API.Issuers = []oidc.TrustedIssuer{{Issuer: c.Issuer, RequireType: true}}
	})
	w.audience(orders)
	b := w.browser()
	w.refused("of no type", b.read(b.signIn("/me", interop.Alice)).Token)
	w.set(map[string]any{"attributes": map[string]string{"access.token.header.type.rfc9068": "true"}})
	w.expire()
	w.accepted("at+jwt", b.me().Token)
}

// TestKeycloakAudienceByDefault: people have roles at Keycloak's own client, unless
// they are taken away, and tokens name it.
func TestKeycloakAudienceByDefault(t *testing.T) {
	w := newWorld(t, interop.Keycloak(), func(c *gatehouse.Config) { c.API.Audience = []string{"account"} })
	b := w.browser()
	w.accepted("with the roles that everybody has", b.read(b.signIn("/me", w.newcomer())).Token)
}

// TestKeycloakIntrospection: JWTs are asked about, too, so that a sign-out ends them.
// Keycloak answers none but who is in their audience.
func TestKeycloakIntrospection(t *testing.T) {
	for name, asks := range map[string]struct {
		client func(*world) (id, secret string)
		active bool
	}{
		"by the API":     {func(w *world) (string, string) { return w.secondID(), secondSecret }, true},
		"by another one": {func(w *world) (string, string) { return w.server.Client.ID, w.server.Client.Secret }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, interop.Keycloak(), nil)
			desk := w.second(nil)
			w.audience(w.secondID())
			id, secret := asks.client(w)
			api, err := gatehouse.NewResourceServer(gatehouse.Config{
				Issuer: w.server.Issuer, Clock: w.clock.Now,
				API: gatehouse.API{Audience: []string{w.secondID()}, Issuers: []oidc.TrustedIssuer{{
					Issuer: w.server.Issuer, Introspection: &oidc.Introspection{ClientID: id, ClientSecret: secret, JWTs: true},
				}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = api.Close() })
			desk.pages.Handle("/api/me", api.API(api.RequireLogin(http.HandlerFunc(me))))
			carol := w.newcomer()
			b := w.browser()
			token := b.read(b.signIn("/me", carol)).Token
			if !asks.active {
				desk.refused("asked about by somebody else", token)
				return
			}
			for range 2 {
				desk.accepted("active", token)
			}
			desk.refused("its refresh token", w.server.LastRefreshToken())
			w.administer(http.MethodPost, w.pathOf(carol)+"/logout", nil, nil)
			desk.accepted("signed out just now", token)
			w.clock.Advance(31 * time.Second) // an answer is believed for 30
			desk.refused("signed out", token)
		})
	}
}

// calls has the application call an API that takes access tokens for an audience.
func (w *world) calls(audience string, d gatehouse.Downstream) {
	w.Helper()
	api, err := gatehouse.NewResourceServer(gatehouse.Config{
		Issuer: w.server.Issuer, Clock: w.clock.Now, API: gatehouse.API{Audience: []string{audience}},
		Policy: rbac.Policy{Roles: []rbac.Path{{"resource_access", audience, "roles"}}},
	})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = api.Close() })
	service := httptest.NewServer(api.API(api.Require(rbac.Role("reader"))(http.HandlerFunc(me))))
	w.Cleanup(service.Close)
	d.Origins = []string{service.URL}
	transport, err := w.gate.Downstream(d)
	if err != nil {
		w.Fatal(err)
	}
	client := &http.Client{Transport: transport}
	w.pages.Handle("/downstream", w.gate.Wrap(w.gate.RequireLogin(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked, err := http.NewRequestWithContext(r.Context(), http.MethodGet, service.URL, nil)
		if err != nil {
			w.Error(err)
			return
		}
		res, err := client.Do(asked)
		if err != nil {
			w.gate.Fail(rw, r, err)
			return
		}
		defer res.Body.Close()
		rw.WriteHeader(res.StatusCode)
		_, _ = io.Copy(rw, res.Body)
	}))))
}

// TestKeycloakTokenExchange: the user's token becomes one for the other service, with
// the roles that the user has there.
func TestKeycloakTokenExchange(t *testing.T) {
	w := newWorld(t, interop.Keycloak(), nil)
	w.second(nil)
	audience := w.secondID()
	w.calls(audience, gatehouse.Downstream{Audience: audience})
	carol := w.newcomer()
	path, role := w.grant(audience, "reader", carol)
	w.administer(http.MethodPost, path, role, nil)
	b := w.browser()
	who := b.read(b.signIn("/me", carol))
	b.want(b.open("/downstream"), http.StatusBadGateway, "/downstream") // not allowed yet
	w.set(map[string]any{"attributes": map[string]string{"standard.token.exchange.enabled": "true"}})
	w.expire()
	for range 2 {
		seen := b.read(b.want(b.open("/downstream"), http.StatusOK, "/downstream"))
		if seen.Sub != who.Sub || seen.Token == b.me().Token {
			t.Errorf("the service sees %+v", seen)
		}
	}
	exchanges := 0
	for _, r := range w.server.TokenRequests() {
		if strings.Contains(r.GrantType, "token-exchange") && r.Status == http.StatusOK {
			exchanges++
		}
	}
	if exchanges != 1 {
		t.Errorf("%d exchanges", exchanges)
	}
}

// TestKeycloakClientCredentials: the application calls in its own name, and its
// tokens are for the services at which it has a role.
func TestKeycloakClientCredentials(t *testing.T) {
	w := newWorld(t, interop.Keycloak(), nil)
	w.second(nil)
	w.set(map[string]any{"serviceAccountsEnabled": true})
	w.calls(w.secondID(), gatehouse.Downstream{Own: true, Scopes: []string{"email"}})
	b := w.browser()
	who := b.read(b.signIn("/me", interop.Alice))
	b.want(b.open("/downstream"), http.StatusUnauthorized, "/downstream")

	var account struct {
		Username string `json:"username"`
	}
	w.administer(http.MethodGet, "/clients/"+w.client().ID+"/service-account-user", nil, &account)
	path, role := w.grant(w.secondID(), "reader", interop.Person{Login: account.Username})
	w.administer(http.MethodPost, path, role, nil)
	w.expire()
	seen := b.read(b.want(b.open("/downstream"), http.StatusOK, "/downstream"))
	if seen.Sub == who.Sub || seen.Sub == "" {
		t.Errorf("the service sees %+v", seen)
	}
}

// stepUp has the application's sign-ins follow a flow of two levels, each of which
// asks for a password.
func (w *world) stepUp() {
	w.Helper()
	flow := "step-up-" + rand.Text()
	w.administer(http.MethodPost, "/authentication/flows", map[string]any{"alias": flow, "providerId": "basic-flow", "topLevel": true}, nil)
	add := func(to, kind string, body map[string]any) {
		w.administer(http.MethodPost, "/authentication/flows/"+to+"/executions/"+kind, body, nil)
	}
	below := func(to, alias string) string {
		add(to, "flow", map[string]any{"alias": flow + alias, "type": "basic-flow"})
		return flow + alias
	}
	add(flow, "execution", map[string]any{"provider": "auth-cookie"})
	forms := below(flow, "-forms")
	for _, level := range []struct{ alias, form string }{{"-1", "auth-username-password-form"}, {"-2", "auth-password-form"}} {
		sub := below(forms, level.alias)
		add(sub, "execution", map[string]any{"provider": "conditional-level-of-authentication"})
		add(sub, "execution", map[string]any{"provider": level.form})
	}
	var executions []map[string]any
	w.administer(http.MethodGet, "/authentication/flows/"+flow+"/executions", nil, &executions)
	needed := []string{"ALTERNATIVE", "ALTERNATIVE", "CONDITIONAL", "REQUIRED", "REQUIRED", "CONDITIONAL", "REQUIRED", "REQUIRED"}
	if len(executions) != len(needed) {
		w.Fatalf("%d executions: %v", len(executions), executions)
	}
	level := 0
	for i, execution := range executions {
		execution["requirement"] = needed[i]
		w.administer(http.MethodPut, "/authentication/flows/"+flow+"/executions", execution, nil)
		if execution["providerId"] != "conditional-level-of-authentication" {
			continue
		}
		level++
		w.administer(http.MethodPost, "/authentication/executions/"+execution["id"].(string)+"/config", map[string]any{
			"alias":  rand.Text(),
			"config": map[string]string{"loa-condition-level": string(rune('0' + level)), "loa-max-age": []string{"", "36000", "0"}[level]},
		}, nil)
	}
	var flows []struct{ ID, Alias string }
	w.administer(http.MethodGet, "/authentication/flows", nil, &flows)
	for _, f := range flows {
		if f.Alias == flow {
			w.set(map[string]any{"authenticationFlowBindingOverrides": map[string]string{"browser": f.ID}})
		}
	}
}

// TestKeycloakStepUp: a page that needs a level asks for it, by its number or by the
// name that the client gives it.
func TestKeycloakStepUp(t *testing.T) {
	for name, c := range map[string]struct{ levels, low, high string }{
		"by number": {"", "1", "2"},
		"by name":   {`{"silver":1,"gold":2}`, "silver", "gold"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, interop.Keycloak(), nil)
			w.stepUp()
			if c.levels != "" {
				w.set(map[string]any{"attributes": map[string]string{"acr.loa.map": c.levels}})
			}
			w.pages.Handle("/high", w.gate.Wrap(w.gate.Require(rbac.ACR(c.high))(http.HandlerFunc(me))))
			b := w.browser()
			if who := b.read(b.signIn("/me", interop.Alice)); who.Claims["acr"] != c.low {
				t.Errorf("acr is %v, want %s", who.Claims["acr"], c.low)
			}
			page := b.wantAsked(b.open("/high"))
			if who := b.read(b.answer(page, "/high", interop.Alice)); who.Claims["acr"] != c.high {
				t.Errorf("acr is %v, want %s", who.Claims["acr"], c.high)
			}
			w.expire()
			b.want(b.open("/high"), http.StatusOK, "/high")
		})
	}
}
