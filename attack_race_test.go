package gatehouse_test

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestContextAskedForMeanwhile opens a stream in the middle of a sign-out, at each
// moment at which that looks at the clock: it ends all the same, and doesn't outlive
// the revocation that it just missed.
func TestContextAskedForMeanwhile(t *testing.T) {
	for name, end := range map[string]func(*world, *browser, *gatehouse.Identity){
		"session": func(w *world, _ *browser, who *gatehouse.Identity) {
			_ = w.gate.Revoke(context.Background(), gatehouse.Revocation{Session: who.SessionID()})
		},
		"subject": func(w *world, _ *browser, who *gatehouse.Identity) {
			_ = w.gate.Revoke(context.Background(), gatehouse.Revocation{Subject: who.Subject()})
		},
		"sid": func(w *world, _ *browser, who *gatehouse.Identity) {
			_ = w.gate.Revoke(context.Background(), gatehouse.Revocation{SID: who.String("sid")})
		},
		"front channel": func(w *world, _ *browser, who *gatehouse.Identity) {
			said := url.Values{"iss": {w.idp.URL}, "sid": {who.String("sid")}}
			w.browser().get("/auth/frontchannel-logout?"+said.Encode()).want(w, http.StatusOK)
		},
		"sign-out": func(w *world, b *browser, _ *gatehouse.Identity) { b.get("/auth/logout").want(w, http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			moments := 0
			for ; openedAt(t, moments+1, end); moments++ {
			}
			if moments == 0 {
				t.Error("nothing was opened")
			}
		})
	}
}

// openedAt opens a stream when the clock is looked at for the nth time while end ends
// its session, and reports whether there was such a moment.
func openedAt(t *testing.T, nth int, end func(*world, *browser, *gatehouse.Identity)) bool {
	var counting atomic.Bool
	var looks atomic.Int64
	var who *gatehouse.Identity
	var stream context.Context
	w := newWorld(t, setup{
		gate: func(c *gatehouse.Config) {
			now := c.Clock
			c.Clock = func() time.Time {
				if counting.Load() && looks.Add(1) == int64(nth) {
					counting.Store(false)
					stream, _ = who.Context(t.Context())
				}
				return now()
			}
		},
		routes: func(g *gatehouse.Gate) http.Handler {
			return g.Wrap(g.RequireLogin(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				who, _ = gatehouse.IdentityFrom(r.Context())
			})))
		},
	})
	b := w.browser().signIn()
	counting.Store(true)
	end(w, b, who)
	counting.Store(false)
	if stream == nil {
		return false
	}
	if context.Cause(stream) != gatehouse.ErrSignedOut {
		t.Errorf("opened at moment %d, it lives on: %v", nth, context.Cause(stream))
	}
	return true
}

// TestRevokedDuringSignIn: whoever is revoked while the provider is asked for their
// tokens, or while Admit decides about them, is signed out as they come in, and may come
// again.
func TestRevokedDuringSignIn(t *testing.T) {
	for name, revoke := range map[string]func(*world){
		"subject": func(w *world) {
			if err := w.gate.Revoke(context.Background(), gatehouse.Revocation{Subject: "alice"}); err != nil {
				w.Error(err)
			}
		},
		"sid": func(w *world) {
			if err := w.gate.Revoke(context.Background(), gatehouse.Revocation{SID: w.provider.SID()}); err != nil {
				w.Error(err)
			}
		},
		"logout token": func(w *world) {
			w.deliver(w.provider.LogoutToken("app", "alice", w.provider.SID()).Sign()).want(w, http.StatusOK)
		},
	} {
		for _, when := range []string{"exchange", "admit"} {
			t.Run(name+" at "+when, func(t *testing.T) {
				var meanwhile func()
				both(t, setup{gate: func(c *gatehouse.Config) {
					c.Admit = func(context.Context, *gatehouse.Admission) error {
						if when == "admit" {
							meanwhile()
						}
						return nil
					}
				}}, func(t *testing.T, w *world) {
					var once sync.Once
					meanwhile = func() {
						once.Do(func() {
							w.clock.advance(time.Second)
							revoke(w)
							w.clock.advance(time.Second)
						})
					}
					w.provider.OnAnswer(oidctest.Token, func(map[string]any) {
						if when == "exchange" {
							meanwhile()
						}
					})
					b := w.browser()
					b.get(b.callback("/me"))
					b.fetch("/me").want(t, http.StatusUnauthorized)
					b.signIn()
				})
			})
		}
	}
}

