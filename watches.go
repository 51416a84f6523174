package gatehouse

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/caught"
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
// Renewals don't end it. That it lasts is no use of the session, which may so reach
// [Config.IdleTimeout] while nobody makes other requests, and end. It costs no
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
	unwatch []func() error

	mu      sync.Mutex
	closed  bool
	byName  map[string]map[*watch]struct{}
	suspect map[*watch]struct{} // to be looked up
	looking bool
	looks   sync.WaitGroup
}

type watch struct {
	who   *Identity
	names []string
	end   func()

	// Under the lock:
	idle  *time.Timer // nil, or when it may have been unused for too long
	idled bool        // it went off
	gone  bool
}

func newWatches(d *denials, v vault, c Config) *watches {
	w := &watches{denials: d, vault: v, idle: c.IdleTimeout, byName: map[string]map[*watch]struct{}{}, suspect: map[*watch]struct{}{}}
	d.revoked, d.raised = w.deny, func() { w.changed(nil) }
	return w
}

// subscribe has the shared list and the store tell what other processes do, where they
// can. With an error they don't.
func (w *watches) subscribe(c Config) error {
	err := w.watch("Store", c.Store)
	if err == nil && !isSame(c.Store, c.Revocations) {
		err = w.watch("Revocations", c.Revocations)
	}
	if err != nil {
		return errors.Join(err, w.close())
	}
	return nil
}

func (w *watches) watch(field string, value any) (err error) {
	list, ok := value.(Watcher)
	if !ok {
		return nil
	}
	defer caught.Into(&err, field+": Watch")
	stop := list.Watch(w.changed)
	w.unwatch = append(w.unwatch, func() (err error) {
		defer caught.Into(&err, field+": the stop of Watch")
		stop()
		return nil
	})
	return nil
}

// isSame reports whether two of an application's values are one. Some can't be
// compared, and are none then.
func isSame(a, b any) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// add calls end when the session of who does, until ctx ends or stop is called.
func (w *watches) add(ctx context.Context, who *Identity, end func()) (stop func()) {
	gate, s := who.known.gate, who.session()
	added := &watch{who: who, names: append(who.revocable(), gate.names.over(who.sessionName())), end: end}
	now, lasts := w.denials.clock(), gate.lastsUntil(s)
	w.mu.Lock()
	for _, name := range added.names {
		if w.byName[name] == nil {
			w.byName[name] = map[*watch]struct{}{}
		}
		w.byName[name][added] = struct{}{}
	}
	if idles := s.expires(w.idle); idles.Before(lasts) {
		added.idle = time.AfterFunc(idles.Sub(now), func() { w.unused(added) })
	}
	w.mu.Unlock()
	timer := time.AfterFunc(lasts.Sub(now), end)
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
	gone.gone = true
	if gone.idle != nil {
		gone.idle.Stop()
	}
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
		if one.who.session().begunBy(before) {
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
	w.denials.heard.note(names)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookAt(w.of(names)...)
}

// unused has one looked up that nobody may have used for too long.
func (w *watches) unused(one *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !one.gone {
		one.idled = true
		w.lookAt(one)
	}
}

func (w *watches) lookAt(some ...*watch) {
	for _, one := range some {
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
	ctx := context.Background()
	for {
		one := w.next()
		if one == nil {
			return
		}
		// With an error, what is known even so; the list tells again when it is back.
		if before, _ := w.denials.latest(ctx, one.names...); one.who.session().begunBy(before) || w.over(ctx, one) {
			one.end()
		}
	}
}

// askAgain is when it is looked again whether a session was used, where nobody could
// tell.
const askAgain = time.Minute

// over reports whether the store keeps a session no longer, or nobody has used it for
// too long.
func (w *watches) over(ctx context.Context, one *watch) bool {
	s := one.who.session()
	kept, err := w.vault.kept(ctx, s)
	if err == nil && kept == nil {
		return true
	}
	w.mu.Lock()
	idled := one.idled
	w.mu.Unlock()
	if !idled {
		return false
	}
	left := askAgain
	if err == nil {
		left, err = w.left(ctx, one.who, kept)
	}
	if err == nil && left <= 0 {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if one.idled = false; !one.gone {
		one.idle.Reset(left)
	}
	return false
}

// left is for how long a session lasts if nobody uses it, askAgain with an error. When
// one in cookies was used last, its entry in the directory says.
func (w *watches) left(ctx context.Context, who *Identity, kept *session) (time.Duration, error) {
	idles := kept.expires(w.idle)
	if directory := who.known.gate.directory; directory != nil && kept.place.ticket == nil {
		listed, err := directory.of(ctx, who.Subject())
		if err != nil {
			return askAgain, err
		}
		for _, session := range listed {
			if session.ID == who.sessionName() {
				idles = later(idles, session.Seen.Add(w.idle))
			}
		}
	}
	return idles.Sub(w.denials.clock()), nil
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
func (w *watches) close() error {
	var mistakes []error
	for _, unwatch := range w.unwatch {
		mistakes = append(mistakes, unwatch())
	}
	w.mu.Lock()
	w.closed = true
	clear(w.suspect)
	w.mu.Unlock()
	w.looks.Wait()
	return errors.Join(mistakes...)
}
