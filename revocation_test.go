package gatehouse_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// list is a shared denylist that counts, and fails on demand.
type list struct {
	*gatehouse.MemoryStore
	away  atomic.Bool
	asked atomic.Int64
}

func newList(now func() time.Time) *list {
	return &list{MemoryStore: gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: now})}
}

func (l *list) Revoke(ctx context.Context, name string, before, until time.Time) error {
	if l.away.Load() {
		return errAway
	}
	return l.MemoryStore.Revoke(ctx, name, before, until)
}

func (l *list) Revoked(ctx context.Context, names ...string) ([]time.Time, error) {
	l.asked.Add(1)
	if l.away.Load() {
		return nil, errAway
	}
	return l.MemoryStore.Revoked(ctx, names...)
}

// replica is one more process of the same application: a gate of its own, told
// the same.
func (w *world) replica(change func(*gatehouse.Config)) *world {
	w.Helper()
	config := w.config
	if change != nil {
		change(&config)
	}
	gate, err := gatehouse.New(config)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = gate.Close() })
	gatehouse.BePatient(gate)
	other := *w
	other.gate = gate
	other.app = httptest.NewServer(routes(gate))
	w.Cleanup(other.app.Close)
	return &other
}

// at is the same browser, sent to another replica: cookies ignore ports.
func (b *browser) at(w *world) *browser {
	return &browser{w: w, client: b.client, jar: b.jar, agent: b.agent}
}

// TestCopiedCookie: after a sign-out the copy is worth nothing, and the next
// sign-in of the same session at the provider is.
func TestCopiedCookie(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		b := w.browser().signIn()
		copied := sessionCookies(b.cookies())
		w.clock.advance(due)
		b.get("/me") // and of a renewed one, the older
		renewed := sessionCookies(b.cookies())
		sid := w.provider.SID()
		b.send(http.MethodPost, "/auth/logout", navigation, "")
		thief := w.browser()
		for _, cookies := range [][]*http.Cookie{copied, renewed} {
			thief.keep(cookies)
			thief.fetch("/me").want(t, http.StatusUnauthorized)
		}
		b.signIn()
		if w.provider.SID() != sid || b.me().Claims["sid"] != sid {
			t.Error("not the same session at the provider")
		}
	})
}

// TestRevokeWithoutEnd: sessions may last as long as a Duration can say, and are revoked
// all the same.
func TestRevokeWithoutEnd(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.SessionLifetime, c.IdleTimeout = math.MaxInt64, -1 }})
	b := w.browser().signIn()
	copied := b.cookies()
	b.get("/auth/logout").want(t, http.StatusFound)
	b.keep(copied)
	b.fetch("/me").want(t, http.StatusUnauthorized)
	if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: "bob"}); err != nil {
		t.Fatal(err)
	}
	w.provider.SignIn(bob)
	b.signIn()
	w.clock.advance(time.Second)
	if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: "bob"}); err != nil {
		t.Fatal(err)
	}
	b.fetch("/me").want(t, http.StatusUnauthorized)
}

func TestRevoke(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		for name, whose := range map[string]func(*browser) gatehouse.Revocation{
			"user": func(*browser) gatehouse.Revocation { return gatehouse.Revocation{Subject: "alice"} },
			"sid":  func(b *browser) gatehouse.Revocation { return gatehouse.Revocation{SID: w.provider.SID()} },
		} {
			t.Run(name, func(t *testing.T) {
				w.provider.SignIn(alice)
				b := w.browser().signIn()
				if err := w.gate.Revoke(t.Context(), whose(b)); err != nil {
					t.Fatal(err)
				}
				b.fetch("/me").want(t, http.StatusUnauthorized)
				w.clock.advance(time.Second)
				b.signIn()
			})
		}
		b := w.browser().signIn()
		for nobody, says := range map[gatehouse.Revocation]string{
			{}:                                       "exactly one",
			{Subject: "alice", SID: "s"}:             "exactly one",
			{Session: "s", Subject: "alice"}:         "exactly one",
			{Session: "s"}:                           "not the ID",
			{Session: "u" + strings.Repeat("x", 32)}: "not the ID",
		} {
			if err := w.gate.Revoke(t.Context(), nobody); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%+v: %v", nobody, err)
			}
		}
		b.fetch("/me").want(t, http.StatusOK)
	})
}

