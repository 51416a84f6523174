package gatehouse_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestLateAnswers: a handler takes so long to answer that its request's cookies, which
// were decided before it ran, are no news any more. What happened in another tab
// meanwhile stays.
func TestLateAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		before    func(*world, *browser) // what has the slow request set a cookie
		meanwhile func(*world, *browser)
		after     func(*world, *browser)
		lasting   time.Duration // an access token; 0 for five minutes
	}{
		"used, and signed out": {
			before:    func(w *world, _ *browser) { w.clock.advance(10 * time.Minute) },
			meanwhile: func(w *world, b *browser) { b.get("/auth/logout").want(w, http.StatusFound) },
			after: func(w *world, b *browser) {
				if left := sessionCookies(b.cookies()); len(left) > 0 {
					w.Error("the session's cookie is back")
				}
			},
			lasting: time.Hour,
		},
		"renewed, and signed out": {
			before:    func(w *world, _ *browser) { w.clock.advance(dead) },
			meanwhile: func(w *world, b *browser) { b.get("/auth/logout").want(w, http.StatusFound) },
			after: func(w *world, b *browser) {
				if left := sessionCookies(b.cookies()); len(left) > 0 {
					w.Error("the session's cookie is back")
				}
			},
		},
		"used, and signed in as somebody else": {
			before:    func(w *world, _ *browser) { w.clock.advance(10 * time.Minute) },
			meanwhile: becomesBob,
			after:     isBob,
			lasting:   time.Hour,
		},
		"renewed, and signed in as somebody else": {
			before:    func(w *world, _ *browser) { w.clock.advance(dead) },
			meanwhile: becomesBob,
			after:     isBob,
		},
		"revoked, and signed in again": {
			before: func(w *world, _ *browser) {
				_ = w.gate.Revoke(w.Context(), gatehouse.Revocation{Subject: "alice"})
				w.clock.advance(time.Second)
			},
			meanwhile: becomesBob,
			after:     isBob,
		},
		"used, and renewed": {
			before: func(w *world, _ *browser) { w.clock.advance(10 * time.Minute) },
			meanwhile: func(w *world, b *browser) {
				w.clock.advance(50 * time.Minute)
				b.get("/me").want(w, http.StatusOK)
				b.get("/me").want(w, http.StatusOK)
			},
			after: func(w *world, b *browser) {
				w.clock.advance(time.Minute)
				b.get("/me").want(w, http.StatusOK, "alice")
				if got := w.provider.Calls(oidctest.Token); got != 2 {
					w.Errorf("%d token requests, want a sign-in and a renewal", got)
				}
			},
			lasting: time.Hour,
		},
		"renewed, and renewed again": {
			before: func(w *world, _ *browser) { w.clock.advance(due) },
			meanwhile: func(w *world, b *browser) {
				b.get("/me").want(w, http.StatusOK)
				b.get("/me").want(w, http.StatusOK)
				w.clock.advance(due)
				b.get("/me").want(w, http.StatusOK)
				b.get("/me").want(w, http.StatusOK)
			},
			after: func(w *world, b *browser) {
				w.clock.advance(time.Minute)
				b.get("/me").want(w, http.StatusOK, "alice")
				if got := w.provider.Calls(oidctest.Token); got != 3 {
					w.Errorf("%d token requests, want a sign-in and two renewals", got)
				}
			},
		},
	} {
		for where, kept := range whereKept {
			t.Run(name+" "+where, func(t *testing.T) {
				running, goOn := make(chan struct{}), make(chan struct{})
				w := newWorld(t, setup{
					provider: func(p *oidctest.Config) { p.AccessTokenLifetime = c.lasting },
					gate:     kept,
					routes: func(gate *gatehouse.Gate) http.Handler {
						mux := http.NewServeMux()
						mux.Handle("/", routes(gate))
						mux.Handle("/slow", gate.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
							running <- struct{}{}
							<-goOn
						})))
						return mux
					},
				})
				b := w.browser().signIn()
				c.before(w, b)
				answered := make(chan answer)
				go func() { answered <- b.get("/slow") }()
				<-running
				c.meanwhile(w, b)
				close(goOn)
				(<-answered).want(t, http.StatusOK)
				c.after(w, b)
			})
		}
	}
}

func becomesBob(w *world, b *browser) {
	w.provider.SignIn(bob)
	b.visit("/auth/login?return_to=/me").want(w, http.StatusOK, `"bob"`)
}

func isBob(w *world, b *browser) { b.get("/me").want(w, http.StatusOK, `"bob"`) }
