package gatehouse_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

const apiAudience = "https://api.example.com"

// apiRoutes are an API beside the usual pages.
func apiRoutes(gate *gatehouse.Gate) http.Handler {
	api := gate.Mux()
	api.HandleFunc("/api/me", rbac.SignedIn(), me)
	api.HandleFunc("/api/until", rbac.SignedIn(), func(w http.ResponseWriter, r *http.Request) {
		who, _ := gatehouse.IdentityFrom(r.Context())
		ctx, stop := who.Context(r.Context())
		defer stop()
		ends, _ := ctx.Deadline()
		fmt.Fprint(w, "lasts ", time.Until(ends).Round(time.Minute))
		if ctx.Err() != nil {
			fmt.Fprint(w, ", and is over")
		}
	})
	api.HandleFunc("/api/session", rbac.SignedIn(), func(w http.ResponseWriter, r *http.Request) {
		who, _ := gatehouse.IdentityFrom(r.Context())
		fmt.Fprintf(w, "session %q, ends at zero: %t", who.SessionID(), who.SessionEnds().IsZero())
	})
	api.HandleFunc("/api/public", rbac.Public(), me2)
	api.HandleFunc("/api/admin", rbac.Role("admin"), me)
	api.HandleFunc("/api/orders", rbac.Scope("orders:read"), me)
	mux := http.NewServeMux()
	mux.Handle("/", routes(gate))
	mux.Handle("/api/", gate.API(api))
	mux.Handle("/wrapped/", gate.Wrap(gate.API(gate.RequireLogin(http.HandlerFunc(me)))))
	mux.Handle("/twice/", gate.API(gate.API(gate.RequireLogin(http.HandlerFunc(me)))))
	mux.Handle("/identified", gate.Identify(gate.RequireLogin(http.HandlerFunc(me))))
	return mux
}

// me2 says who it is, and doesn't mind if it is nobody.
func me2(w http.ResponseWriter, r *http.Request) {
	if who, ok := gatehouse.IdentityFrom(r.Context()); ok {
		fmt.Fprint(w, who.Subject())
		return
	}
	fmt.Fprint(w, "nobody")
}

func apiWorld(t testing.TB, change func(*gatehouse.Config)) *world {
	t.Helper()
	w := newWorld(t, setup{
		provider: func(c *oidctest.Config) { c.Audience = apiAudience },
		gate: func(c *gatehouse.Config) {
			c.API = gatehouse.API{Audience: []string{apiAudience}, Resource: "https://api.example.com/v1", Scopes: []string{"orders:read"}}
			if change != nil {
				change(c)
			}
		},
		routes: apiRoutes,
	})
	w.call(w.idp.URL) // by which the provider learns who it is
	return w
}

// accessToken is one that the provider has issued to bob.
func (w *world) accessToken(scope ...string) string {
	bob := oidctest.User{Subject: "bob", AccessClaims: map[string]any{"roles": []string{"admin"}, "name": "Bob"}}
	token, _ := w.provider.Issue(bob, "app", scope...)["access_token"].(string)
	return token
}

// call asks as a program does.
func (w *world) call(target string, header ...string) answer {
	w.Helper()
	return w.browser().send(http.MethodGet, target, with(http.Header{}, header...), "")
}

