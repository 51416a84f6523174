package gatehouse_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
)

// hands are an operator's in the server: they see every name, and mix up what is
// listed.
type hands struct {
	*gatehouse.MemoryStore
	mu      sync.Mutex
	asked   map[string]bool
	entries map[string][]byte
}

func newHands(now func() time.Time) *hands {
	return &hands{
		MemoryStore: gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: now}),
		asked:       map[string]bool{},
		entries:     map[string][]byte{},
	}
}

func (h *hands) Revoked(ctx context.Context, names ...string) ([]time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range names {
		h.asked[name] = true
	}
	return h.MemoryStore.Revoked(ctx, names...)
}

func (h *hands) Enter(ctx context.Context, owner, id string, entry []byte, expires time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries[id] = entry
	return h.MemoryStore.Enter(ctx, owner, id, entry, expires)
}

func (h *hands) List(context.Context, string) (map[string][]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.entries), nil
}

// TestEntriesOfAnotherOwner: what is listed of one person is no entry of
// another's, wherever it was moved.
func TestEntriesOfAnotherOwner(t *testing.T) {
	var mixed *hands
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		mixed = newHands(c.Clock)
		c.Store = mixed
	}})
	alices := w.browser().withAgent(onWindows).signIn()
	id := alices.listed()[0].ID
	w.provider.SignIn(bob)
	bobs := w.browser().withAgent(onPhone).signIn()
	if rows := bobs.listed(); len(rows) != 1 || !rows[0].Current {
		t.Errorf("bob is shown %+v", rows)
	}
	bobs.send(http.MethodPost, "/auth/sessions", fetching, url.Values{"session": {id}}.Encode()).want(t, http.StatusNoContent)
	alices.fetch("/me").want(t, http.StatusOK)
}

// TestRevocationFromTheFuture: whoever writes to the denylist keeps people out,
// and makes no session that outlives its time or that nobody can revoke.
func TestRevocationFromTheFuture(t *testing.T) {
	var written *hands
	both(t, setup{gate: func(c *gatehouse.Config) {
		written = newHands(c.Clock)
		c.Revocations = written
	}}, func(t *testing.T, w *world) {
		b := w.browser().signIn()
		b.fetch("/me").want(t, http.StatusOK)
		written.mu.Lock()
		asked := maps.Clone(written.asked)
		written.mu.Unlock()
		now := w.clock.Now()
		for name := range asked {
			if strings.HasPrefix(name, "u") {
				if err := written.Revoke(t.Context(), name, now.AddDate(100, 0, 0), now.AddDate(200, 0, 0)); err != nil {
					t.Fatal(err)
				}
			}
		}
		b.fetch("/me").want(t, http.StatusUnauthorized)
		b.visit("/me").want(t, http.StatusServiceUnavailable)
		b.fetch("/me").want(t, http.StatusUnauthorized)
	})
}

// TestStrangersDuringAnOutage: whoever floods the front channel while the shared
// denylist is away keeps no sign-out from the other replicas.
func TestStrangersDuringAnOutage(t *testing.T) {
	var shared *list
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		shared = newList(c.Clock)
		c.Revocations = shared
	}})
	other := w.replica(nil)
	gone, bystander := w.browser().signIn(), w.browser()
	w.provider.SignIn(bob)
	bystander.signIn()
	shared.away.Store(true)
	for i := range 10_050 {
		r, err := http.NewRequest(http.MethodGet, "/auth/frontchannel-logout?"+url.Values{"iss": {w.idp.URL}, "sid": {fmt.Sprint("x", i)}}.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		w.gate.Endpoints().ServeHTTP(&quiet{header: http.Header{}}, r)
	}
	if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: "alice"}); err == nil {
		t.Error("kept by a denylist that is away")
	}
	shared.away.Store(false)
	bystander.fetch("/me").want(t, http.StatusOK) // which notices that it is back
	eventually(t, "the other replica hears of it", func() bool { return gone.at(other).fetch("/me").StatusCode == http.StatusUnauthorized })
}

