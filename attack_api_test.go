package gatehouse_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestAttacksOnAPIs is what a hostile client can send to an API in place of an
// access token of its own. Nobody is let in by it.
func TestAttacksOnAPIs(t *testing.T) {
	w := apiWorld(t, nil)
	good := w.accessToken()
	w.call("/api/me", "Authorization", "Bearer "+good).want(t, http.StatusOK, "bob")
	issued := func(what string, change func(*oidctest.JWT)) string {
		defer w.provider.OnAccessToken(change)()
		token, _ := w.provider.Issue(bob, "app", "openid", "offline_access")[what].(string)
		return token
	}
	nothing := func(*oidctest.JWT) {}
	expired := issued("access_token", func(j *oidctest.JWT) { j.Claims["exp"] = j.Claims["iat"].(int64) - 3600 })

	for name, token := range map[string]string{
		"unsigned":                   issued("access_token", func(j *oidctest.JWT) { j.Unsigned() }),
		"unsigned, spelt otherwise":  issued("access_token", func(j *oidctest.JWT) { j.Unsigned(); j.Header["alg"] = "nOnE" }),
		"key confusion":              issued("access_token", func(j *oidctest.JWT) { j.SignWith(oidctest.HMACKey("HS256", signingKey().PublicPEM())) }),
		"a key nobody publishes":     issued("access_token", func(j *oidctest.JWT) { j.SignWith(oidctest.NewKey("RS256")) }),
		"key in the header":          issued("access_token", func(j *oidctest.JWT) { key := oidctest.NewKey("RS256"); j.SignWith(key); j.Header["jwk"] = key.JWK() }),
		"critical extension":         issued("access_token", func(j *oidctest.JWT) { j.Header["crit"] = []string{"exp"} }),
		"of another issuer":          issued("access_token", func(j *oidctest.JWT) { j.Claims["iss"] = "https://evil.example" }),
		"for another API":            issued("access_token", func(j *oidctest.JWT) { j.Claims["aud"] = "https://other.example.com" }),
		"for an API in another case": issued("access_token", func(j *oidctest.JWT) { delete(j.Claims, "aud"); j.Claims["Aud"] = apiAudience }),
		"for two APIs in turn":       issued("access_token", func(j *oidctest.JWT) { j.Claims["aud"] = "https://other.example.com"; j.Append("aud", apiAudience) }),
		"bound to a key":             issued("access_token", func(j *oidctest.JWT) { j.Claims["cnf"] = map[string]any{"jkt": strings.Repeat("a", 43)} }),
		"an ID token":                issued("id_token", nothing),
		"a refresh token":            issued("refresh_token", nothing),
		"a logout token":             w.provider.LogoutToken("app", "bob", "").Sign(),
		"expired":                    expired,
		"cut off":                    good[:len(good)-1],
		"without end":                strings.Repeat("a", 40_000),
		"dots":                       strings.Repeat(".", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			w.call("/api/me", "Authorization", "Bearer "+token).want(t, http.StatusUnauthorized)
		})
	}

	t.Run("in the address", func(t *testing.T) { // RFC 9700 §4.3.2
		w.call("/api/me?"+url.Values{"access_token": {good}}.Encode()).want(t, http.StatusUnauthorized)
	})
	t.Run("in a form", func(t *testing.T) {
		w.browser().send(http.MethodPost, "/api/me", http.Header{}, url.Values{"access_token": {good}}.Encode()).want(t, http.StatusUnauthorized)
	})
	t.Run("in a proxy's header", func(t *testing.T) {
		for _, name := range []string{"X-Forwarded-Access-Token", "X-Auth-Request-Access-Token", "X-Access-Token", "X-Amzn-Oidc-Accesstoken", "Proxy-Authorization"} {
			w.call("/api/me", name, "Bearer "+good).want(t, http.StatusUnauthorized)
		}
	})
	t.Run("twice", func(t *testing.T) {
		header := http.Header{"Authorization": {"Bearer " + good, "Bearer " + good}}
		w.browser().send(http.MethodGet, "/api/me", header, "").want(t, http.StatusBadRequest)
	})
	t.Run("beside a session", func(t *testing.T) {
		w.browser().signIn().send(http.MethodGet, "/api/me", with(fetching, "Authorization", "Bearer "+good), "").want(t, http.StatusBadRequest)
	})
}

// TestEndpointsTakeNoAccessTokens: what is below AuthPath is about sessions, and an
// access token has none, wherever API stands. Its subject may be a person's at
// another issuer, whose sessions are not its to see or to end.
func TestEndpointsTakeNoAccessTokens(t *testing.T) {
	other := oidctest.NewServer(t, oidctest.Config{Keys: []*oidctest.Key{signingKey()}, Audience: apiAudience})
	w := newWorld(t, setup{
		gate: func(c *gatehouse.Config) {
			c.API = gatehouse.API{Audience: []string{apiAudience}, Issuers: []oidc.TrustedIssuer{{Issuer: other.Issuer()}}}
		},
		routes: func(gate *gatehouse.Gate) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/", routes(gate))
			mux.Handle("/auth/", gate.API(gate.Wrap(http.NotFoundHandler())))
			return mux
		},
	})
	owner := w.browser().signIn()
	token, _ := other.Issue(oidctest.User{Subject: alice.Subject}, "app")["access_token"].(string)
	header := http.Header{"Authorization": {"Bearer " + token}, "Origin": {w.app.URL}, "Sec-Fetch-Site": {"same-origin"}}
	for _, c := range []struct{ method, path, form string }{
		{http.MethodGet, "/auth/session", ""}, {http.MethodGet, "/auth/sessions", ""}, {http.MethodPost, "/auth/sessions", "all=1"},
	} {
		w.browser().send(c.method, c.path, header.Clone(), c.form).want(t, http.StatusUnauthorized)
	}
	owner.fetch("/me").want(t, http.StatusOK, "alice")
}
