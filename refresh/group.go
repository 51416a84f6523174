package refresh

import (
	"context"
	"errors"
	"fmt"
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

// Config is what a [Group] is told. Its zero value is usable.
type Config struct {
	// Leeway is how long before its expiry a secret is due, at most a quarter
	// of its lifetime. Default 60 s.
	Leeway time.Duration
	// Timeout is how long one renewal may take. Default 8 s.
	Timeout time.Duration
	// MaxEntries and MaxBytes bound what is remembered; the oldest results go
	// first. Default 10,000 and 64 MiB.
	MaxEntries, MaxBytes int
	// Clock tells the time. Default time.Now.
	Clock func() time.Time
}

// Result is a renewed secret.
type Result struct {
	// Value is given to everybody who asked. It must not be modified.
	Value []byte
	// Next is the key of the renewed secret; [Group.Presented] takes it.
	Next Key
	// Expires is when the result is of no use any more, such as the expiry of
	// the new access token. A result that has expired already is given to those
	// who wait, and not remembered.
	Expires time.Time
}

// Group coordinates the renewals of one process. It is safe for concurrent use.
type Group struct {
	config     Config
	remembered atomic.Int64 // how many results memory holds

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
	flights map[Key]*flight
	memory  memory
}

// flight is a renewal under way.
type flight struct {
	done      chan struct{}
	result    Result
	err       error
	forgotten bool // a sign-out came in between
}

// New returns a Group. The error joins every mistake in the configuration.
func New(config Config) (*Group, error) {
	var mistakes []error
	for _, field := range []struct {
		name     string
		negative bool
	}{
		{"Leeway", config.Leeway < 0}, {"Timeout", config.Timeout < 0},
		{"MaxEntries", config.MaxEntries < 0}, {"MaxBytes", config.MaxBytes < 0},
	} {
		if field.negative {
			mistakes = append(mistakes, fmt.Errorf("%s: must not be negative", field.name))
		}
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	if config.Leeway == 0 {
		config.Leeway = time.Minute
	}
	if config.Timeout == 0 {
		config.Timeout = 8 * time.Second
	}
	if config.MaxEntries == 0 {
		config.MaxEntries = 10_000
	}
	if config.MaxBytes == 0 {
		config.MaxBytes = 64 << 20
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	return &Group{config: config, flights: map[Key]*flight{}, memory: newMemory()}, nil
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
// after Config.Timeout. A caller whose own ctx ends gets ctx's error and leaves
// the renewal running.
//
// A failure is remembered for one second. Everybody gets the same error.
func (g *Group) Do(ctx context.Context, key Key, renew func(context.Context) (Result, error)) ([]byte, error) {
	g.mu.Lock()
	if known := g.memory.get(key, g.config.Clock()); known != nil {
		g.mu.Unlock()
		return known.result.Value, known.err
	}
	joined, ok := g.flights[key]
	if !ok {
		if g.closed {
			g.mu.Unlock()
			return nil, ErrClosed
		}
		joined = g.start(ctx, key, renew)
	}
	g.mu.Unlock()

	select {
	case <-joined.done:
		return joined.result.Value, joined.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// start needs the lock.
func (g *Group) start(ctx context.Context, key Key, renew func(context.Context) (Result, error)) *flight {
	started := &flight{done: make(chan struct{})}
	g.flights[key] = started
	g.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.config.Timeout)
		defer cancel()
		started.result, started.err = protect(ctx, renew)
		g.land(key, started)
		close(started.done)
	})
	return started
}

// protect turns a panic into an error: nobody who waits must hang, and the
// process must not end for one renewal.
func protect(ctx context.Context, renew func(context.Context) (Result, error)) (result Result, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			result, err = Result{}, fmt.Errorf("refresh: renewal panicked: %v", cause)
		}
	}()
	return renew(ctx)
}

// land remembers what came of a flight.
func (g *Group) land(key Key, landed *flight) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.flights, key)
	now := g.config.Clock()
	until := landed.result.Expires
	if landed.err != nil {
		until = now.Add(failureMemory)
	}
	if !landed.forgotten && now.Before(until) {
		g.memory.add(&entry{key: key, result: landed.result, err: landed.err, until: until})
	}
	g.trim(now)
}

func (g *Group) trim(now time.Time) {
	g.memory.trim(now, g.config.MaxEntries, g.config.MaxBytes)
	g.remembered.Store(int64(g.memory.order.Len()))
}

// Lookup returns the remembered renewal of key, without renewing.
func (g *Group) Lookup(key Key) ([]byte, bool) {
	if !g.Active() {
		return nil, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.memory.get(key, g.config.Clock())
	if known == nil || known.err != nil {
		return nil, false
	}
	return known.result.Value, true
}

// Active reports whether anything is remembered, so that callers need not hash
// a secret for [Group.Presented] while nothing is. It costs one atomic load.
func (g *Group) Active() bool { return g.remembered.Load() > 0 }

// Presented says that somebody holds the secret that next names: its result is
// forgotten 30 s from now.
func (g *Group) Presented(next Key) {
	if !g.Active() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.config.Clock()
	g.memory.shorten(next, now.Add(linger))
	g.trim(now)
}

// Forget drops what is remembered under key, and what is to be remembered of a
// renewal that is under way. Those who wait for it still get its result.
func (g *Group) Forget(key Key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if flying, ok := g.flights[key]; ok {
		flying.forgotten = true
	}
	g.memory.remove(key)
	g.trim(g.config.Clock())
}

// Close refuses new renewals and waits for those under way, which takes no
// longer than Config.Timeout.
func (g *Group) Close() error {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
	return nil
}
