package refresh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// linger is how long a result is remembered after its new secret was
	// presented: requests that were sent before may still be on their way.
	linger = 30 * time.Second
	// failureMemory is how long a failure is: hundreds of requests at a
	// provider that fails make one call a second.
	failureMemory = time.Second
)

// ErrClosed is returned by [Group.Do] after [Group.Close].
var ErrClosed = errors.New("refresh: group is closed")

// Result is a renewed secret.
type Result struct {
	// Value is given to everybody who asked. It must not be modified.
	Value []byte
	// Next is the key of the renewed secret; [Group.Presented] takes it. Where
	// it equals the old key, a renewal changed nothing that is part of the key,
	// nobody can tell whether the result arrived, and it is remembered for 30 s.
	// The zero Key stands for a result that is never presented.
	Next Key
	// Expires is when the result is of no use any more, such as the expiry of
	// the new access token. A result that has expired already, as the zero time
	// has, is given to those who wait, and not remembered.
	Expires time.Time
}

// Format prints how much was renewed, whatever the verb, and nothing of the secret.
func (r Result) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "refresh.Result(%d bytes until %v)", len(r.Value), r.Expires)
}

// LogValue logs how much was renewed, and nothing of the secret.
func (r Result) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// MarshalJSON encodes how much was renewed, and nothing of the secret.
func (r Result) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", fmt.Sprint(r)), nil }

// Group coordinates the renewals of one process, and, with [Config.Coordinator],
// of several. It is safe for concurrent use.
type Group struct {
	config     Config
	remembered atomic.Int64 // how many results there are
	closing    context.Context
	close      context.CancelFunc
	telling    chan struct{} // as many as are told at the same time

	mu       sync.Mutex // held for moments, never while renewing
	closed   bool
	running  sync.WaitGroup
	flights  map[Key]*flight
	results  *memory
	failures *memory // apart, so that an outage doesn't drive results out
	swept    time.Time

	presented *presented // what the coordinator was told
}

// Format prints nothing of what is renewed, whatever the verb.
func (g *Group) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "refresh.Group") }

// LogValue logs nothing of what is renewed.
func (g *Group) LogValue() slog.Value { return slog.StringValue("refresh.Group") }

// New returns a Group. The error joins every mistake in the configuration.
func New(config Config) (*Group, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	config.setDefaults()
	closing, cancel := context.WithCancel(context.Background())
	return &Group{
		config:    config,
		closing:   closing,
		close:     cancel,
		telling:   make(chan struct{}, tellers),
		flights:   map[Key]*flight{},
		results:   newMemory(config.MaxEntries, config.MaxBytes),
		failures:  newMemory(config.MaxEntries, config.MaxBytes),
		presented: newPresented(config.MaxEntries),
	}, nil
}

// Due reports whether a secret with these times wants to be renewed now. One
// that doesn't expire (zero expires) never is.
func (g *Group) Due(issued, expires time.Time) bool {
	if expires.IsZero() {
		return false
	}
	leeway := min(g.config.Leeway, max(expires.Sub(issued)/4, 0))
	return !g.config.Clock().Before(expires.Add(-leeway))
}

// Do returns the renewal of the secret that key names: the remembered one, the
// one under way, or what renew returns. renew runs once, whoever asks and
// leaves; its context carries ctx's values but not its cancellation, and ends
// after Config.Timeout, which renew has to heed. If it panics, that is the error,
// which says where, and of what type the panic was: what it says may be secret.
//
// A caller whose own ctx ends gets ctx's error and leaves the renewal running;
// one whose ctx has ended already begins none. A failure is remembered for one
// second. Everybody gets the same error.
//
// With a coordinator it is the same for all processes: Do waits at most twice
// Config.Timeout for another one's renewal, and one of its own begins after that.
// While the coordinator can't be asked the error is [ErrUncoordinated].
func (g *Group) Do(ctx context.Context, key Key, renew func(context.Context) (Result, error)) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	boarded, err := g.board(ctx, key, renew)
	if err != nil {
		return nil, err
	}
	return boarded.wait(ctx)
}

