package gatehouse

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/shelf"
	"github.com/gatehouse-go/gatehouse/refresh"
)

var _ refresh.Coordinator = (*MemoryStore)(nil)

// memoryCoordinator is what a [MemoryStore] knows of renewals.
type memoryCoordinator struct {
	clock func() time.Time

	mu      sync.Mutex
	leases  map[string]*lease
	results *shelf.Shelf[string, outcome]
	origins map[string]string // from the name of a renewed secret to the one it came from
}

// lease is a renewal under way. Its holder is of this process, so it needs no end
// of its own.
type lease struct {
	ended     chan struct{}
	forgotten bool
}

// outcome is what came of a renewal.
type outcome struct {
	result []byte
	next   string
	until  time.Time
}

// Bounds of what is remembered of renewals.
const (
	maxOutcomes     = 10_000
	maxOutcomeBytes = 64 << 20
)

func newMemoryCoordinator(clock func() time.Time) *memoryCoordinator {
	c := &memoryCoordinator{clock: clock, leases: map[string]*lease{}, origins: map[string]string{}}
	c.results = shelf.New(maxOutcomes, maxOutcomeBytes, func(name string, gone outcome) {
		if c.origins[gone.next] == name {
			delete(c.origins, gone.next)
		}
	})
	return c
}

// Join implements [refresh.Coordinator].
func (s *MemoryStore) Join(ctx context.Context, name string) (result []byte, finish func(ctx context.Context, result []byte, next string, until time.Time) error, err error) {
	c := s.renewals
	for {
		result, held, mine := c.take(name)
		switch {
		case result != nil:
			return result, nil, nil
		case mine != nil:
			return nil, func(_ context.Context, result []byte, next string, until time.Time) error {
				c.finish(name, mine, outcome{slices.Clone(result), next, until})
				return nil
			}, nil
		}
		select {
		case <-held.ended:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// take returns the result, or else somebody's lease, or else a new one.
func (c *memoryCoordinator) take(name string) (result []byte, held, mine *lease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.results.Get(name, c.clock()); ok {
		return known.result, nil, nil
	}
	if held := c.leases[name]; held != nil {
		return nil, held, nil
	}
	mine = &lease{ended: make(chan struct{})}
	c.leases[name] = mine
	return nil, nil, mine
}

func (c *memoryCoordinator) finish(name string, mine *lease, of outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leases[name] != mine { // finished already
		return
	}
	delete(c.leases, name)
	close(mine.ended)
	if of.result != nil && !mine.forgotten {
		c.keep(name, of)
	}
}

func (c *memoryCoordinator) keep(name string, of outcome) {
	now := c.clock()
	c.results.Put(name, of, len(name)+len(of.next)+len(of.result), now, of.until)
	if _, kept := c.results.Get(name, now); kept && of.next != "" {
		c.origins[of.next] = name
	}
}

// Shorten implements [refresh.Coordinator].
func (s *MemoryStore) Shorten(_ context.Context, next string, until time.Time) error {
	c := s.renewals
	c.mu.Lock()
	defer c.mu.Unlock()
	name, ok := c.origins[next]
	if !ok {
		return nil
	}
	if known, ok := c.results.Get(name, c.clock()); ok && until.Before(known.until) {
		known.until = until
		c.keep(name, known)
	}
	return nil
}

// Forget implements [refresh.Coordinator].
func (s *MemoryStore) Forget(_ context.Context, name string) error {
	c := s.renewals
	c.mu.Lock()
	defer c.mu.Unlock()
	if held := c.leases[name]; held != nil {
		held.forgotten = true
	}
	for led := true; led; {
		c.results.Remove(name)
		name, led = c.origins[name]
	}
	return nil
}
