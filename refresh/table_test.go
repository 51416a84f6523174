package refresh_test

import (
	"context"
	"errors"
	"sync"
	"time"
)

// table is a coordinator for the groups of one test.
type table struct {
	mu      sync.Mutex
	down    error
	slow    time.Duration // to take a result
	kept    map[string]kept
	leases  map[string]*lease
	origins map[string]string
	shorten int // calls
}

type kept struct {
	result []byte
	until  time.Time
}

type lease struct {
	ended     chan struct{}
	forgotten bool
	done      bool
}

// lose takes every lease from who has it.
func (t *table) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, held := range t.leases {
		delete(t.leases, name)
		close(held.ended)
	}
}

func newTable() *table {
	return &table{kept: map[string]kept{}, leases: map[string]*lease{}, origins: map[string]string{}}
}

func (t *table) Join(ctx context.Context, name string) ([]byte, func(context.Context, []byte, string, time.Time) error, error) {
	for {
		t.mu.Lock()
		held := t.leases[name]
		found, ok := t.kept[name]
		switch {
		case t.down != nil:
			t.mu.Unlock()
			return nil, nil, t.down
		case ok && time.Now().Before(found.until):
			t.mu.Unlock()
			return found.result, nil, nil
		case held == nil:
			mine := &lease{ended: make(chan struct{})}
			t.leases[name] = mine
			t.mu.Unlock()
			return nil, t.finish(name, mine), nil
		}
		t.mu.Unlock()
		select {
		case <-held.ended:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

func (t *table) finish(name string, mine *lease) func(context.Context, []byte, string, time.Time) error {
	return func(ctx context.Context, result []byte, next string, until time.Time) error {
		select {
		case <-time.After(t.slow):
		case <-ctx.Done():
			return ctx.Err()
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.done {
			panic("finished twice")
		}
		mine.done = true
		lost := t.leases[name] != mine
		if !lost {
			delete(t.leases, name)
			close(mine.ended)
		}
		switch {
		case result == nil && lost:
			return errors.New("the lease is lost")
		case result == nil || mine.forgotten:
			return nil
		}
		if t.down != nil {
			return t.down
		}
		t.kept[name] = kept{result, until}
		if next != "" {
			t.origins[next] = name
		}
		return nil
	}
}

func (t *table) Shorten(_ context.Context, next string, until time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shorten++; t.down != nil {
		return t.down
	}
	if found, ok := t.kept[t.origins[next]]; ok && until.Before(found.until) {
		t.kept[t.origins[next]] = kept{found.result, until}
	}
	return nil
}

func (t *table) Forget(_ context.Context, name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if held := t.leases[name]; held != nil {
		held.forgotten = true
	}
	for ok := true; ok; {
		delete(t.kept, name)
		name, ok = t.origins[name]
	}
	return t.down
}

func (t *table) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.down = err
}

// tamper changes the last byte of every result.
func (t *table) tamper() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.kept {
		k.result[len(k.result)-1] ^= 1
	}
}

var errDown = errors.New("connection refused")
