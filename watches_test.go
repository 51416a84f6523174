package gatehouse

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// remoteList is a shared denylist whose other users the test is.
type remoteList struct {
	before  time.Time
	err     error
	changed func(names []string)
	stopped bool
}

func (l *remoteList) Revoke(context.Context, string, time.Time, time.Time) error { return l.err }

func (l *remoteList) Revoked(_ context.Context, names ...string) ([]time.Time, error) {
	before := make([]time.Time, len(names))
	before[0] = l.before
	return before, l.err
}

func (l *remoteList) Watch(changed func(names []string)) (stop func()) {
	l.changed = changed
	return func() { l.stopped = true }
}

// TestWatches: what another process revokes ends what it means, once it says so,
// and leaves neither goroutines nor memory.
func TestWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := &remoteList{}
		g := &Gate{names: names{"iss", "app"}}
		g.config = Config{Clock: time.Now, Revocations: list}
		g.denials = newDenials(g.config)
		g.watches = newWatches(g.denials, &cookieVault{}, g.config)
		if err := g.watches.subscribe(g.config); err != nil {
			t.Fatal(err)
		}
		who := newIdentity(g, session{id: newSessionID(), begun: time.Now().UnixMilli(), ends: time.Now().Add(time.Hour).Unix()})
		name := who.SessionID()

		ctx, stop := who.Context(t.Context())
		defer stop()
		alive := func(want bool) {
			t.Helper()
			synctest.Wait()
			if got := ctx.Err() == nil; got != want {
				t.Errorf("alive %v, want %v", got, want)
			}
		}
		list.changed([]string{name}) // nothing of it
		alive(true)
		list.before = time.Now().Add(-time.Second) // an older one
		list.changed(nil)
		alive(true)
		list.err = errors.New("away")
		list.changed([]string{name})
		alive(true)
		list.before, list.err = time.Now().Add(time.Second), nil
		list.changed([]string{"another"})
		alive(true)
		list.changed(nil) // anything may have changed
		alive(false)
		if context.Cause(ctx) != ErrSignedOut || len(g.watches.byName) != 0 {
			t.Errorf("cause %v, %d names left", context.Cause(ctx), len(g.watches.byName))
		}
		ctx, stop = who.Context(t.Context()) // of a session that is revoked already
		alive(false)
		stop()

		list.before = time.Time{}
		for range 100 {
			_, stop := who.Context(t.Context())
			stop()
		}
		parent, cancel := context.WithCancel(t.Context())
		_, stop = who.Context(parent)
		cancel()
		synctest.Wait()
		stop()
		if len(g.watches.byName) != 0 {
			t.Errorf("%d names left", len(g.watches.byName))
		}
		if err := g.watches.close(); err != nil {
			t.Error(err)
		}
		list.changed(nil)
		if !list.stopped {
			t.Error("it still watches")
		}
	})
}

// oneSession is a store of one session.
type oneSession struct {
	cookieVault
	mu      sync.Mutex
	session *session
	err     error
}

func (v *oneSession) kept(context.Context, *session) (*session, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.session, v.err
}

func (v *oneSession) keep(s *session) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.session = s
}

func (v *oneSession) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = err
}

// TestWatchesOfStoredSessions: one that the store has no longer has ended, unless
// nobody can know.
func TestWatchesOfStoredSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, now := &remoteList{}, time.Now
		s := session{id: newSessionID(), begun: now().UnixMilli(), seen: now().Unix(), ends: now().Add(12 * time.Hour).Unix()}
		store := &oneSession{session: &s}
		g := &Gate{names: names{"iss", "app"}, vault: store}
		g.config = Config{Clock: now, Revocations: list, IdleTimeout: time.Hour}
		g.denials = newDenials(g.config)
		g.watches = newWatches(g.denials, store, g.config)
		if err := g.watches.subscribe(g.config); err != nil {
			t.Fatal(err)
		}
		who := newIdentity(g, s)
		told := func(want bool) {
			t.Helper()
			ctx, stop := who.Context(t.Context())
			defer stop()
			list.changed([]string{who.SessionID()})
			if synctest.Wait(); (ctx.Err() == nil) != want {
				t.Errorf("alive %v, want %v", !want, want)
			}
		}
		told(true)
		store.keep(nil)
		store.fail(errors.New("away"))
		told(true)
		store.fail(nil)
		told(false) // ended

		used := s
		used.seen += 1800
		store.keep(&used) // elsewhere
		ctx, stop := who.Context(t.Context())
		defer stop()
		list.changed(nil)
		synctest.Wait()
		store.keep(nil)
		time.Sleep(80 * time.Minute)
		list.changed(nil)
		if synctest.Wait(); ctx.Err() == nil {
			t.Error("it outlives a session that was in use")
		}
		time.Sleep(time.Hour)
		told(false) // idle
		if err := g.watches.close(); err != nil {
			t.Error(err)
		}
	})
}

// awayDirectory can't be asked, if so told.
type awayDirectory struct {
	Directory
	away atomic.Bool
}

func (d *awayDirectory) List(ctx context.Context, owner string) (map[string][]byte, error) {
	if d.away.Load() {
		return nil, errors.New("away")
	}
	return d.Directory.List(ctx, owner)
}