// TestSharedDenylist: what is revoked at one replica is revoked at all, and a
// clock that is ahead there costs nobody their next sign-in.
func TestSharedDenylist(t *testing.T) {
	var shared *list
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		shared = newList(c.Clock)
		c.Revocations = shared
	}})
	ahead := w.replica(func(c *gatehouse.Config) {
		c.Clock = func() time.Time { return w.clock.Now().Add(5 * time.Second) }
	})
	b := w.browser().signIn()
	copied := sessionCookies(b.cookies())
	b.at(ahead).fetch("/me").want(t, http.StatusOK)
	token := w.provider.LogoutToken("app", "alice", "").Sign()
	ahead.deliver(token).want(t, http.StatusOK)
	b.fetch("/me").want(t, http.StatusUnauthorized)
	w.deliver(token).want(t, http.StatusBadRequest) // received before, by the other
	b.signIn()
	b.at(ahead).fetch("/me").want(t, http.StatusOK)

	b.at(ahead).send(http.MethodPost, "/auth/logout", navigation, "")
	for _, cookies := range [][]*http.Cookie{copied} {
		b.keep(cookies)
		b.fetch("/me").want(t, http.StatusUnauthorized)
	}
}

// TestDenylistIsAway: nobody is signed out by it, and a revocation that couldn't
// be kept is not claimed to be.
func TestDenylistIsAway(t *testing.T) {
	for _, grace := range []time.Duration{0, time.Minute} {
		var shared *list
		w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
			shared = newList(c.Clock)
			c.Revocations, c.RevocationGrace = shared, grace
		}})
		other := w.replica(nil)
		b, gone := w.browser().signIn(), w.browser().signIn()
		copied := sessionCookies(gone.cookies())
		bystander := w.browser().signIn()
		shared.away.Store(true)
		served := http.StatusServiceUnavailable
		if grace > 0 {
			served = http.StatusOK
		}
		for _, res := range []answer{b.get("/me"), b.fetch("/me")} {
			res.want(t, served)
			if len(res.Cookies()) != 0 || served != http.StatusOK && res.Header.Get("Retry-After") == "" {
				t.Errorf("header %v", res.Header)
			}
		}
		w.deliver(w.provider.LogoutToken("app", "bob", "").Sign()).want(t, http.StatusBadRequest)
		gone.send(http.MethodPost, "/auth/logout", navigation, "")
		gone.keep(copied)
		gone.fetch("/me").want(t, http.StatusUnauthorized) // this process knows

		w.clock.advance(time.Minute)
		res := b.fetch("/me").want(t, http.StatusServiceUnavailable)
		if len(res.Cookies()) != 0 {
			t.Errorf("set %v", res.Cookies())
		}
		w.clock.advance(dead)
		b.fetch("/me").want(t, http.StatusServiceUnavailable)
		if got := w.provider.Calls("token"); got != 3 {
			t.Errorf("%d token requests", got)
		}
		shared.away.Store(false)
		b.get("/me").want(t, http.StatusOK, "alice")
		eventually(t, "the others are told what they missed", func() bool { return gone.at(other).fetch("/me").StatusCode == http.StatusUnauthorized })
		bystander.at(other).fetch("/me").want(t, http.StatusOK)
	}
}

// curt is a denylist that answers for fewer names than it was asked about.
type curt struct{ *gatehouse.MemoryStore }

func (c curt) Revoked(ctx context.Context, names ...string) ([]time.Time, error) {
	before, err := c.MemoryStore.Revoked(ctx, names...)
	return before[1:], err
}

// TestCurtDenylist: what it doesn't say of a name is no word that it isn't revoked.
func TestCurtDenylist(t *testing.T) {
	both(t, setup{gate: func(c *gatehouse.Config) {
		c.Revocations = curt{gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})}
	}}, func(t *testing.T, w *world) {
		b := w.browser()
		b.get(b.callback("/me")).want(t, http.StatusFound)
		b.fetch("/me").want(t, http.StatusServiceUnavailable)
	})
}

// TestGraceOfADenylist: while it is away a session is served no longer than its
// access token lives, however long the grace is.
func TestGraceOfADenylist(t *testing.T) {
	var shared *list
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		shared = newList(c.Clock)
		c.Revocations, c.RevocationGrace = shared, time.Hour
	}})
	b := w.browser().signIn()
	shared.away.Store(true)
	b.fetch("/me").want(t, http.StatusOK)
	w.clock.advance(due)
	b.fetch("/me").want(t, http.StatusOK)
	w.clock.advance(dead - due)
	b.fetch("/me").want(t, http.StatusServiceUnavailable)
	if got := w.provider.Calls("token"); got != 1 {
		t.Errorf("%d token requests", got)
	}
	shared.away.Store(false)
	b.fetch("/me").want(t, http.StatusOK)
}