func TestAPITakesAccessTokens(t *testing.T) {
	w := apiWorld(t, nil)
	token := w.accessToken("orders:read")
	w.call("/api/until", "Authorization", "Bearer "+token).want(t, http.StatusOK, "lasts 5m0s")
	w.call("/api/session", "Authorization", "Bearer "+token).want(t, http.StatusOK, `session "", ends at zero: true`)
	for _, path := range []string{"/api/me", "/api/admin", "/api/orders", "/wrapped/me", "/twice/me"} {
		res := w.call(path, "Authorization", "Bearer "+token).want(t, http.StatusOK)
		var s seen
		if err := json.Unmarshal([]byte(res.body), &s); err != nil || s.Sub != "bob" || s.Token != token || s.Claims["client_id"] != "app" || s.Claims["iss"] != w.idp.URL {
			t.Errorf("%s: %v %s", path, err, res.body)
		}
		if res.Header.Get("Cache-Control") != "private" || !slices.Contains(res.Header.Values("Vary"), "Authorization") || res.Header["Set-Cookie"] != nil {
			t.Errorf("%s: %v", path, res.Header)
		}
	}
	w.browser().send(http.MethodPost, "/api/me", http.Header{"Authorization": {"Bearer " + token}, "Origin": {"https://elsewhere.example"}}, "a=b").want(t, http.StatusOK)
	w.call("/api/public", "Authorization", "Bearer "+token).want(t, http.StatusOK, "bob")
	w.browser().signIn().fetch("/api/me").want(t, http.StatusOK, "alice")
}

// TestNothingElseTakesAccessTokens: they mean nothing outside of API.
func TestNothingElseTakesAccessTokens(t *testing.T) {
	w := apiWorld(t, nil)
	token := w.accessToken()
	for path, status := range map[string]int{"/me": 401, "/identified": 401, "/auth/session": 401, "/": 200} {
		res := w.call(path, "Authorization", "Bearer "+token).want(t, status)
		if strings.Contains(res.body, "bob") || strings.Contains(res.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: %v %s", path, res.Header, res.body)
		}
	}
	// A session stays one, whatever else a request carries there.
	w.browser().signIn().send(http.MethodGet, "/me", with(fetching, "Authorization", "Bearer "+token), "").want(t, http.StatusOK, "alice")
}

// TestBadTokenIsNobody: behind API a token that isn't good stands for nobody, whomever
// something in front has found.
func TestBadTokenIsNobody(t *testing.T) {
	w := apiWorld(t, nil)
	handler := w.gate.API(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if who, ok := gatehouse.IdentityFrom(r.Context()); ok {
			t.Errorf("it is %v", who)
		}
	}))
	r := httptest.NewRequest(http.MethodGet, "/api/public", nil)
	r.Header.Set("Authorization", "Bearer nonsense")
	somebody := gatehouse.NewIdentity(map[string]any{"sub": "somebody"})
	handler.ServeHTTP(httptest.NewRecorder(), r.WithContext(gatehouse.WithIdentity(r.Context(), somebody)))
}

func TestCookieAndTokenAtOnce(t *testing.T) {
	w := apiWorld(t, nil)
	token := w.accessToken()
	b := w.browser().signIn()
	for _, path := range []string{"/api/me", "/api/public", "/wrapped/me", "/twice/me"} {
		for _, authorization := range []string{"Bearer " + token, "bearer nonsense", "DPoP " + token, "Bearer", "Bearer\t" + token} {
			res := b.send(http.MethodGet, path, with(fetching, "Authorization", authorization), "").want(t, http.StatusBadRequest, "not both")
			if res.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(res.body, `"error":"invalid_request"`) ||
				!strings.Contains(strings.Join(res.Header.Values("WWW-Authenticate"), ", "), `error="invalid_request"`) {
				t.Errorf("%s: %v %s", path, res.Header, res.body)
			}
		}
	}
	b.send(http.MethodGet, "/api/me", with(fetching, "Authorization", "Basic YTpi"), "").want(t, http.StatusOK, "alice")
	var names []string
	for _, c := range sessionCookies(b.cookies()) {
		names = append(names, c.Name)
	}
	w.call("/api/me", "Authorization", "Bearer "+token, "Cookie", names[0]+"=stale").want(t, http.StatusBadRequest)
	w.call("/api/me", "Authorization", "Bearer "+token, "Cookie", "other=1").want(t, http.StatusOK)
}