// TestWatchesOfUnusedSessions: a handler lives no longer than its session does while
// nobody uses that, here or elsewhere, and as long as nobody can tell.
func TestWatchesOfUnusedSessions(t *testing.T) {
	const idle, life = time.Hour, 12 * time.Hour
	type one struct {
		session   session
		store     *oneSession
		list      *awayDirectory
		directory *directory
	}
	use := func(t *testing.T, o *one) {
		s := o.session
		s.seen = time.Now().Unix()
		o.store.keep(&s)
		if err := o.directory.enter(t.Context(), o.directory.names.session(s.id), &s, "", time.Unix(s.ends, 0), time.Unix(s.ends, 0)); err != nil {
			t.Error(err)
		}
	}
	for name, c := range map[string]struct {
		stored bool
		idle   time.Duration
		during func(t *testing.T, o *one)
		want   time.Duration
	}{
		"in cookies, unused":    {false, idle, func(*testing.T, *one) {}, idle},
		"in cookies, used":      {false, idle, func(t *testing.T, o *one) { time.Sleep(idle / 2); use(t, o) }, idle * 3 / 2},
		"in cookies, used more": {false, idle, func(t *testing.T, o *one) { time.Sleep(idle / 2); use(t, o); time.Sleep(idle / 3); use(t, o) }, idle * 11 / 6},
		"in cookies, nobody can tell": {false, idle, func(_ *testing.T, o *one) {
			o.list.away.Store(true)
			time.Sleep(idle + idle/2 + time.Second)
			o.list.away.Store(false)
		}, idle + idle/2 + askAgain},
		"in a store, unused": {true, idle, func(*testing.T, *one) {}, idle},
		"in a store, used":   {true, idle, func(t *testing.T, o *one) { time.Sleep(idle / 2); use(t, o) }, idle * 3 / 2},
		"in a store, nobody can tell": {true, idle, func(_ *testing.T, o *one) {
			o.store.fail(errors.New("away"))
			time.Sleep(idle + idle/2 + time.Second)
			o.store.fail(nil)
		}, idle + idle/2 + askAgain},
		"to its end":   {false, 2 * life, func(*testing.T, *one) {}, life},
		"switched off": {false, -1, func(*testing.T, *one) {}, life},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				o := &one{session: session{
					id: newSessionID(), begun: began.UnixMilli(), seen: began.Unix(), ends: began.Add(life).Unix(), own: []byte(`{"sub":"alice"}`),
				}}
				if c.stored {
					o.session.place.ticket = &ticket{name: names{"iss", "app"}.session(o.session.id)}
				}
				o.store = &oneSession{session: &o.session}
				config := Config{Issuer: "iss", ClientID: "app", Clock: time.Now, IdleTimeout: c.idle, SessionKeys: []cookie.Key{cookie.NewKey()}}
				var err error
				if o.directory, err = newDirectory(config); err != nil {
					t.Fatal(err)
				}
				o.list = &awayDirectory{Directory: o.directory.list}
				o.directory.list = o.list
				g := &Gate{names: o.directory.names, vault: o.store, directory: o.directory, config: config}
				if g.policy, err = (rbac.Policy{}).Compile(); err != nil {
					t.Fatal(err)
				}
				g.denials = newDenials(config)
				g.watches = newWatches(g.denials, o.store, config)
				defer func() { _ = g.watches.close() }()

				ctx, stop := newIdentity(g, o.session).Context(t.Context())
				defer stop()
				c.during(t, o)
				<-ctx.Done()
				if took := time.Since(began); took < c.want || took > c.want+2*time.Second || context.Cause(ctx) != ErrSignedOut {
					t.Errorf("ended after %v, want %v: %v", took, c.want, context.Cause(ctx))
				}
				synctest.Wait()
				if len(g.watches.byName) != 0 {
					t.Errorf("%d names left", len(g.watches.byName))
				}
			})
		})
	}
}

// TestWatchesOfAFullDenylist: what a full one ends besides, it ends for those who
// are still there too, whichever list it is.
func TestWatchesOfAFullDenylist(t *testing.T) {
	for _, isShared := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := &Gate{names: names{"iss", "app"}}
			g.config = Config{Clock: time.Now}
			if isShared {
				g.config.Revocations = NewMemoryStore(MemoryStoreConfig{MaxRevocations: 2})
			}
			g.denials = newDenials(g.config)
			g.denials.own = newDenylist(2, time.Now)
			g.watches = newWatches(g.denials, &cookieVault{}, g.config)
			if err := g.watches.subscribe(g.config); err != nil {
				t.Fatal(err)
			}
			who := newIdentity(g, session{id: newSessionID(), begun: time.Now().UnixMilli(), ends: time.Now().Add(time.Hour).Unix()})
			ctx, stop := who.Context(t.Context())
			for i, name := range []string{"u1", "u2", "u3"} {
				if synctest.Wait(); ctx.Err() != nil {
					t.Errorf("ended by the %d. revocation of somebody else", i)
				}
				if isShared {
					_ = g.config.Revocations.Revoke(t.Context(), name, time.Now(), time.Now().Add(time.Hour))
				} else {
					_ = g.denials.add(t.Context(), name, time.Now(), time.Now().Add(time.Hour))
				}
			}
			if synctest.Wait(); ctx.Err() == nil {
				t.Errorf("it stays open, a shared list: %v", isShared)
			}
			stop()
			if err := g.watches.close(); err != nil {
				t.Error(err)
			}
		})
	}
}
