package interop_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/interop"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// What Ory Hydra does its own way, beside what every provider is tested for.

// partsOf returns the header and the claims of a JWT.
func partsOf(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	for i, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(strings.Split(token+"..", ".")[i])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatalf("%q: %v", token, err)
		}
	}
	return header, claims
}

// endAtProvider signs out at the provider itself, and returns the last page.
func (b *browser) endAtProvider(idToken string) interop.Page {
	b.w.Helper()
	end, err := b.w.server.Endpoint(b.w.Context(), "end_session_endpoint")
	if err != nil {
		b.w.Fatal(err)
	}
	page := b.wantAsked(b.Open(end + "?" + url.Values{"id_token_hint": {idToken}}.Encode()))
	forms, err := page.Forms()
	if err != nil || len(forms) != 1 {
		b.w.Fatalf("%v: %s", err, page)
	}
	return b.Submit(page, forms[0])
}

// TestHydraLogoutToken: it names a session and nobody, and never expires. It ends the
// session that it names, and is good once.
func TestHydraLogoutToken(t *testing.T) {
	w := newWorld(t, interop.Hydra(), nil)
	b, other := w.browser(), w.browser()
	other.signIn("/me", interop.Alice)
	who := b.read(b.signIn("/me", interop.Alice))
	b.endAtProvider(w.idToken())

	tokens := w.server.LogoutTokens()
	if len(tokens) != 1 || tokens[0].Status != http.StatusOK {
		t.Fatalf("logout tokens: %+v", tokens)
	}
	header, claims := partsOf(t, tokens[0].Text)
	if names := slices.Sorted(maps.Keys(claims)); !slices.Equal(names, []string{"aud", "events", "iat", "iss", "jti", "sid"}) {
		t.Errorf("claims %v", names)
	}
	if header["typ"] != "JWT" || claims["sid"] != who.Claims["sid"] || claims["sid"] == nil {
		t.Errorf("%v %v, of %v", header, claims, who.Claims)
	}
	b.want(b.fetch("/api/me"), http.StatusUnauthorized, "/api/me")
	other.want(other.fetch("/api/me"), http.StatusOK, "/api/me")

	again, err := w.app.Client().PostForm(w.server.Client.BackchannelLogoutURI, url.Values{"logout_token": {tokens[0].Text}})
	if err != nil {
		t.Fatal(err)
	}
	again.Body.Close()
	if again.StatusCode != http.StatusBadRequest {
		t.Errorf("the same again: %d", again.StatusCode)
	}
	b.signIn("/me", interop.Alice)
}

// TestHydraFrontchannelLogout: a frame at the provider, without cookies of ours, names
// issuer and session, and the session is over. Who signs out here comes back from it.
func TestHydraFrontchannelLogout(t *testing.T) {
	w := newWorld(t, interop.HydraWith(interop.HydraSettings{Frontchannel: true}), nil)
	b, other := w.browser(), w.browser()
	other.signIn("/me", interop.Alice)
	who := b.read(b.signIn("/me", interop.Alice))
	page := b.endAtProvider(w.idToken())
	frames, err := b.Load(page)
	if err != nil || len(frames) != 1 {
		t.Fatalf("%v: %s", err, page)
	}
	query := frames[0].URL.Query()
	if frames[0].Status != http.StatusOK || len(query) != 2 || query.Get("iss") != w.server.Issuer || query.Get("sid") != who.Claims["sid"] {
		t.Errorf("the frame: %s", frames[0])
	}
	b.want(b.fetch("/api/me"), http.StatusUnauthorized, "/api/me")
	other.want(other.fetch("/api/me"), http.StatusOK, "/api/me")

	b.signIn("/me", interop.Alice)
	if page := b.logout(); page.URL.Path != "/" || page.Body != "hello stranger" {
		t.Errorf("signing out ends at %s", page)
	}
	b.wantAsked(b.open("/me"))
}

// TestHydraSimultaneousRenewals: somebody else uses the refresh token while the gate
// does. Whatever comes of that, people see the page, a page that says to try again, or
// the provider's; never a failure of the site's. And they can go on.
func TestHydraSimultaneousRenewals(t *testing.T) {
	w := newWorld(t, interop.Hydra(), nil)
	for range 3 {
		b := w.browser()
		b.signIn("/me", interop.Alice)
		token := w.server.LastRefreshToken()
		before := len(w.server.Renewals())
		w.expire()
		var others sync.WaitGroup
		for range 4 {
			others.Go(func() { _ = w.server.Renew(t.Context(), token) })
		}
		page := b.open("/me")
		others.Wait()
		kept := len(b.Cookies(w.app.URL)) > 0
		switch {
		case page.Status == http.StatusOK && page.URL.Path == "/me" && kept:
		case page.Status == http.StatusServiceUnavailable && page.Header.Get("Retry-After") != "" && kept:
		case w.server.At(page):
		default:
			t.Errorf("%s", page)
		}
		for _, r := range w.server.Renewals()[before:] {
			t.Logf("a renewal: %d %s", r.Status, r.Error)
		}
		w.clock.Advance(patience)
		b.signIn("/me", interop.Alice)
		b.me()
	}
}