// TestTwoAuthorizations: who sends two Authorization headers, a token in one of them, may
// be anybody, and so is refused by API itself, at a public page too.
func TestTwoAuthorizations(t *testing.T) {
	w := apiWorld(t, nil)
	good := "Bearer " + w.accessToken()
	for _, path := range []string{"/api/me", "/api/public", "/wrapped/me", "/twice/me"} {
		for i, sent := range [][]string{{good, good}, {good, "Bearer nonsense"}, {"Basic YTpi", good}, {good, ""}, {"bearer", "DPoP"}} {
			res := w.browser().send(http.MethodGet, path, http.Header{"Authorization": sent}, "").want(t, http.StatusBadRequest, "one Authorization header")
			if challenges := strings.Join(res.Header.Values("WWW-Authenticate"), ", "); !strings.Contains(challenges, `error="invalid_request"`) {
				t.Errorf("%s, case %d: %s", path, i, challenges)
			}
		}
	}
	w.browser().send(http.MethodGet, "/api/public", http.Header{"Authorization": {"Basic YTpi", "Basic YTpi"}}, "").want(t, http.StatusOK, "nobody")
	w.browser().send(http.MethodGet, "/", http.Header{"Authorization": {good, good}}, "").want(t, http.StatusOK, "stranger") // where none counts
}

// TestBearerChallenges: what a 401 and a 403 say to programs.
func TestBearerChallenges(t *testing.T) {
	w := apiWorld(t, nil)
	expired := w.accessToken("orders:read")
	w.clock.advance(time.Hour)
	token := w.accessToken("openid")
	idToken, _ := w.provider.Issue(alice, "app", "openid")["id_token"].(string)
	const metadata = `resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/v1"`
	for _, c := range []struct {
		name, path, authorization string
		status                    int
		error                     string
		says                      []string
	}{
		{"nothing", "/api/me", "", 401, "", []string{"Bearer ", metadata}},
		{"another scheme", "/api/me", "Basic YTpi", 401, "", []string{"Bearer ", metadata}},
		{"nonsense", "/api/me", "Bearer nonsense", 401, `error="invalid_token"`, []string{metadata}},
		{"expired", "/api/me", "Bearer " + expired, 401, `error="invalid_token"`, []string{metadata}},
		{"an ID token", "/api/me", "Bearer " + idToken, 401, `error="invalid_token"`, nil},
		{"not bound", "/api/me", "DPoP " + token, 401, `error="invalid_token"`, nil},
		{"a scope is missing", "/api/orders", "Bearer " + token, 403, `error="insufficient_scope"`, []string{`scope="orders:read"`, metadata}},
	} {
		res := w.call(c.path, "Authorization", c.authorization).want(t, c.status)
		challenge := strings.Join(res.Header.Values("WWW-Authenticate"), ", ")
		for _, text := range append(c.says, c.error) {
			if !strings.Contains(challenge, text) {
				t.Errorf("%s: %s doesn't say %s", c.name, challenge, text)
			}
		}
		if c.error == "" && strings.Contains(challenge, "error=") {
			t.Errorf("%s: %s", c.name, challenge)
		}
		if res.Header.Get("Content-Type") != "application/problem+json" || strings.Contains(res.body, "exp") || strings.Contains(res.body, "at_hash") {
			t.Errorf("%s: %v %s", c.name, res.Header, res.body)
		}
	}
	twice := w.browser().send(http.MethodGet, "/api/me", http.Header{"Authorization": {"Bearer " + token, "Bearer " + token}}, "").want(t, http.StatusBadRequest)
	if challenges := twice.Header.Values("WWW-Authenticate"); len(challenges) != 2 || !strings.Contains(challenges[0], `error="invalid_request"`) {
		t.Errorf("two headers: %q", challenges)
	}
	w.provider.SignIn(oidctest.User{Subject: "carol"})
	res := w.browser().signIn().fetch("/api/admin").want(t, http.StatusForbidden, "your account")
	if res.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("a role that is missing: %v", res.Header)
	}
}

