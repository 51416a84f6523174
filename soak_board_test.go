package gatehouse_test

import (
	"context"
	"maps"
	"sync"
	"time"
)

// board is a coordinator for the replicas of one process, each of which sits at
// it with a clock of its own: what they say about times is taken as durations.
type board struct {
	mu      sync.Mutex
	notes   map[string]note
	leases  map[string]*boardLease
	origins map[string]string // names that led to a name
}

type note struct {
	result []byte
	next   string
	until  time.Time
}

type boardLease struct {
	ended     chan struct{}
	forgotten bool
}

func newBoard() *board {
	return &board{notes: map[string]note{}, leases: map[string]*boardLease{}, origins: map[string]string{}}
}

// seat is a replica's: a refresh.Coordinator.
type seat struct {
	*board
	clock func() time.Time
}

func (s *seat) life(until time.Time) time.Time { return time.Now().Add(until.Sub(s.clock())) }

func (s *seat) Join(ctx context.Context, name string) ([]byte, func(context.Context, []byte, string, time.Time) error, error) {
	for {
		result, held, mine := s.look(name)
		switch {
		case result != nil:
			return result, nil, nil
		case mine != nil:
			return nil, func(_ context.Context, result []byte, next string, until time.Time) error {
				s.finish(name, mine, note{result, next, s.life(until)})
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

// look returns one of three: what is known, who is at it, or the lease.
func (b *board) look(name string) (result []byte, held, mine *boardLease) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep()
	if found, ok := b.notes[name]; ok {
		return found.result, nil, nil
	}
	if held = b.leases[name]; held != nil {
		return nil, held, nil
	}
	mine = &boardLease{ended: make(chan struct{})}
	b.leases[name] = mine
	return nil, nil, mine
}

func (b *board) sweep() {
	now := time.Now()
	maps.DeleteFunc(b.notes, func(_ string, n note) bool {
		over := !now.Before(n.until)
		if over {
			delete(b.origins, n.next)
		}
		return over
	})
}

func (b *board) finish(name string, mine *boardLease, n note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.leases, name)
	close(mine.ended)
	if n.result == nil || mine.forgotten {
		return
	}
	b.notes[name] = n
	if n.next != "" {
		b.origins[n.next] = name
	}
}

func (s *seat) Shorten(_ context.Context, next string, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.origins[next]
	if n, ok := s.notes[name]; ok && s.life(until).Before(n.until) {
		n.until = s.life(until)
		s.notes[name] = n
	}
	return nil
}

func (s *seat) Forget(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.leases[name]; held != nil {
		held.forgotten = true
	}
	for ok := true; ok; {
		delete(s.notes, name)
		led := name
		name, ok = s.origins[led]
		delete(s.origins, led)
	}
	return nil
}
