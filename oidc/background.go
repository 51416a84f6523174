package oidc

import (
	"context"
	"sync"
)

// background is the work that goes on for others when whoever asked for it has
// left: reading discovery and keys.
type background struct {
	over context.Context // ends with close
	end  context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

func newBackground() *background {
	over, end := context.WithCancel(context.Background())
	return &background{over: over, end: end}
}

// begin returns a context with ctx's values, without its cancellation, that ends
// after budget or when the work is closed, and what to call when it is done.
func (b *background) begin(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), budget)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		cancel()
		return ctx, cancel
	}
	b.running.Add(1)
	undo := context.AfterFunc(b.over, cancel)
	return ctx, func() {
		undo()
		cancel()
		b.running.Done()
	}
}

// close ends the work and waits for it.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.end()
	b.running.Wait()
}