func TestNoTokensByDefault(t *testing.T) {
	w := apiWorld(t, func(c *gatehouse.Config) { c.API = gatehouse.API{} })
	res := w.call("/api/me", "Authorization", "Bearer "+w.accessToken()).want(t, http.StatusUnauthorized)
	if challenge := res.Header.Values("WWW-Authenticate"); len(challenge) != 1 || !strings.HasPrefix(challenge[0], "Cookie ") {
		t.Errorf("%q", challenge)
	}
	w.call("/.well-known/oauth-protected-resource").want(t, http.StatusNotFound)
}

// TestAudienceOfALogin: where the API is called what a client is, an ID token would be
// for it too.
func TestAudienceOfALogin(t *testing.T) {
	w := apiWorld(t, func(c *gatehouse.Config) {
		c.API.Audience = append(c.API.Audience, "app", "mobile")
		c.API.LoginClients = []string{"mobile"}
	})
	for _, c := range []struct {
		aud, typ string
		status   int
	}{
		{"app", "JWT", 401}, {"mobile", "JWT", 401}, {apiAudience, "JWT", 200},
		{"app", "at+jwt", 200}, {"mobile", "at+jwt", 200}, {"other", "at+jwt", 401},
	} {
		remove := w.provider.OnAccessToken(func(j *oidctest.JWT) {
			j.Claims["aud"], j.Header["typ"], j.Claims["client_id"] = c.aud, c.typ, "another"
		})
		w.call("/api/me", "Authorization", "Bearer "+w.accessToken()).want(t, c.status)
		remove()
	}
	idToken, _ := w.provider.Issue(alice, "app", "openid")["id_token"].(string)
	w.call("/api/me", "Authorization", "Bearer "+idToken).want(t, http.StatusUnauthorized)
}

func TestIssuerAway(t *testing.T) {
	w := apiWorld(t, nil)
	token := w.accessToken()
	remove := w.provider.Intercept(oidctest.JWKS, oidctest.Status(http.StatusBadGateway))
	res := w.call("/api/me", "Authorization", "Bearer "+token).want(t, http.StatusServiceUnavailable)
	if res.Header.Get("Retry-After") == "" || res.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("%v", res.Header)
	}
	remove()
	w.clock.advance(time.Second) // keys are asked for once in it
	w.call("/api/me", "Authorization", "Bearer "+token).want(t, http.StatusOK)
}

func TestMetadata(t *testing.T) {
	w := apiWorld(t, nil)
	res := w.call("/.well-known/oauth-protected-resource/v1").want(t, http.StatusOK)
	var document struct {
		Resource             string
		AuthorizationServers []string `json:"authorization_servers"`
		Methods              []string `json:"bearer_methods_supported"`
		Scopes               []string `json:"scopes_supported"`
	}
	if err := json.Unmarshal([]byte(res.body), &document); err != nil {
		t.Fatal(err)
	}
	if document.Resource != "https://api.example.com/v1" || !slices.Equal(document.AuthorizationServers, []string{w.idp.URL}) ||
		!slices.Equal(document.Methods, []string{"header"}) || !slices.Equal(document.Scopes, []string{"orders:read"}) || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %v", res.body, res.Header)
	}
}

// TestMetadataNamesAuthorizationServers: and not the services of one's own that sign
// tokens by a shared secret or a key that was given, where nobody can get one.
func TestMetadataNamesAuthorizationServers(t *testing.T) {
	w := apiWorld(t, func(c *gatehouse.Config) {
		c.API.Issuers = []oidc.TrustedIssuer{
			{Issuer: c.Issuer}, {Issuer: "https://other.example", JWKS: "https://other.example/keys"}, {Issuer: "urn:internal:billing", JWKS: "https://billing.internal/keys"},
			{Issuer: "https://batch.internal", HMACSecret: make([]byte, 32)}, {Issuer: "https://jobs.internal", PEM: signingKey().PublicPEM()},
		}
	})
	res := w.call("/.well-known/oauth-protected-resource/v1").want(t, http.StatusOK)
	var document struct {
		AuthorizationServers []string `json:"authorization_servers"`
	}
	if err := json.Unmarshal([]byte(res.body), &document); err != nil || !slices.Equal(document.AuthorizationServers, []string{w.idp.URL, "https://other.example"}) {
		t.Errorf("%v %s", err, res.body)
	}
}

