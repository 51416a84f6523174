// Package spent remembers what may be used only once.
package spent

import (
	"container/list"
	"sync"
	"time"
)

// Set remembers names until they expire. It is bounded: when full, the oldest
// name is forgotten first. A Set is safe for concurrent use.
type Set struct {
	size  int
	clock func() time.Time

	mu    sync.Mutex
	names map[string]*list.Element
	order *list.List // of entry, oldest first
}

type entry struct {
	name    string
	expires time.Time
}

// New returns an empty set of at most size names.
func New(size int, clock func() time.Time) *Set {
	return &Set{size: size, clock: clock, names: map[string]*list.Element{}, order: list.New()}
}

// Spend reports whether name was still unspent, and spends it until expires.
func (s *Set) Spend(name string, expires time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	for first := s.order.Front(); first != nil && !now.Before(first.Value.(entry).expires); first = s.order.Front() {
		s.forget(first)
	}
	if known, ok := s.names[name]; ok {
		if now.Before(known.Value.(entry).expires) {
			return false
		}
		s.forget(known)
	}
	if s.order.Len() >= s.size {
		s.forget(s.order.Front())
	}
	s.names[name] = s.order.PushBack(entry{name, expires})
	return true
}

// Return has name be unspent again.
func (s *Set) Return(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.names[name]; ok {
		s.forget(known)
	}
}

func (s *Set) forget(e *list.Element) {
	delete(s.names, s.order.Remove(e).(entry).name)
}
