package gatehouse_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestCertificationLogout rebuilds the plan for RP-initiated logout: whatever
// state comes back, the person is signed out and sees the application.
func TestCertificationLogout(t *testing.T) {
	for name, change := range map[string]func(url.Values){
		"oidcc-client-test-rp-init-logout":             func(url.Values) {},
		"oidcc-client-test-rp-init-logout-other-state": func(v url.Values) { v.Set("state", "another") },
		"oidcc-client-test-rp-init-logout-no-state":    func(v url.Values) { v.Del("state") },
	} {
		t.Run(name, module{name: name, then: func(t *testing.T, w *world, b *browser) {
			end := b.send(http.MethodPost, "/auth/logout", navigation, "").location(t)
			asked, err := url.Parse(end)
			if err != nil {
				t.Fatal(err)
			}
			if q := asked.Query(); q.Get("id_token_hint") == "" || q.Get("post_logout_redirect_uri") == "" || q.Get("state") == "" {
				t.Errorf("end session at %v", slices.Sorted(maps.Keys(q)))
			}
			back, err := url.Parse(b.get(end).location(t))
			if err != nil {
				t.Fatal(err)
			}
			values := back.Query()
			change(values)
			back.RawQuery = values.Encode()
			b.get(back.String()).want(t, http.StatusOK, "stranger")
			if len(sessionCookies(b.cookies())) != 0 {
				t.Error("the session is still there")
			}
		}}.run)
	}
}

// TestCertificationBackchannel rebuilds the plan for back-channel logout. A logout
// token that must be refused is answered 400, and the person stays signed in
// (OpenID Connect Back-Channel Logout 1.0 §2.6, §2.8).
func TestCertificationBackchannel(t *testing.T) {
	// The person signs out here, and the provider tells us by the back channel while
	// they are there.
	t.Run("oidcc-client-test-rp-backchannel-rpinitlogout", module{then: func(t *testing.T, w *world, b *browser) {
		w.provider.AddClient(oidctest.Client{ID: "app", Secret: clientSecret, BackchannelLogoutURI: w.app.URL + "/auth/backchannel-logout"})
		window := w.browser()
		window.keep(sessionCookies(b.cookies()))
		b.visit(b.send(http.MethodPost, "/auth/logout", navigation, "").location(t)).want(t, http.StatusOK, "stranger")
		window.fetch("/me").want(t, http.StatusUnauthorized)
	}}.run)

	const event = "http://schemas.openid.net/event/backchannel-logout"
	for name, change := range map[string]func(*oidctest.JWT){
		"oidcc-client-test-rp-backchannel-rpinitlogout-alg-none":    func(j *oidctest.JWT) { j.Unsigned() },
		"oidcc-client-test-rp-backchannel-rpinitlogout-no-event":    func(j *oidctest.JWT) { delete(j.Claims, "events") },
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event": func(j *oidctest.JWT) { j.Claims["events"] = map[string]any{event + "/other": map[string]any{}} },
		"oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce":  func(j *oidctest.JWT) { j.Claims["nonce"] = "a nonce" },
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss":   func(j *oidctest.JWT) { j.Claims["iss"] = "https://elsewhere.example" },
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud":   func(j *oidctest.JWT) { j.Claims["aud"] = "another-client" },
		// By a published key, and an algorithm that the client didn't register for.
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg": func(j *oidctest.JWT) { j.SignWith(signingKeyPS()) },
	} {
		t.Run(name, module{gate: func(c *gatehouse.Config) { c.SigningAlgs = []string{"RS256"} }, prepare: func(w *world) {
			w.provider.SetKeys(signingKey(), signingKeyPS())
		}, then: func(t *testing.T, w *world, b *browser) {
			token := w.provider.LogoutToken("app", "alice", w.provider.SID())
			change(token)
			if res := w.deliver(token.Sign()).want(t, http.StatusBadRequest); res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q", res.Header.Get("Cache-Control"))
			}
			b.fetch("/me").want(t, http.StatusOK)
			w.deliver(w.provider.LogoutToken("app", "alice", w.provider.SID()).Sign()).want(t, http.StatusOK)
			b.fetch("/me").want(t, http.StatusUnauthorized)
		}}.run)
	}
}

var signingKeyPS = sync.OnceValue(func() *oidctest.Key { return oidctest.NewKey("PS256") })

// TestCertificationFrontchannel rebuilds the plan for front-channel logout: the
// provider's page loads ours in a frame, with iss and sid (OpenID Connect
// Front-Channel Logout 1.0 §3), after the person signed out here or there.
func TestCertificationFrontchannel(t *testing.T) {
	frame := with(navigation, "Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "cross-site")
	for name, begin := range map[string]func(*testing.T, *browser){
		"oidcc-client-test-rp-frontchannel-rpinitlogout": func(t *testing.T, b *browser) {
			b.get(b.send(http.MethodPost, "/auth/logout", navigation, "").location(t))
		},
		"oidcc-client-test-rp-frontchannel-opinitlogout": func(_ *testing.T, b *browser) { b.w.provider.SignOut() },
	} {
		t.Run(name, module{then: func(t *testing.T, w *world, b *browser) {
			window, sid := w.browser(), w.provider.SID()
			window.keep(sessionCookies(b.cookies()))
			begin(t, b)
			framed := url.Values{"iss": {w.idp.URL}, "sid": {sid}}
			b.send(http.MethodGet, "/auth/frontchannel-logout?"+framed.Encode(), frame, "").want(t, http.StatusOK)
			for _, each := range []*browser{b, window} {
				each.fetch("/me").want(t, http.StatusUnauthorized)
			}
		}}.run)
	}
}