// TestPoliciesByIssuer: what a role is called differs by issuer.
func TestPoliciesByIssuer(t *testing.T) {
	other := oidctest.NewServer(t, oidctest.Config{Keys: []*oidctest.Key{signingKey()}, Audience: apiAudience})
	w := apiWorld(t, func(c *gatehouse.Config) {
		c.API.Issuers = []oidc.TrustedIssuer{{Issuer: c.Issuer}, {Issuer: other.Issuer()}}
		c.API.Policies = map[string]rbac.Policy{other.Issuer(): {Roles: []rbac.Path{{"realm_access", "roles"}}}}
	})
	keycloak := map[string]any{"realm_access": map[string]any{"roles": []string{"admin"}}}
	issue := func(p *oidctest.Provider, claims map[string]any) string {
		now := w.clock.Now()
		token := p.NewJWT(claims)
		for name, value := range map[string]any{"iss": p.Issuer(), "sub": "bob", "aud": apiAudience, "azp": "app", "exp": now.Add(time.Minute).Unix()} {
			token.Claims[name] = value
		}
		return token.Sign()
	}
	w.call("/api/me").want(t, http.StatusUnauthorized)
	for _, c := range []struct {
		name   string
		token  string
		status int
	}{
		{"its own claims", issue(other.Provider, keycloak), 200},
		{"the claims of another", issue(other.Provider, map[string]any{"roles": []string{"admin"}}), 403},
		{"ours", issue(w.provider, map[string]any{"roles": []string{"admin"}}), 200},
		{"ours with the claims of another", issue(w.provider, keycloak), 403},
	} {
		if res := w.call("/api/admin", "Authorization", "Bearer "+c.token); res.StatusCode != c.status {
			t.Errorf("%s: %d %s\n%s", c.name, res.StatusCode, res.body, w.log)
		}
	}
}

func TestAPIMistakes(t *testing.T) {
	sound := gatehouse.Config{Issuer: "https://idp.example", ClientID: "app", BaseURL: "https://app.example", SessionKeys: []cookie.Key{cookie.NewKey()}}
	for _, c := range []struct {
		name   string
		api    gatehouse.API
		naming []string
	}{
		{"no audience", gatehouse.API{Scopes: []string{"a"}}, []string{"Audience"}},
		{"an empty audience", gatehouse.API{Audience: []string{""}}, []string{"Audience"}},
		{"everything", gatehouse.API{
			Audience: []string{"a"}, Resource: "ftp://x", NonceSecret: []byte("short"),
			Issuers:  []oidc.TrustedIssuer{{Issuer: "http://idp.example"}, {Issuer: "https://b.example", HMACSecret: []byte("short"), PEM: []byte("x")}},
			Policies: map[string]rbac.Policy{"https://c.example": {SplitRoles: "x"}},
		}, []string{"API.Resource", "API.NonceSecret", "API.Issuers[0].Issuer", "API.Issuers[1].JWKS, PEM, HMACSecret", "HMACSecret", "PEM", `API.Policies["https://c.example"].SplitRoles`, "SplitRoles", "trusted"}},
		{"two to ask", gatehouse.API{Audience: []string{"a"}, Issuers: []oidc.TrustedIssuer{
			{Issuer: "https://a.example", Introspection: &oidc.Introspection{ClientID: "a", ClientSecret: "s"}},
			{Issuer: "https://b.example", Introspection: &oidc.Introspection{ClientAuth: "x"}},
		}}, []string{"API.Issuers[1].Introspection.ClientSecret", "ClientSecret", "ClientAuth", "only one"}},
	} {
		config := sound
		config.API = c.api
		_, err := gatehouse.New(config)
		for _, name := range c.naming {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v doesn't name %s", c.name, err, name)
			}
		}
	}
	store := gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{})
	_, err := gatehouse.NewResourceServer(gatehouse.Config{ClientSecret: "b", SessionKeys: sound.SessionKeys, Store: store, Revocations: store})
	for _, name := range []string{"ClientID", "Issuer", "SessionKeys", "Store", "Revocations", "API.Audience"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v doesn't name %s", err, name)
		}
	}
}

