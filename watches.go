package gatehouse

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"
)

// ErrSignedOut is the cause with which a context of [Identity.Context] ends when
// the session does.
var ErrSignedOut = errors.New("gatehouse: the session has ended")

// Context returns a child of ctx that also ends when the person's session does:
// when it is over, signed out or revoked, in this process at once, and in others
// as soon as [Config.Revocations] tells, if it is a [Watcher]. [context.Cause] is
// [ErrSignedOut] then. Handlers that live long, of WebSockets and server-sent
// events, work under it:
//
//	who, _ := gatehouse.IdentityFrom(r.Context())
//	ctx, stop := who.Context(r.Context())
//	defer stop()
//
// Renewals don't end it, and idling doesn't as long as it lasts. It costs no
// goroutine, and nothing once stop was called or ctx has ended. With an identity
// made by [NewIdentity] it ends with ctx, and with that of an access token when the
// token expires.
func (i *Identity) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	who := i.known
	if who.bearer != nil {
		return context.WithTimeoutCause(ctx, who.bearer.Expires().Sub(who.gate.config.Clock()), ErrSignedOut)
	}
	child, cancel := context.WithCancelCause(ctx)
	if who.gate == nil {
		return child, func() { cancel(nil) }
	}
	stop := who.gate.watches.add(child, i, func() { cancel(ErrSignedOut) })
	return child, func() {
		stop()
		cancel(nil)
	}
}

// watches are the contexts that end with a session, by every name under which
// that may be revoked.
type watches struct {
	denials *denials
	vault   vault
	idle    time.Duration
	unwatch []func()

	mu      sync.Mutex
	closed  bool
	byName  map[string]map[*watch]struct{}
	suspect map[*watch]struct{} // to be looked up
	looking bool
	looks   sync.WaitGroup
}

type watch struct {
	session *session
	names   []string
	idles   time.Time // when it does, as far as is known; under the lock
	end     func()
}

func newWatches(d *denials, v vault, c Config) *watches {
	w := &watches{denials: d, vault: v, idle: c.IdleTimeout, byName: map[string]map[*watch]struct{}{}, suspect: map[*watch]struct{}{}}
	d.raised = func() { w.changed(nil) }
	if list, ok := d.shared.(Watcher); ok {
		w.unwatch = append(w.unwatch, list.Watch(w.changed))
	}
	if store, ok := c.Store.(Watcher); ok && !isSame(c.Store, d.shared) {
		w.unwatch = append(w.unwatch, store.Watch(w.changed))
	}
	return w
}

// isSame reports whether two of an application's values are one. Some can't be
// compared, and are none then.
func isSame(a, b any) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// add calls end when the session of who does, until ctx ends or stop is called.
func (w *watches) add(ctx context.Context, who *Identity, end func()) (stop func()) {
	gate, s := who.known.gate, who.session()
	added := &watch{session: s, names: append(who.revocable(), gate.names.over(who.sessionName())), idles: s.expires(w.idle), end: end}
	w.mu.Lock()
	for _, name := range added.names {
		if w.byName[name] == nil {
			w.byName[name] = map[*watch]struct{}{}
		}
		w.byName[name][added] = struct{}{}
	}
	w.mu.Unlock()
	timer := time.AfterFunc(gate.lastsUntil(s).Sub(gate.config.Clock()), end)
	forget := context.AfterFunc(ctx, func() {
		timer.Stop()
		w.remove(added)
	})
	if before, _ := w.denials.latest(ctx, added.names...); s.begunBy(before) { // since the request looked
		end()
	}
	return func() {
		if forget() {
			timer.Stop()
			w.remove(added)
		}
	}
}

func (w *watches) remove(gone *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range gone.names {
		delete(w.byName[name], gone)
		if len(w.byName[name]) == 0 {
			delete(w.byName, name)
		}
	}
	delete(w.suspect, gone)
}

// of returns those under one of names, all of them for nil.
func (w *watches) of(names []string) []*watch {
	var found []*watch
	if names == nil {
		for _, some := range w.byName {
			for one := range some {
				found = append(found, one)
			}
		}
		return found
	}
	for _, name := range names {
		for one := range w.byName[name] {
			found = append(found, one)
		}
	}
	return found
}

// deny ends those that began before a revocation of name.
func (w *watches) deny(name string, before time.Time) {
	w.mu.Lock()
	found := w.of([]string{name})
	w.mu.Unlock()
	for _, one := range found {
		if one.session.begunBy(before) {
			one.end()
		}
	}
}

// end ends those of a session that is over.
func (w *watches) end(name string) {
	w.mu.Lock()
	found := w.of([]string{name})
	w.mu.Unlock()
	for _, one := range found {
		one.end()
	}
}

// changed has those looked up that another process may have revoked. It is
// called by the shared list, which must not wait for itself.
func (w *watches) changed(names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.of(names) {
		w.suspect[one] = struct{}{}
	}
	if len(w.suspect) == 0 || w.looking || w.closed {
		return
	}
	w.looking = true
	w.looks.Go(w.look)
}

// look looks up whatever is suspect.
func (w *watches) look() {
	for {
		one := w.next()
		if one == nil {
			return
		}
		// With an error, what is known even so; the list tells again when it is back.
		if before, _ := w.denials.latest(context.Background(), one.names...); one.session.begunBy(before) || w.gone(context.Background(), one) {
			one.end()
		}
	}
}

// gone reports whether the store keeps its session no longer, because that was
// ended, at whichever process. What a store drops because nobody uses it has not
// ended for who is still there.
func (w *watches) gone(ctx context.Context, one *watch) bool {
	kept, err := w.vault.kept(ctx, one.session)
	if err != nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if kept != nil {
		one.idles = kept.expires(w.idle)
		return false
	}
	return w.denials.clock().Before(one.idles)
}

func (w *watches) next() *watch {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.suspect {
		delete(w.suspect, one)
		return one
	}
	w.looking = false
	return nil
}

// close ends the looking.
func (w *watches) close() {
	for _, unwatch := range w.unwatch {
		unwatch()
	}
	w.mu.Lock()
	w.closed = true
	clear(w.suspect)
	w.mu.Unlock()
	w.looks.Wait()
}