// board returns the flight of key: one that has landed and is remembered, the
// one under way, or a new one.
func (g *Group) board(ctx context.Context, key Key, renew func(context.Context) (Result, error)) (*flight, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, ErrClosed
	}
	now := g.sweep()
	if landed, ok := g.results.Get(key, now); ok {
		return landed, nil
	}
	if failed, ok := g.failures.Get(key, now); ok {
		return failed, nil
	}
	if flying := g.flights[key]; flying != nil {
		return flying, nil
	}
	started := &flight{done: make(chan struct{})}
	g.flights[key] = started
	g.running.Go(func() {
		defer close(started.done)
		defer g.land(key, started)
		started.fly(context.WithoutCancel(ctx), g.renewal(key, started, renew))
	})
	return started, nil
}

// land remembers what came of a flight.
func (g *Group) land(key Key, landed *flight) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.flights, key)
	now := g.sweep()
	switch {
	case landed.forgotten:
	case landed.err != nil:
		g.failures.add(key, landed, now, now.Add(failureMemory))
	case now.Before(landed.result.Expires):
		g.results.add(key, landed, now, g.until(key, landed.result))
		if landed.shared { // the others may learn first that it was presented
			g.results.Shorten(key, now.Add(linger))
		}
	}
	g.count()
}

// sweep removes what has expired and returns the time. It needs the lock. Of a
// clock that was set back nobody knows when a failure's second is over, so that it
// is now; results are only kept for longer.
func (g *Group) sweep() time.Time {
	now := g.config.Clock()
	if now.Before(g.swept) {
		g.failures = newMemory(g.config.MaxEntries, g.config.MaxBytes)
	}
	g.swept = now
	g.results.Sweep(now)
	g.failures.Sweep(now)
	g.count()
	return now
}

func (g *Group) count() { g.remembered.Store(int64(g.results.Len())) }

// Lookup returns the remembered renewal of key, without renewing.
func (g *Group) Lookup(key Key) ([]byte, bool) {
	if !g.Active() {
		return nil, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if landed, ok := g.results.Get(key, g.sweep()); ok {
		return landed.result.Value, true
	}
	return nil, false
}

// Active reports whether any result is remembered, so that callers need not
// hash a secret for [Group.Presented] while none is. It costs one atomic load.
// With a coordinator others may remember one, and it is always true.
func (g *Group) Active() bool { return g.config.Coordinator != nil || g.remembered.Load() > 0 }

// Presented says that somebody holds the secret that next names: its result is
// forgotten 30 s after the first time. The coordinator, if there is one, is told
// once, and nobody waits for that.
func (g *Group) Presented(next Key) {
	if !g.Active() || g.presented.has(next) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.sweep()
	if old, ok := g.results.origin(next); ok {
		g.results.Shorten(old, now.Add(linger))
	}
	if g.config.Coordinator != nil {
		g.tellPresented(next)
	}
}

// Forget drops what is remembered under key and under the keys that led to it,
// so that no old cookie brings back a session that was signed out, and what is
// to be remembered of a renewal of key that is under way. Those who wait for
// that still get its result. The coordinator, if there is one, is told, and
// waited for, at most a second.
func (g *Group) Forget(key Key) {
	defer g.tellForgotten(key)
	g.mu.Lock()
	defer g.mu.Unlock()
	if flying := g.flights[key]; flying != nil {
		flying.forgotten = true
	}
	g.failures.Remove(key)
	for led := true; led; {
		g.results.Remove(key)
		key, led = g.results.origin(key)
	}
	g.count()
}

// Close refuses new renewals and waits for those under way, which takes no
// longer than Config.Timeout where they heed their context, and as long again
// where a coordinator doesn't take the result. Renewals of other processes are
// not waited for.
func (g *Group) Close() error {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.close()
	g.running.Wait()
	return nil
}