// TestAPISecretsDoNotPrint: neither the configuration's nor the tokens'.
func TestAPISecretsDoNotPrint(t *testing.T) {
	w := apiWorld(t, nil)
	token := w.accessToken()
	api := gatehouse.API{NonceSecret: []byte("canary-nonce"), Issuers: []oidc.TrustedIssuer{{HMACSecret: []byte("canary-hmac"), Introspection: &oidc.Introspection{ClientSecret: "canary-client"}}}}
	verified, err := oidc.NewVerifier(oidc.VerifierConfig{Audience: []string{apiAudience}, Issuers: []oidc.TrustedIssuer{{Issuer: w.idp.URL}}, Clock: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := verified.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	type holder struct{ token *oidc.AccessToken }
	var printed strings.Builder
	log := slog.New(slog.NewJSONHandler(&printed, nil))
	log.Info("x", "api", api, "config", gatehouse.Config{API: api}, "token", accepted, "issuer", api.Issuers[0], "introspection", *api.Issuers[0].Introspection, "verifier", oidc.VerifierConfig{Issuers: api.Issuers, NonceSecret: api.NonceSecret})
	for _, value := range []any{api, &api, accepted, holder{accepted}, verified, w.gate} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&printed, verb, value)
		}
		encoded, _ := json.Marshal(value)
		printed.Write(encoded)
	}
	for _, secret := range []string{"canary", "63616e617279", "Y2FuYXJ5", token, fmt.Sprintf("%x", token), strings.Split(token, ".")[1]} {
		if strings.Contains(printed.String(), secret) {
			t.Errorf("%.30s is printed", secret)
		}
	}
}

// TestTokensThatNobodyLooksAt: the log says why who sends one is a stranger.
func TestTokensThatNobodyLooksAt(t *testing.T) {
	config := gatehouse.Config{Issuer: "https://idp.example.com", ClientID: "app", BaseURL: "https://app.example.com", SessionKeys: []cookie.Key{cookie.NewKey()}}
	taken := gatehouse.API{Audience: []string{apiAudience}}
	for _, c := range []struct {
		name          string
		api           gatehouse.API
		establisher   func(*gatehouse.Gate, http.Handler) http.Handler
		authorization string
		says          string
	}{
		{"Wrap", taken, (*gatehouse.Gate).Wrap, "Bearer token", "behind Gate.API alone"},
		{"Identify", taken, (*gatehouse.Gate).Identify, "DPoP token", "behind Gate.API alone"},
		{"API without an audience", gatehouse.API{}, (*gatehouse.Gate).API, "Bearer token", "Config.API.Audience is empty"},
		{"API", taken, (*gatehouse.Gate).API, "Bearer token", "not a signed token"},
		{"no token", taken, (*gatehouse.Gate).Wrap, "", `"cause":null`},
		{"a password", taken, (*gatehouse.Gate).Wrap, "Basic YTpi", `"cause":null`},
	} {
		var printed strings.Builder
		config.API, config.Logger = c.api, slog.New(slog.NewJSONHandler(&printed, &slog.HandlerOptions{Level: slog.LevelDebug}))
		gate, err := gatehouse.New(config)
		if err != nil {
			t.Fatal(err)
		}
		defer gate.Close()
		r := httptest.NewRequest(http.MethodGet, "/me", nil)
		r.Header = with(fetching, "Authorization", c.authorization)
		w := httptest.NewRecorder()
		c.establisher(gate, gate.RequireLogin(http.HandlerFunc(me))).ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || !strings.Contains(printed.String(), c.says) {
			t.Errorf("%s: %d, and the log says %s", c.name, w.Code, &printed)
		}
	}
}