// TestFullDenylist: one revocation more than it holds ends everything that began
// before it, and nothing that begins after.
func TestFullDenylist(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		c.Revocations = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{MaxRevocations: 3, Clock: c.Clock})
	}})
	other := w.replica(nil)
	b := w.browser().signIn()
	for _, sub := range []string{"a", "b", "c"} {
		if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: sub}); err != nil {
			t.Fatal(err)
		}
	}
	b.at(other).fetch("/me").want(t, http.StatusOK)
	if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: "d"}); err != nil {
		t.Fatal(err)
	}
	b.at(other).fetch("/me").want(t, http.StatusUnauthorized)
	b.signIn()
	b.at(other).fetch("/me").want(t, http.StatusOK)
}

// TestDenylistCostsLittle: one that holds others' sessions costs no allocation,
// and no look-up anywhere else.
func TestDenylistCostsLittle(t *testing.T) {
	handler, r := authenticated(t, remembering(0), func(g *gatehouse.Gate) func(http.Handler) http.Handler {
		for _, whose := range []gatehouse.Revocation{{Session: "s" + strings.Repeat("x", 32)}, {SID: "other"}, {Subject: "bob"}} {
			if err := g.Revoke(t.Context(), whose); err != nil {
				t.Fatal(err)
			}
		}
		return admins(g)
	})
	header := http.Header{}
	if allocs := testing.AllocsPerRun(200, func() {
		w := quiet{header: header}
		clear(w.header)
		handler.ServeHTTP(&w, r)
		if w.status != http.StatusNoContent {
			t.Fatal(w.status)
		}
	}); allocs-1 > 2 {
		t.Errorf("%v allocations", allocs-1)
	}
}

// streams is an application with one page that stays open until its session
// ends.
func streams(opened chan<- error) func(*gatehouse.Gate) http.Handler {
	return func(g *gatehouse.Gate) http.Handler {
		mux := g.Mux()
		mux.HandleFunc("/me", rbac.SignedIn(), me)
		mux.HandleFunc("/stream", rbac.SignedIn(), func(w http.ResponseWriter, r *http.Request) {
			who, _ := gatehouse.IdentityFrom(r.Context())
			ctx, stop := who.Context(r.Context())
			defer stop()
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			opened <- nil
			<-ctx.Done()
			opened <- context.Cause(ctx)
		})
		return g.Wrap(mux)
	}
}

