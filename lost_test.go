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

// TestKeysAreReadTooOften: strangers have used up how often keys are read, and a
// renewal brings a token by a new one.
func TestKeysAreReadTooOften(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	w.clock.advance(due)
	forge := w.provider.OnIDToken(func(j *oidctest.JWT) { j.SignWith(oidctest.NewKey("RS256")) })
	for range 6 {
		w.browser().visit("/me")
	}
	forge()
	w.provider.SetKeys(oidctest.NewKey("RS256"))
	for range 2 {
		b.get("/me").want(t, http.StatusOK, "alice")
		w.clock.advance(due)
	}
	if w.provider.Reuses() != 0 {
		t.Errorf("%d reuses", w.provider.Reuses())
	}
}