// TestStrangersInASmallStore: however few revocations a store in memory may keep, and
// however many gates share it, strangers fill half of it at most, so that neither they
// nor the sign-out that comes after them end anybody's session.
func TestStrangersInASmallStore(t *testing.T) {
	var clock func() time.Time
	var store *gatehouse.MemoryStore
	share := setup{gate: func(c *gatehouse.Config) {
		if store == nil {
			clock = c.Clock
			store = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{MaxRevocations: 100, Clock: clock})
		}
		c.Store, c.Clock = store, clock
	}}
	one, two := newWorld(t, share), newWorld(t, share)
	alive, leaving := one.browser().signIn(), one.browser().signIn()
	refused := 0
	for i := range 200 {
		for _, w := range []*world{one, two} {
			said := url.Values{"iss": {w.idp.URL}, "sid": {fmt.Sprint("guess ", i)}}
			if w.browser().get("/auth/frontchannel-logout?"+said.Encode()).StatusCode != http.StatusOK {
				refused++
			}
		}
	}
	if refused != 350 {
		t.Errorf("%d of 400 are refused", refused)
	}
	alive.fetch("/me").want(t, http.StatusOK)
	leaving.get("/auth/logout")
	leaving.fetch("/me").want(t, http.StatusUnauthorized)
	alive.fetch("/me").want(t, http.StatusOK)
	one.clock.advance(4 * time.Hour) // there is room again
	said := url.Values{"iss": {one.idp.URL}, "sid": {"guess"}}
	one.browser().get("/auth/frontchannel-logout?"+said.Encode()).want(t, http.StatusOK)
}

// skewed are two processes that share a denylist, and whose clocks don't agree.
func skewed(t *testing.T) (w, ahead *world) {
	w = newWorld(t, setup{gate: func(c *gatehouse.Config) { c.Revocations = newList(c.Clock) }})
	return w, w.replica(func(c *gatehouse.Config) {
		c.Clock = func() time.Time { return w.clock.Now().Add(5 * time.Minute) }
	})
}

// TestSessionsOfAnotherClock: a session that began in the future, because a
// revocation came from there, is one that can be revoked.
func TestSessionsOfAnotherClock(t *testing.T) {
	for name, revoke := range map[string]func(w *world) int{
		"sub": func(w *world) int { return w.deliver(w.provider.LogoutToken("app", "alice", "").Sign()).StatusCode },
		"sid and sub": func(w *world) int {
			return w.deliver(w.provider.LogoutToken("app", "alice", w.provider.SID()).Sign()).StatusCode
		},
		"Revoke": func(w *world) int {
			if w.gate.Revoke(w.Context(), gatehouse.Revocation{Subject: "alice"}) != nil {
				return http.StatusServiceUnavailable
			}
			return http.StatusOK
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, ahead := skewed(t)
			if err := ahead.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: "alice"}); err != nil {
				t.Fatal(err)
			}
			b := w.browser().signIn()
			w.clock.advance(time.Second)
			if status := revoke(w); status != http.StatusOK {
				t.Errorf("%d", status)
			}
			b.fetch("/me").want(t, http.StatusUnauthorized)
			b.at(ahead).fetch("/me").want(t, http.StatusUnauthorized)
			w.clock.advance(time.Second)
			w.provider.SignIn(alice)
			b.signIn()
		})
	}
}

// TestRevocationOutlivesItsCopies: also one that was used last where the clock is
// ahead.
func TestRevocationOutlivesItsCopies(t *testing.T) {
	w, ahead := skewed(t)
	b := w.browser().signIn()
	w.clock.advance(time.Hour)
	b.at(ahead).get("/me").want(t, http.StatusOK) // seen in the future
	copied := sessionCookies(b.cookies())
	if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: "alice"}); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(2*time.Hour + 2*time.Minute)
	b.keep(copied)
	b.fetch("/me").want(t, http.StatusUnauthorized)
}

// fragile is a denylist that panics on demand.
type fragile struct {
	*gatehouse.MemoryStore
	panics atomic.Bool
}

func (f *fragile) Revoke(ctx context.Context, name string, before, until time.Time) error {
	if f.panics.Load() {
		panic("a bug")
	}
	return f.MemoryStore.Revoke(ctx, name, before, until)
}