// TestLongLivedHandlers learn that their session has ended: at another replica,
// at this one, and by leaving.
func TestLongLivedHandlers(t *testing.T) {
	for name, end := range map[string]func(*world, *world, *browser){
		"back-channel logout here": func(w, _ *world, _ *browser) { w.deliver(w.provider.LogoutToken("app", "alice", "").Sign()) },
		"back-channel logout there": func(_, other *world, _ *browser) {
			other.deliver(other.provider.LogoutToken("app", "alice", "").Sign())
		},
		"front-channel logout there": func(w, other *world, _ *browser) {
			other.browser().get("/auth/frontchannel-logout?iss=" + w.idp.URL + "&sid=" + w.provider.SID())
		},
		"Revoke there": func(w, other *world, _ *browser) {
			_ = other.gate.Revoke(w.Context(), gatehouse.Revocation{Subject: "alice"})
		},
		"logout here":  func(_, _ *world, b *browser) { b.send(http.MethodPost, "/auth/logout", navigation, "") },
		"logout there": func(_, other *world, b *browser) { b.at(other).send(http.MethodPost, "/auth/logout", navigation, "") },
		"the provider refuses a renewal there": func(w, other *world, b *browser) {
			w.provider.RevokeUser("alice")
			w.clock.advance(dead)
			b.at(other).fetch("/me").want(w, http.StatusUnauthorized)
		},
		"Admit refuses a renewal there": func(w, other *world, b *browser) {
			w.provider.OnIDToken(func(j *oidctest.JWT) { j.Claims["locked"] = true })
			w.clock.advance(dead)
			b.at(other).fetch("/me").want(w, http.StatusForbidden)
		},
		"in the store: another sign-in in that browser there": func(w, other *world, b *browser) {
			b.get(strings.Replace(b.callback("/auth/login"), w.app.URL, other.app.URL, 1)).want(w, http.StatusFound)
		},
	} {
		for _, stored := range []bool{false, true} {
			if !stored && strings.HasPrefix(name, "in the store: ") {
				continue
			}
			opened := make(chan error)
			w := newWorld(t, setup{routes: streams(opened), gate: func(c *gatehouse.Config) {
				shared := gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})
				c.Revocations = shared
				if stored {
					c.Store = shared
				}
				c.Admit = func(_ context.Context, a *gatehouse.Admission) error {
					if a.Claims["locked"] == true {
						return &gatehouse.Error{Status: http.StatusForbidden, Message: "Locked."}
					}
					return nil
				}
			}})
			other := w.replica(nil)
			w.provider.SignIn(bob)
			bystander := w.browser().signIn()
			w.provider.SignIn(alice)
			b := w.browser().signIn()
			var clients sync.WaitGroup
			clients.Go(func() { b.fetch("/stream") })
			<-opened
			ctx, leave := context.WithCancel(t.Context())
			clients.Go(func() {
				r, _ := http.NewRequestWithContext(ctx, http.MethodGet, w.app.URL+"/stream", nil)
				if res, err := bystander.client.Do(r); err == nil {
					_, _ = res.Body.Read(make([]byte, 1))
					res.Body.Close()
				}
			})
			<-opened
			end(w, other, b)
			select {
			case cause := <-opened:
				if !errors.Is(cause, gatehouse.ErrSignedOut) {
					t.Errorf("%s, stored %v: %v", name, stored, cause)
				}
			case <-late(t):
				w.app.CloseClientConnections()
				t.Fatalf("%s, stored %v: it stays open", name, stored)
			}
			leave()
			if cause := <-opened; errors.Is(cause, gatehouse.ErrSignedOut) {
				t.Errorf("%s, stored %v: the bystander was signed out", name, stored)
			}
			clients.Wait()
		}
	}
}

// TestLongLivedHandlersAlone: without any list that is shared, a session that is
// revoked by its ID ends its handlers too.
func TestLongLivedHandlersAlone(t *testing.T) {
	opened := make(chan error)
	w := newWorld(t, setup{routes: streams(opened)})
	b := w.browser().signIn()
	var client sync.WaitGroup
	client.Go(func() { b.fetch("/stream") })
	<-opened
	listed, err := w.gate.Sessions(t.Context(), "alice")
	if err != nil || len(listed) != 1 {
		t.Fatalf("%v, %v", listed, err)
	}
	if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Session: listed[0].ID}); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; !errors.Is(err, gatehouse.ErrSignedOut) {
		t.Errorf("it ended by %v", err)
	}
	client.Wait()
}

// TestContextOfIdentity ends with the session, by its clock, and leaves nothing
// behind.
func TestContextOfIdentity(t *testing.T) {
	test := gatehouse.NewIdentity(map[string]any{"sub": "bob"})
	parent, cancel := context.WithCancel(t.Context())
	ctx, stop := test.Context(parent)
	defer stop()
	if ctx.Err() != nil {
		t.Error("it has ended")
	}
	cancel()
	if <-ctx.Done(); context.Cause(ctx) != context.Canceled {
		t.Errorf("cause %v", context.Cause(ctx))
	}

	w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.IdleTimeout = -1 }}) // what is looked up belongs to no bubble
	b := w.browser().signIn()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range b.cookies() {
		r.AddCookie(c)
	}
	var who *gatehouse.Identity
	w.gate.Identify(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		who, _ = gatehouse.IdentityFrom(r.Context())
	})).ServeHTTP(httptest.NewRecorder(), r)
	synctest.Test(t, func(t *testing.T) { // which waits for every goroutine and timer
		ctx, stop := who.Context(t.Context())
		time.Sleep(12*time.Hour + time.Second)
		if <-ctx.Done(); !errors.Is(context.Cause(ctx), gatehouse.ErrSignedOut) {
			t.Errorf("cause %v", context.Cause(ctx))
		}
		stop()
		ctx, stop = who.Context(t.Context())
		stop()
		if <-ctx.Done(); errors.Is(context.Cause(ctx), gatehouse.ErrSignedOut) {
			t.Errorf("cause %v", context.Cause(ctx))
		}
	})
}
