package gatehouse

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
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
		g.watches.close()
		list.changed(nil)
		if !list.stopped {
			t.Error("it still watches")
		}
	})
}

// oneSession is a store of one session.
type oneSession struct {
	cookieVault
	session *session
	err     error
}

func (v *oneSession) kept(context.Context, *session) (*session, error) { return v.session, v.err }

// TestWatchesOfStoredSessions: one that the store has no longer has ended, unless
// it idled away, or nobody can know.
func TestWatchesOfStoredSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, now := &remoteList{}, time.Now
		s := session{id: newSessionID(), begun: now().UnixMilli(), seen: now().Unix(), ends: now().Add(12 * time.Hour).Unix()}
		store := &oneSession{session: &s}
		g := &Gate{names: names{"iss", "app"}, vault: store}
		g.config = Config{Clock: now, Revocations: list, IdleTimeout: time.Hour}
		g.denials = newDenials(g.config)
		g.watches = newWatches(g.denials, store, g.config)
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
		store.session, store.err = nil, errors.New("away")
		told(true)
		store.err = nil
		told(false) // ended

		used := s
		used.seen += 1800
		store.session = &used // elsewhere
		ctx, stop := who.Context(t.Context())
		defer stop()
		list.changed(nil)
		synctest.Wait()
		store.session = nil
		time.Sleep(80 * time.Minute)
		list.changed(nil)
		if synctest.Wait(); ctx.Err() == nil {
			t.Error("it outlives a session that was in use")
		}
		time.Sleep(time.Hour)
		told(true) // idle
		g.watches.close()
	})
}

// TestWatchesOfAFullDenylist: what a full one ends besides, it ends for those who
// are still there too, whichever list it is.
func TestWatchesOfAFullDenylist(t *testing.T) {
	for _, shared := range []Revocations{nil, NewMemoryStore(MemoryStoreConfig{MaxRevocations: 2})} {
		g := &Gate{names: names{"iss", "app"}}
		g.config = Config{Clock: time.Now, Revocations: shared}
		g.denials = newDenials(g.config)
		g.denials.own = newDenylist(2, time.Now)
		g.watches = newWatches(g.denials, &cookieVault{}, g.config)
		who := newIdentity(g, session{id: newSessionID(), begun: time.Now().UnixMilli(), ends: time.Now().Add(time.Hour).Unix()})
		ctx, stop := who.Context(t.Context())
		for i, name := range []string{"u1", "u2", "u3"} {
			if ctx.Err() != nil {
				t.Errorf("ended by the %d. revocation of somebody else", i)
			}
			if shared == nil {
				_ = g.denials.add(t.Context(), name, time.Now(), time.Now().Add(time.Hour))
			} else {
				_ = shared.Revoke(t.Context(), name, time.Now(), time.Now().Add(time.Hour))
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
			t.Errorf("it stays open, list %T", shared)
		}
		stop()
		g.watches.close()
	}
}
