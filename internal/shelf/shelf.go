// Package shelf holds values until they expire, within bounds.
package shelf

import (
	"container/heap"
	"container/list"
	"time"
)

// Shelf is a map whose entries expire, and of which those that were not used for
// the longest time make room for new ones. It is not safe for concurrent use.
type Shelf[V any] struct {
	maxEntries, maxBytes int
	removed              func(key string, value V) // nil, or told of every entry that goes

	entries map[string]*entry[V]
	used    *list.List // of *entry[V], the longest unused first
	expiry  queue[V]   // first to expire first
	bytes   int
}

type entry[V any] struct {
	key     string
	value   V
	bytes   int
	expires time.Time
	use     *list.Element // its place in used
	turn    int           // its place in expiry
}

// New returns an empty shelf. removed, which may be nil, is told of everything
// that is removed, replaced, expired or driven out.
func New[V any](maxEntries, maxBytes int, removed func(key string, value V)) *Shelf[V] {
	if removed == nil {
		removed = func(string, V) {}
	}
	return &Shelf[V]{
		maxEntries: maxEntries,
		maxBytes:   maxBytes,
		removed:    removed,
		entries:    map[string]*entry[V]{},
		used:       list.New(),
	}
}

// Len returns how many entries there are, expired ones included.
func (s *Shelf[V]) Len() int { return len(s.entries) }

// Get returns a value, and counts as use.
func (s *Shelf[V]) Get(key string, now time.Time) (value V, ok bool) {
	found := s.entries[key]
	if found == nil || !now.Before(found.expires) {
		return value, false
	}
	s.used.MoveToBack(found.use)
	return found.value, true
}

// Put puts a value of that many bytes in the place of an earlier one, until
// expires. What is larger than the shelf, or has expired, is not put there.
func (s *Shelf[V]) Put(key string, value V, bytes int, now, expires time.Time) {
	s.Remove(key)
	s.Sweep(now)
	if bytes > s.maxBytes || !now.Before(expires) {
		return
	}
	for len(s.entries) >= s.maxEntries || s.bytes+bytes > s.maxBytes {
		s.Remove(s.used.Front().Value.(*entry[V]).key)
	}
	added := &entry[V]{key: key, value: value, bytes: bytes, expires: expires}
	added.use = s.used.PushBack(added)
	heap.Push(&s.expiry, added)
	s.entries[key] = added
	s.bytes += bytes
}

// Sweep removes what has expired.
func (s *Shelf[V]) Sweep(now time.Time) {
	for len(s.expiry) > 0 && !now.Before(s.expiry[0].expires) {
		s.Remove(s.expiry[0].key)
	}
}

// Remove removes an entry, if there is one.
func (s *Shelf[V]) Remove(key string) {
	gone := s.entries[key]
	if gone == nil {
		return
	}
	delete(s.entries, key)
	s.used.Remove(gone.use)
	heap.Remove(&s.expiry, gone.turn)
	s.bytes -= gone.bytes
	s.removed(key, gone.value)
}

// queue is a heap of entries by when they expire.
type queue[V any] []*entry[V]

func (q queue[V]) Len() int           { return len(q) }
func (q queue[V]) Less(i, j int) bool { return q[i].expires.Before(q[j].expires) }
func (q queue[V]) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].turn, q[j].turn = i, j
}

func (q *queue[V]) Push(x any) {
	added := x.(*entry[V])
	added.turn = len(*q)
	*q = append(*q, added)
}

func (q *queue[V]) Pop() any {
	last := len(*q) - 1
	gone := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return gone
}
