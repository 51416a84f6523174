package gatehouse_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// together runs a test for three replicas that share what the names say.
func together(t *testing.T, test func(t *testing.T, replicas []*world)) {
	for _, stored := range []bool{false, true} {
		name := "cookie"
		if stored {
			name = "store"
		}
		t.Run(name, func(t *testing.T) {
			first := newWorld(t, setup{gate: func(c *gatehouse.Config) {
				shared := gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})
				c.Revocations = shared // which coordinates as well
				if stored {
					c.Store, c.Revocations = shared, nil
				}
			}})
			test(t, []*world{first, first.replica(nil), first.replica(nil)})
		})
	}
}

// TestOneRenewalForAllReplicas: a provider that rotates, detects reuse and takes
// its time is asked once, however many ask at how many replicas.
func TestOneRenewalForAllReplicas(t *testing.T) {
	for name, share := range map[string]func(*gatehouse.Config, *gatehouse.MemoryStore){
		"cookie": func(c *gatehouse.Config, s *gatehouse.MemoryStore) { c.Revocations = s }, // which coordinates as well
		"store":  func(c *gatehouse.Config, s *gatehouse.MemoryStore) { c.Store = s },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // in which so many keep nobody waiting
				shared := gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{})
				w, b := newStillWorldWith(t, func(c *gatehouse.Config) { share(c, shared) })
				replicas := []*world{w, w.stillReplica(b, "2"), w.stillReplica(b, "3")}
				old := sessionCookies(b.signIn().cookies())
				w.provider.Intercept(oidctest.Token, oidctest.Delay(300*time.Millisecond))
				time.Sleep(dead)
				var all sync.WaitGroup
				var served atomic.Int64
				ask := func(n int) {
					for i := range n {
						all.Go(func() {
							tab := b.another().at(replicas[i%len(replicas)])
							tab.keep(old)
							if tab.fetch("/me").StatusCode == http.StatusOK {
								served.Add(1)
							}
						})
					}
					all.Wait()
				}
				ask(500)
				time.Sleep(10 * time.Second)
				ask(100) // late, with the old cookie
				if calls := w.provider.Calls(oidctest.Token); served.Load() != 600 || calls != 2 || w.provider.Reuses() != 0 {
					t.Errorf("%d of 600 were served, %d token requests, %d reuses", served.Load(), calls, w.provider.Reuses())
				}
			})
		})
	}
}

// TestLogoutAtAnotherReplica ends everything: the session, copies of it, the
// renewal that is under way, and what is remembered of earlier ones.
func TestLogoutAtAnotherReplica(t *testing.T) {
	together(t, func(t *testing.T, replicas []*world) {
		w := replicas[0]
		b := w.browser().signIn()
		oldest := sessionCookies(b.cookies())
		w.clock.advance(due)
		b.get("/me")
		old := sessionCookies(b.cookies())
		entered, release := make(chan struct{}), make(chan struct{})
		w.provider.Intercept(oidctest.Token, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				close(entered)
				<-release
				next.ServeHTTP(rw, r)
			})
		})
		w.clock.advance(dead)
		renewed := make(chan answer)
		go func() { renewed <- b.fetch("/me") }()
		<-entered
		other := replicas[1].browser()
		other.keep(old)
		other.send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther)
		close(release)
		(<-renewed).want(t, http.StatusUnauthorized)
		for _, at := range replicas {
			for _, cookies := range [][]*http.Cookie{oldest, old, sessionCookies(b.cookies())} {
				thief := at.browser()
				thief.keep(cookies)
				thief.fetch("/me").want(t, http.StatusUnauthorized)
			}
		}
		if calls := w.provider.Calls(oidctest.Token); calls != 3 {
			t.Errorf("%d token requests", calls)
		}
	})
}

// forgetful is a coordinator that counts what it was told to forget.
type forgetful struct {
	*gatehouse.MemoryStore
	forgotten atomic.Int32
}

func (f *forgetful) Forget(ctx context.Context, name string) error {
	f.forgotten.Add(1)
	return f.MemoryStore.Forget(ctx, name)
}

// TestLogoutForgetsRenewals: what is shared of a session's renewals, sealed tokens
// among it, goes with a sign-out.
func TestLogoutForgetsRenewals(t *testing.T) {
	var shared *forgetful
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		shared = &forgetful{MemoryStore: gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})}
		c.Coordinator = shared
	}})
	b := w.browser().signIn()
	w.clock.advance(due)
	b.get("/me").want(t, http.StatusOK)
	if got := shared.forgotten.Load(); got != 0 {
		t.Errorf("a renewal forgets %d", got)
	}
	b.send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther)
	if shared.forgotten.Load() == 0 {
		t.Error("a sign-out forgets nothing")
	}
}

// TestRolesChangeEverywhere: what one replica renewed the others serve.
func TestRolesChangeEverywhere(t *testing.T) {
	together(t, func(t *testing.T, replicas []*world) {
		w := replicas[0]
		b := w.browser().signIn()
		for _, at := range replicas {
			b.at(at).get("/admin").want(t, http.StatusOK)
		}
		w.provider.PutUser(oidctest.User{Subject: "alice", Claims: map[string]any{"roles": []string{"viewer"}}})
		w.clock.advance(due)
		for _, at := range replicas {
			b.at(at).get("/admin").want(t, http.StatusForbidden)
		}
		if calls := w.provider.Calls(oidctest.Token); calls != 2 {
			t.Errorf("%d token requests", calls)
		}
	})
}