// TestClockSetDuringSignIn: a revocation of before, by another process whose clock is
// ahead, isn't taken for one that has come meanwhile where ours is set forward just then.
func TestClockSetDuringSignIn(t *testing.T) {
	for name, kept := range whereKept {
		t.Run(name, func(t *testing.T) {
			shared := gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{})
			w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
				kept(c)
				c.Revocations = shared
			}})
			b := w.browser().signIn()
			w.clock.advance(25 * time.Second)
			if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: "alice"}); err != nil {
				t.Fatal(err)
			}
			w.clock.advance(-20 * time.Second)
			b.fetch("/me").want(t, http.StatusUnauthorized)
			var once sync.Once
			w.provider.OnAnswer(oidctest.Token, func(map[string]any) {
				once.Do(func() { w.clock.advance(30 * time.Second) })
			})
			b.get(b.callback("/me")).want(t, http.StatusFound)
			b.fetch("/me").want(t, http.StatusOK)
		})
	}
}

// TestRevokedBeforeSignIn: nor is one that has come to another process whose clock is
// ahead by less than a sign-in takes.
func TestRevokedBeforeSignIn(t *testing.T) {
	for name, kept := range whereKept {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
				kept(c)
				c.Revocations = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{})
			}})
			ahead := w.config
			ahead.Clock = func() time.Time { return w.clock.Now().Add(time.Second) }
			other, err := gatehouse.New(ahead)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = other.Close() })
			b := w.browser().signIn()
			if err := other.Revoke(t.Context(), gatehouse.Revocation{Subject: "alice"}); err != nil {
				t.Fatal(err)
			}
			b.fetch("/me").want(t, http.StatusUnauthorized)
			w.provider.OnAnswer(oidctest.Token, func(map[string]any) { w.clock.advance(2 * time.Second) })
			b.get(b.callback("/me")).want(t, http.StatusFound)
			b.fetch("/me").want(t, http.StatusOK)
		})
	}
}

// TestClockSetBackAroundSignIn: what came first is no matter of the clock, which is set
// back between a revocation and the sign-in that follows it, or while the provider is
// asked for the tokens and somebody is revoked.
func TestClockSetBackAroundSignIn(t *testing.T) {
	revoke := func(w *world) {
		if err := w.gate.Revoke(context.Background(), gatehouse.Revocation{Subject: "alice"}); err != nil {
			w.Error(err)
		}
	}
	for name, c := range map[string]struct {
		before, meanwhile func(*world)
		want              int
	}{
		"revoked before": {
			func(w *world) { revoke(w); w.clock.advance(-500 * time.Millisecond) },
			func(w *world) { w.clock.advance(time.Second) }, http.StatusOK,
		},
		"revoked meanwhile": {
			func(*world) {},
			func(w *world) { w.clock.advance(-10 * time.Second); revoke(w); w.clock.advance(time.Second) }, http.StatusUnauthorized,
		},
	} {
		for where, kept := range whereKept {
			t.Run(name+" "+where, func(t *testing.T) {
				w := newWorld(t, setup{gate: kept})
				b := w.browser()
				callback := b.callback("/me")
				c.before(w)
				var once sync.Once
				w.provider.OnAnswer(oidctest.Token, func(map[string]any) { once.Do(func() { c.meanwhile(w) }) })
				b.get(callback).want(t, http.StatusFound)
				b.fetch("/me").want(t, c.want)
			})
		}
	}
}

// TestRevokedElsewhereDuringSignIn: nor does it matter at which of several replicas the
// revocation arrives, while the provider is asked for the tokens.
func TestRevokedElsewhereDuringSignIn(t *testing.T) {
	for name, revoke := range map[string]func(*world){
		"subject": func(w *world) {
			if err := w.gate.Revoke(context.Background(), gatehouse.Revocation{Subject: "alice"}); err != nil {
				w.Error(err)
			}
		},
		"logout token": func(w *world) {
			w.deliver(w.provider.LogoutToken("app", "alice", w.provider.SID()).Sign()).want(w, http.StatusOK)
		},
	} {
		t.Run(name, func(t *testing.T) {
			together(t, func(t *testing.T, replicas []*world) {
				w := replicas[0]
				var once sync.Once
				w.provider.OnAnswer(oidctest.Token, func(map[string]any) {
					once.Do(func() {
						w.clock.advance(time.Second)
						revoke(replicas[1])
						w.clock.advance(time.Second)
					})
				})
				b := w.browser()
				b.get(b.callback("/me"))
				for _, replica := range replicas {
					b.at(replica).fetch("/me").want(t, http.StatusUnauthorized)
				}
				b.signIn()
			})
		})
	}
}
