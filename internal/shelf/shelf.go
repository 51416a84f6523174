// Package shelf holds values until they expire, within bounds.
package shelf

import (
	"container/heap"
	"container/list"
	"sync/atomic"
	"time"
)

// Shelf is a map whose entries expire, and of which those that were not used for
// the longest time make room for new ones. It is not safe for concurrent use, but
// for [Shelf.Look] beside itself.
type Shelf[K comparable, V any] struct {
	maxEntries, maxBytes int
	removed              func(key K, value V) // nil, or told of every entry that goes

	entries map[K]*entry[K, V]
	used    *list.List  // of *entry[K, V], the longest unused first, but for Looks
	uses    uint64      // rises with every use that isn't a Look, and after it
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
	placed  uint64        // the use by which it got its place in used
	last    atomic.Uint64 // the latest use, Looks among them
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
	s.touch(found)
	return found.value, true
}

// touch makes an entry the latest that was used.
func (s *Shelf[K, V]) touch(e *entry[K, V]) {
	e.placed = s.uses + 1
	e.last.Store(e.placed)
	s.uses += 2 // a Look from now on is later
	s.used.MoveToBack(e.use)
}

// Look is Get for many at once, while nobody changes the shelf. It counts as use too,
// of which the order among Looks is known by and large.
func (s *Shelf[K, V]) Look(key K, now time.Time) (value V, ok bool) {
	found := s.entries[key]
	if found == nil || !now.Before(found.expires) {
		return value, false
	}
	if found.last.Load() != s.uses { // who looks again writes nothing
		found.last.Store(s.uses)
	}
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
		s.Remove(s.longestUnused().key)
	}
	added := &entry[K, V]{key: key, value: value, bytes: bytes, expires: expires}
	added.use = s.used.PushBack(added)
	s.touch(added)
	heap.Push(&s.expiry, added)
	s.entries[key] = added
	s.bytes += bytes
}

// maxLooked bounds how many entries are gone through for one that makes room.
const maxLooked = 64

// longestUnused returns the entry that was not used for the longest time. Where the
// first were looked at since they got their places, it is the longest unused of those.
func (s *Shelf[K, V]) longestUnused() *entry[K, V] {
	var longest *entry[K, V]
	for range maxLooked {
		first := s.used.Front()
		e := first.Value.(*entry[K, V])
		if longest == nil || e.last.Load() < longest.last.Load() {
			longest = e
		}
		if next := first.Next(); next == nil || e.last.Load() <= next.Value.(*entry[K, V]).placed {
			break
		}
		e.placed = s.uses
		s.used.MoveToBack(first)
	}
	return longest
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