// TestHydraGrace: a refresh token that may be used again for a while is used once all
// the same, and replicas that share nothing don't hurt each other.
func TestHydraGrace(t *testing.T) {
	w := newWorld(t, interop.HydraWith(interop.HydraSettings{Grace: 30 * time.Second}), nil)
	b := w.browser()
	b.signIn("/me", interop.Alice)
	if err := w.server.Renew(t.Context(), w.server.LastRefreshToken()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.expire()
		b.me()
	}
	if renewals := w.server.Renewals(); len(renewals) != 3 || renewals[0].RefreshToken != renewals[1].RefreshToken || renewals[2].RefreshToken != renewals[1].Issued {
		t.Errorf("%+v", renewals)
	}
}

// TestHydraKeyAuthentication: private_key_jwt at every endpoint.
func TestHydraKeyAuthentication(t *testing.T) {
	w := newWorld(t, interop.Hydra().Authenticating(interop.AuthKey), nil)
	b := w.browser()
	w.clock.Advance(-w.server.Traits.AccessLifetime * 9 / 10) // it fails at assertions of the future
	who := b.read(b.signIn("/me", interop.Alice))
	w.clock.Advance(w.server.Traits.AccessLifetime * 9 / 10)
	b.renewed(who)
	w.wantRenewals(1)
	if page := b.logout(); page.Body != "hello stranger" {
		t.Errorf("%s", page)
	}
	if log := w.log.String(); strings.Contains(log, "event=revocation outcome=failed") {
		t.Error("the refresh token wasn't revoked")
	}
}

// TestHydraStepUp: a class that the provider knows is asked for once, confirmed by a
// sign-in although the person is signed in there, and outlives renewals.
func TestHydraStepUp(t *testing.T) {
	w := newWorld(t, interop.Hydra(), nil)
	w.pages.Handle("/payments", w.gate.Wrap(w.gate.Require(rbac.ACR(interop.SecondFactor))(http.HandlerFunc(me))))
	b := w.browser()
	before := b.read(b.signIn("/me", interop.Alice))
	if before.Claims["acr"] != nil {
		t.Errorf("acr %v", before.Claims["acr"])
	}
	b.answer(b.wantAsked(b.open("/payments?x=1")), "/payments?x=1", interop.Alice)
	for range 2 {
		w.expire()
		after := b.read(b.want(b.open("/payments"), http.StatusOK, "/payments"))
		if after.Claims["acr"] != interop.SecondFactor || after.Sub != before.Sub {
			t.Errorf("%+v", after)
		}
	}
}

// service is an API of its own, which accepts the provider's access tokens for its
// name.
func (w *world) service(issuer oidc.TrustedIssuer, rule rbac.Rule) *httptest.Server {
	w.Helper()
	api, err := gatehouse.NewResourceServer(gatehouse.Config{
		Clock: w.clock.Now,
		API:   gatehouse.API{Audience: []string{interop.Resource}, Issuers: []oidc.TrustedIssuer{issuer}},
	})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = api.Close() })
	service := httptest.NewServer(api.API(api.Require(rule)(http.HandlerFunc(me))))
	w.Cleanup(service.Close)
	return service
}

// call returns what the service answers to an access token.
func (w *world) call(service *httptest.Server, token string) (int, seen) {
	w.Helper()
	r, err := http.NewRequest(http.MethodGet, service.URL, nil)
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := service.Client().Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	var got seen
	if res.StatusCode == http.StatusOK {
		if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
			w.Fatal(err)
		}
	}
	return res.StatusCode, got
}

// audience has people sign in for tokens that are good for the service.
func audience(c *gatehouse.Config) { c.AuthParams = url.Values{"audience": {interop.Resource}} }

