package gatehouse_test

import (
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestLostAnswerMuchLater: a browser that never got its answer comes back when the
// access token in it is dead. The refresh token in it isn't.
func TestLostAnswerMuchLater(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	old := sessionCookies(b.cookies())
	w.clock.advance(due)
	b.get("/me")
	w.clock.advance(2 * dead)
	b.keep(old)
	b.get("/me").want(t, http.StatusOK, "alice")
	if w.provider.Reuses() != 0 {
		t.Errorf("%d reuses", w.provider.Reuses())
	}
}

// TestKeysAreAwayAtRenewal: the tokens are there, and their signature can't be
// checked. They are not lost for that, and nothing of the new ID token is believed.
func TestKeysAreAwayAtRenewal(t *testing.T) {
	release := make(chan struct{})
	for name, away := range map[string]oidctest.Fault{
		"failing": oidctest.Status(http.StatusInternalServerError),
		"a page":  oidctest.Body(http.StatusOK, "text/html", "<!doctype html>"),
		"hanging": oidctest.Hold(release),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			b := w.browser().signIn()
			first := b.me()
			w.provider.SetKeys(oidctest.NewKey("RS256"))
			remove := w.provider.Intercept(oidctest.JWKS, away)
			w.provider.PutUser(oidctest.User{Subject: "alice", Claims: map[string]any{"nickname": "Al"}})
			w.provider.Intercept(oidctest.Userinfo, oidctest.Status(http.StatusInternalServerError))
			for range 7 { // more often than keys are read in a while
				w.clock.advance(due)
				if got := b.me(); got.Token == first.Token || got.Claims["nickname"] != nil || got.Claims["name"] != "Alice" {
					t.Errorf("renewed to %v", got.Claims)
				}
				if name == "hanging" {
					break
				}
			}
			remove()
			if name == "hanging" {
				close(release)
			}
			w.clock.advance(due)
			if got := b.me(); got.Claims["nickname"] != "Al" {
				t.Errorf("with the keys back: %v", got.Claims)
			}
			if w.provider.Reuses() != 0 {
				t.Errorf("%d reuses", w.provider.Reuses())
			}
		})
	}
}

// TestRenewalWithoutKeys: the provider rotated its keys, and they can't be read.
// The new tokens are kept, for the old refresh token is spent; what the new ID
// token says is not believed, though it must be of the same person, and UserInfo is
// where it can be asked.
func TestRenewalWithoutKeys(t *testing.T) {
	for name, c := range map[string]struct {
		idToken  string
		userinfo func(map[string]any)
		status   int
		admin    int
	}{
		"UserInfo vouches":             {"alice", func(d map[string]any) { d["roles"] = []string{"user"} }, http.StatusOK, http.StatusForbidden},
		"UserInfo of somebody else":    {"alice", func(d map[string]any) { d["sub"] = "mallory" }, http.StatusUnauthorized, 0},
		"an ID token of somebody else": {"mallory", func(map[string]any) {}, http.StatusUnauthorized, 0},
		"the ID token alone":           {"alice", nil, http.StatusOK, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			b := w.browser().signIn()
			before := b.me().Claims["jti"]
			w.provider.RotateKeys()
			remove := w.provider.Intercept(oidctest.JWKS, oidctest.Status(http.StatusBadGateway))
			said("name", "Unread")(w)
			said("sub", c.idToken)(w)
			if c.userinfo != nil {
				w.provider.OnAnswer(oidctest.Userinfo, c.userinfo)
			} else {
				w.provider.Intercept(oidctest.Userinfo, oidctest.Status(http.StatusBadGateway))
			}
			w.clock.advance(dead)
			b.fetch("/me").want(t, c.status)
			if c.status != http.StatusOK {
				return
			}
			if claims := b.me().Claims; claims["name"] != "Alice" || claims["jti"] != before {
				t.Errorf("an ID token that nobody verified was believed: %v", claims)
			}
			b.get("/admin").want(t, c.admin) // by UserInfo, or as before
			remove()
			w.clock.advance(dead)
			if got := b.me().Claims["name"]; got != "Unread" {
				t.Errorf("name %v", got)
			}
			if w.provider.Reuses() != 0 {
				t.Errorf("%d reuses", w.provider.Reuses())
			}
		})
	}
}

// TestUnverifiedRenewals: what a refreshed ID token says of the sign-in is held against
// it although its signature can't be checked now.
func TestUnverifiedRenewals(t *testing.T) {
	for name, change := range map[string]func(*world){
		"another issuer":              said("iss", "https://evil.example"),
		"another audience":            said("aud", "other"),
		"an audience more":            said("aud", []string{"app", "other"}),
		"another authorized party":    said("azp", "other"),
		"another nonce":               said("nonce", "another"),
		"another time of the sign-in": said("auth_time", 2000),
		"no subject":                  unsaid("sub"),
		"a claim twice":               onIDToken(func(j *oidctest.JWT) { j.Append("sub", "alice") }),
		"no token at all":             onToken("id_token", "opaque"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			said("auth_time", 1000)(w)
			b := w.browser().signIn()
			w.provider.RotateKeys()
			w.provider.Intercept(oidctest.JWKS, oidctest.Status(http.StatusBadGateway))
			change(w)
			w.clock.advance(due)
			b.fetch("/me").want(t, http.StatusUnauthorized)
		})
	}
}
