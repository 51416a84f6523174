package refresh

import (
	"container/list"
	"time"
)

// memory holds results under the key they renewed, oldest first. Its methods
// need the group's lock.
type memory struct {
	entries   map[Key]*list.Element
	order     *list.List  // of *entry
	successor map[Key]Key // the renewed secret's key to the old one's
	bytes     int
}

type entry struct {
	key    Key
	result Result
	err    error
	until  time.Time
}

func newMemory() memory {
	return memory{entries: map[Key]*list.Element{}, order: list.New(), successor: map[Key]Key{}}
}

func (m *memory) add(e *entry) {
	m.remove(e.key)
	m.entries[e.key] = m.order.PushBack(e)
	m.bytes += len(e.result.Value)
	if e.err == nil && e.result.Next != e.key {
		m.successor[e.result.Next] = e.key
	}
}

// get returns what is known under key and still current.
func (m *memory) get(key Key, now time.Time) *entry {
	element, ok := m.entries[key]
	if !ok {
		return nil
	}
	found := element.Value.(*entry)
	if !now.Before(found.until) {
		m.remove(key)
		return nil
	}
	return found
}

// shorten lets the result that next came from go at the given time at the
// latest.
func (m *memory) shorten(next Key, until time.Time) {
	key, ok := m.successor[next]
	if !ok {
		return
	}
	delete(m.successor, next) // once is enough
	if element, ok := m.entries[key]; ok {
		if found := element.Value.(*entry); until.Before(found.until) {
			found.until = until
		}
	}
}

func (m *memory) remove(key Key) {
	element, ok := m.entries[key]
	if !ok {
		return
	}
	gone := m.order.Remove(element).(*entry)
	delete(m.entries, key)
	m.bytes -= len(gone.result.Value)
	if m.successor[gone.result.Next] == key {
		delete(m.successor, gone.result.Next)
	}
}

// trim removes what has expired from among the oldest, and the oldest until the
// bounds hold.
func (m *memory) trim(now time.Time, maxEntries, maxBytes int) {
	for element := m.order.Front(); element != nil; {
		next := element.Next()
		oldest := element.Value.(*entry)
		if now.Before(oldest.until) && m.order.Len() <= maxEntries && m.bytes <= maxBytes {
			return
		}
		m.remove(oldest.key)
		element = next
	}
}