// TestHydraOpaqueTokens: an API asks about them at the admin address, which discovery
// doesn't name. What it says is held against what the API is called, and a refresh
// token is no access token, though Hydra says that it is active.
func TestHydraOpaqueTokens(t *testing.T) {
	w := newWorld(t, interop.Hydra(), audience)
	issuer := oidc.TrustedIssuer{Issuer: w.server.Issuer, Introspection: &oidc.Introspection{
		URL: w.server.Introspection, ClientID: "orders", ClientSecret: "not looked at",
	}}
	service := w.service(issuer, rbac.Scope("email"))
	b := w.browser()
	who := b.read(b.signIn("/me", interop.Alice))
	for range 2 {
		if status, seen := w.call(service, who.Token); status != http.StatusOK || seen.Sub != who.Sub || seen.Claims["token_use"] != "access_token" {
			t.Errorf("%d %+v", status, seen)
		}
	}
	if status, _ := w.call(w.service(issuer, rbac.Scope("groups")), who.Token); status != http.StatusForbidden {
		t.Errorf("without the scope: %d", status)
	}
	issuer.Audience = []string{"https://another.example.com"}
	for name, bad := range map[string]struct {
		at    *httptest.Server
		token string
	}{
		"for another API":  {w.service(issuer, rbac.SignedIn()), who.Token},
		"a refresh token":  {service, w.server.LastRefreshToken()},
		"an ID token":      {service, w.idToken()},
		"a changed one":    {service, who.Token[:len(who.Token)-4] + "AAAA"},
		"made up":          {service, "ory_at_nonsense.nonsense"},
		"of no such shape": {service, "nonsense"},
	} {
		if status, _ := w.call(bad.at, bad.token); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, status)
		}
	}
	b.logout() // Hydra ends the access tokens of a refresh token that is revoked
	w.clock.Advance(31 * time.Second)
	if status, _ := w.call(service, who.Token); status != http.StatusUnauthorized {
		t.Errorf("revoked: %d", status)
	}
}

// TestHydraJWTAccessTokens: they are typ JWT and not at+jwt, with client_id, a list of
// scopes in scp and what the consent page added in ext. Without an audience that was
// asked for they are for nobody. New keys change nothing, though the tokens of older
// sessions name an old one.
func TestHydraJWTAccessTokens(t *testing.T) {
	w := newWorld(t, interop.HydraWith(interop.HydraSettings{JWTs: true}), audience)
	service := w.service(oidc.TrustedIssuer{Issuer: w.server.Issuer}, rbac.All(rbac.Scope("email"), rbac.Claim(rbac.Path{"ext", "source"}, "consent")))
	b := w.browser()
	who := b.read(b.signIn("/me", interop.Alice))
	header, claims := partsOf(t, who.Token)
	if header["typ"] != "JWT" || claims["client_id"] != w.server.Client.ID || claims["scope"] != nil || !slices.Contains(texts(claims["scp"]), "email") {
		t.Errorf("%v %v", header, claims)
	}
	good := func(when, token string) {
		t.Helper()
		if status, seen := w.call(service, token); status != http.StatusOK || seen.Sub != who.Sub {
			t.Errorf("%s: %d %+v", when, status, seen)
		}
	}
	good("at first", who.Token)
	if status, _ := w.call(service, w.idToken()); status != http.StatusUnauthorized {
		t.Errorf("an ID token: %d", status)
	}
	strict := w.service(oidc.TrustedIssuer{Issuer: w.server.Issuer, RequireType: true}, rbac.SignedIn())
	if status, _ := w.call(strict, who.Token); status != http.StatusUnauthorized {
		t.Errorf("where at+jwt is required: %d", status)
	}
	w.server.Rekey(t)
	w.expire()
	renewed := b.me().Token
	if again, _ := partsOf(t, renewed); again["kid"] != header["kid"] {
		t.Errorf("the new key is named: %v, was %v", again, header)
	}
	good("after a new key", renewed)
	other := w.browser()
	good("of a new session", other.read(other.signIn("/me", interop.Alice)).Token)
}

// TestHydraClientCredentials: a service's own token, opaque or not, for another one.
func TestHydraClientCredentials(t *testing.T) {
	for name, jwts := range map[string]bool{"opaque": false, "JWT": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, interop.HydraWith(interop.HydraSettings{JWTs: jwts}), nil)
			issuer := oidc.TrustedIssuer{Issuer: w.server.Issuer}
			if !jwts {
				issuer.Introspection = &oidc.Introspection{URL: w.server.Introspection, ClientID: "orders", ClientSecret: "not looked at"}
			}
			service := w.service(issuer, rbac.Scope("groups"))
			transport, err := w.gate.Downstream(gatehouse.Downstream{
				Origins: []string{service.URL}, Own: true, Audience: interop.Resource, Scopes: []string{"groups"},
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				res, err := (&http.Client{Transport: transport}).Get(service.URL)
				if err != nil {
					t.Fatal(err)
				}
				var got seen
				if err := json.NewDecoder(res.Body).Decode(&got); err != nil || res.StatusCode != http.StatusOK || got.Sub != w.server.Client.ID {
					t.Errorf("%d %+v %v", res.StatusCode, got, err)
				}
				res.Body.Close()
			}
			if requests := w.server.TokenRequests(); len(requests) != 1 || requests[0].GrantType != "client_credentials" {
				t.Errorf("token requests: %+v", requests)
			}
		})
	}
}
