package gatehouse

import (
	"sync"
	"sync/atomic"
)

// backlog are revocations that the shared list could not be told yet. It is
// bounded; what doesn't fit is obeyed by this process alone.
type backlog struct {
	count atomic.Int64

	mu      sync.Mutex
	denials map[string]denial
	taking  bool
	closed  bool
	takes   sync.WaitGroup
}

const (
	maxBacklog = 10_000
	// strangersBacklog is how full it may be for what strangers said, who so drive
	// out nothing.
	strangersBacklog = maxBacklog / 2
)

func (b *backlog) waiting() bool { return b.count.Load() > 0 }

// add remembers one, unless it is new and there are most already.
func (b *backlog) add(name string, missed denial, most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.denials == nil {
		b.denials = map[string]denial{}
	}
	known, again := b.denials[name]
	if !again && len(b.denials) >= most {
		return
	}
	b.denials[name] = denial{later(missed.before, known.before), later(missed.until, known.until)}
	b.count.Store(int64(len(b.denials)))
}

// take gives everything to tell, which says whether it is done with, in the
// background and once at a time.
func (b *backlog) take(tell func(name string, missed denial) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taking || b.closed {
		return
	}
	b.taking = true
	b.takes.Go(func() {
		for b.takeOne(tell) {
		}
	})
}

// takeOne reports whether there may be another one.
func (b *backlog) takeOne(tell func(name string, missed denial) bool) bool {
	b.mu.Lock()
	var name string
	var missed denial
	for name, missed = range b.denials {
		break
	}
	left := name != "" && !b.closed
	b.taking = left
	b.mu.Unlock()
	if !left {
		return false
	}
	told := tell(name, missed)
	b.mu.Lock()
	defer b.mu.Unlock()
	if told && b.denials[name] == missed {
		delete(b.denials, name)
		b.count.Store(int64(len(b.denials)))
	}
	b.taking = told
	return told
}

// close waits for the one that is being told.
func (b *backlog) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.takes.Wait()
}
