// Package budget bounds how long somebody waits for an answer that mostly is there
// at once.
package budget

import (
	"context"
	"sync"
	"time"
)

// Budget is a context with a timeout, as [context.WithTimeout] makes one, whose timer
// and channel come to be only when somebody waits for it to end. Who answers from
// memory doesn't.
type Budget struct {
	parent context.Context
	ends   time.Time

	mu      sync.Mutex
	spent   bool
	waiting context.Context // nil as long as nobody waits
	cancel  context.CancelFunc
}

// Of returns a Budget of d. Spend it when the work is done.
func Of(parent context.Context, d time.Duration) *Budget {
	return &Budget{parent: parent, ends: time.Now().Add(d)}
}

// Spend ends the context, like a [context.CancelFunc].
func (b *Budget) Spend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = true
	if b.cancel != nil {
		b.cancel()
	}
}

// Deadline implements [context.Context].
func (b *Budget) Deadline() (time.Time, bool) {
	if ends, ok := b.parent.Deadline(); ok && ends.Before(b.ends) {
		return ends, true
	}
	return b.ends, true
}

// Done implements [context.Context].
func (b *Budget) Done() <-chan struct{} { return b.wait().Done() }

// wait returns the context that has a timer.
func (b *Budget) wait() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == nil {
		b.waiting, b.cancel = context.WithDeadline(b.parent, b.ends)
		if b.spent {
			b.cancel()
		}
	}
	return b.waiting
}

// Err implements [context.Context].
func (b *Budget) Err() error {
	b.mu.Lock()
	asked := b.waiting != nil || b.spent
	b.mu.Unlock()
	if asked || !time.Now().Before(b.ends) {
		return b.wait().Err() // so that it says no less than Done does
	}
	return b.parent.Err()
}

// Value implements [context.Context].
func (b *Budget) Value(key any) any {
	b.mu.Lock()
	waiting := b.waiting
	b.mu.Unlock()
	if waiting != nil { // which package context knows as one of its own
		return waiting.Value(key)
	}
	return b.parent.Value(key)
}
