package refresh

import (
	"container/heap"
	"container/list"
	"time"
)

// memory holds flights that landed, under the key they started from. It is
// bounded: the oldest go first. The group's lock guards it.
type memory struct {
	maxEntries, maxBytes int

	entries map[Key]*entry
	ages    *list.List  // of *entry, oldest first
	expiry  queue       // first to expire first
	origins map[Key]Key // from the key of a renewed secret to the one it came from
	bytes   int
}

type entry struct {
	key    Key
	flight *flight
	until  time.Time
	age    *list.Element // its place in ages
	turn   int           // its place in expiry
}

func newMemory(maxEntries, maxBytes int) *memory {
	return &memory{
		maxEntries: maxEntries,
		maxBytes:   maxBytes,
		entries:    map[Key]*entry{},
		ages:       list.New(),
		origins:    map[Key]Key{},
	}
}

func (m *memory) len() int { return len(m.entries) }

func (m *memory) get(key Key) *flight {
	if found := m.entries[key]; found != nil {
		return found.flight
	}
	return nil
}

// origin returns the key that the secret named by next was renewed from.
func (m *memory) origin(next Key) (Key, bool) {
	key, ok := m.origins[next]
	return key, ok
}

func (m *memory) add(key Key, landed *flight, until time.Time) {
	m.remove(key)
	size := len(landed.result.Value)
	if size > m.maxBytes {
		return
	}
	for len(m.entries) >= m.maxEntries || m.bytes+size > m.maxBytes {
		m.remove(m.ages.Front().Value.(*entry).key)
	}
	added := &entry{key: key, flight: landed, until: until}
	added.age = m.ages.PushBack(added)
	heap.Push(&m.expiry, added)
	m.entries[key] = added
	m.bytes += size
	if next := landed.result.Next; next != key && next != (Key{}) {
		m.origins[next] = key
	}
}

// shorten lets the entry under key go at the given time at the latest.
func (m *memory) shorten(key Key, until time.Time) {
	if found := m.entries[key]; found != nil && until.Before(found.until) {
		found.until = until
		heap.Fix(&m.expiry, found.turn)
	}
}

// sweep removes what has expired.
func (m *memory) sweep(now time.Time) {
	for len(m.expiry) > 0 && !now.Before(m.expiry[0].until) {
		m.remove(m.expiry[0].key)
	}
}

func (m *memory) remove(key Key) {
	gone := m.entries[key]
	if gone == nil {
		return
	}
	delete(m.entries, key)
	m.ages.Remove(gone.age)
	heap.Remove(&m.expiry, gone.turn)
	m.bytes -= len(gone.flight.result.Value)
	if next := gone.flight.result.Next; m.origins[next] == key {
		delete(m.origins, next)
	}
}

// queue is a heap of entries by when they expire.
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].until.Before(q[j].until) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].turn, q[j].turn = i, j
}

func (q *queue) Push(x any) {
	added := x.(*entry)
	added.turn = len(*q)
	*q = append(*q, added)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	gone := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return gone
}
