// Package shelf holds values until they expire, within bounds.
package shelf

import (
	"container/heap"
	"container/list"
	"time"
)

// Shelf is a map whose entries expire, and of which those that were not used for
// the longest time make room for new ones. It is not safe for concurrent use.
type Shelf[K comparable, V any] struct {
	maxEntries, maxBytes int
	removed              func(key K, value V) // nil, or told of every entry that goes

	entries map[K]*entry[K, V]
	used    *list.List  // of *entry[K, V], the longest unused first
	expiry  queue[K, V] // first to expire first
	bytes   int
}

type entry[K comparable, V any] struct {
	key     K
	value   V
	bytes   int
	expires time.Time
	use     *list.Element // its place in used
	turn    int           // its place in expiry
}

// New returns an empty shelf. removed, which may be nil, is told of everything
// that is removed, replaced, expired or driven out.
func New[K comparable, V any](maxEntries, maxBytes int, removed func(key K, value V)) *Shelf[K, V] {
	if removed == nil {
		removed = func(K, V) {}
	}
	return &Shelf[K, V]{
		maxEntries: maxEntries,
		maxBytes:   maxBytes,
		removed:    removed,
		entries:    map[K]*entry[K, V]{},
		used:       list.New(),
	}
}

// Len returns how many entries there are, expired ones included.
func (s *Shelf[K, V]) Len() int { return len(s.entries) }

// Get returns a value, and counts as use.
func (s *Shelf[K, V]) Get(key K, now time.Time) (value V, ok bool) {
	found := s.entries[key]
	if found == nil || !now.Before(found.expires) {
		return value, false
	}
	s.used.MoveToBack(found.use)
	return found.value, true
}

// Put puts a value of that many bytes in the place of an earlier one, until
// expires. What is larger than the shelf, or has expired, is not put there.
func (s *Shelf[K, V]) Put(key K, value V, bytes int, now, expires time.Time) {
	s.Remove(key)
	s.Sweep(now)
	if bytes > s.maxBytes || !now.Before(expires) {
		return
	}
	for len(s.entries) >= s.maxEntries || s.bytes+bytes > s.maxBytes {
		s.Remove(s.used.Front().Value.(*entry[K, V]).key)
	}
	added := &entry[K, V]{key: key, value: value, bytes: bytes, expires: expires}
	added.use = s.used.PushBack(added)
	heap.Push(&s.expiry, added)
	s.entries[key] = added
	s.bytes += bytes
}

// Shorten has an entry, if there is one, expire at that time at the latest.
func (s *Shelf[K, V]) Shorten(key K, expires time.Time) {
	if found := s.entries[key]; found != nil && expires.Before(found.expires) {
		found.expires = expires
		heap.Fix(&s.expiry, found.turn)
	}
}

// Sweep removes what has expired.
func (s *Shelf[K, V]) Sweep(now time.Time) {
	for len(s.expiry) > 0 && !now.Before(s.expiry[0].expires) {
		s.Remove(s.expiry[0].key)
	}
}

// Remove removes an entry, if there is one.
func (s *Shelf[K, V]) Remove(key K) {
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
type queue[K comparable, V any] []*entry[K, V]

func (q queue[K, V]) Len() int           { return len(q) }
func (q queue[K, V]) Less(i, j int) bool { return q[i].expires.Before(q[j].expires) }
func (q queue[K, V]) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].turn, q[j].turn = i, j
}

func (q *queue[K, V]) Push(x any) {
	added := x.(*entry[K, V])
	added.turn = len(*q)
	*q = append(*q, added)
}

func (q *queue[K, V]) Pop() any {
	last := len(*q) - 1
	gone := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return gone
}