// TestBackchannelPanic: the answer is 400 even so, and the token is good when it
// comes again.
func TestBackchannelPanic(t *testing.T) {
	var shared *fragile
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		shared = &fragile{MemoryStore: gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})}
		c.Revocations = shared
	}})
	b := w.browser().signIn()
	token := w.provider.LogoutToken("app", "alice", "").Sign()
	body := url.Values{"logout_token": {token}}.Encode()
	for _, kind := range []string{"application/json", "text/plain", "multipart/form-data; boundary=x", "a/b/c", ""} {
		r := httptest.NewRequest(http.MethodPost, "/auth/backchannel-logout", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		res := w.canary.Recorder("a logout's answer")
		w.gate.Endpoints().ServeHTTP(res, r)
		if res.Code != http.StatusBadRequest || res.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %v", kind, res.Code, res.Header())
		}
	}
	b.fetch("/me").want(t, http.StatusOK)
	shared.panics.Store(true)
	if res := w.deliver(token).want(t, http.StatusBadRequest); res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("header %v", res.Header)
	}
	shared.panics.Store(false)
	w.deliver(token).want(t, http.StatusOK)
	b.fetch("/me").want(t, http.StatusUnauthorized)
}

// TestLogoutTokensAfterAFullDenylist: a shared list that was full denies everything
// from before, and takes no logout token for one that was received then.
func TestLogoutTokensAfterAFullDenylist(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		c.Store = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock, MaxRevocations: 8})
	}})
	for i := range 9 {
		if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: fmt.Sprint("somebody ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.advance(time.Second)
	b := w.browser().signIn()
	w.clock.advance(time.Second)
	token := w.provider.LogoutToken("app", "alice", w.provider.SID()).Sign()
	w.deliver(token).want(t, http.StatusOK)
	b.fetch("/me").want(t, http.StatusUnauthorized)
	w.clock.advance(time.Second)
	w.provider.SignIn(alice)
	b.signIn()
	w.replica(nil).deliver(token).want(t, http.StatusBadRequest)
	b.fetch("/me").want(t, http.StatusOK)
}

// TestLogoutTokensDuringAnOutage: while the shared denylist is away a logout token is
// answered 400, so that it comes again, and obeyed where it arrived all the same.
func TestLogoutTokensDuringAnOutage(t *testing.T) {
	var shared *list
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		shared = newList(c.Clock)
		c.Revocations, c.RevocationGrace = shared, time.Minute
	}})
	b := w.browser().signIn()
	w.provider.SignIn(bob)
	bystander := w.browser().signIn()
	shared.away.Store(true)
	b.fetch("/me").want(t, http.StatusOK)
	token := w.provider.LogoutToken("app", "alice", "").Sign()
	w.deliver(token).want(t, http.StatusBadRequest)
	b.fetch("/me").want(t, http.StatusUnauthorized)
	bystander.fetch("/me").want(t, http.StatusOK)
	shared.away.Store(false)
	w.deliver(token).want(t, http.StatusOK)
}

// TestFullDenylistAndClocks: a list that is full raises its floor to the moment by its
// clock, and keeps what that doesn't cover: who began by a clock ahead of it, and signed
// out, stays signed out.
func TestFullDenylistAndClocks(t *testing.T) {
	for name, signOut := range map[string]func(w *world, b *browser){
		"a sign-out": func(_ *world, b *browser) { b.send(http.MethodPost, "/auth/logout", navigation, "") },
		"everywhere": func(w *world, b *browser) {
			b.send(http.MethodPost, "/auth/sessions", fetching, url.Values{"all": {"1"}}.Encode())
		},
		"by its ID": func(w *world, b *browser) {
			if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Session: b.listed()[0].ID}); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var right func() time.Time
			ahead := newWorld(t, setup{gate: func(c *gatehouse.Config) {
				right = c.Clock
				c.Clock = func() time.Time { return right().Add(10 * time.Second) }
				c.Revocations = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: right, MaxRevocations: 8})
			}})
			other := ahead.replica(func(c *gatehouse.Config) { c.Clock = right })
			third := ahead.replica(func(c *gatehouse.Config) { c.Clock = right }) // which knows what the list says
			b := ahead.browser().signIn()
			old := sessionCookies(b.cookies())
			signOut(ahead, b)
			for i := range 9 {
				if err := other.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: fmt.Sprint("somebody ", i)}); err != nil {
					t.Fatal(err)
				}
			}
			b.keep(old)
			b.at(third).fetch("/me").want(t, http.StatusUnauthorized)
			ahead.provider.SignIn(bob)
			ahead.browser().signIn().at(third).fetch("/me").want(t, http.StatusOK, "bob")
		})
	}
}
