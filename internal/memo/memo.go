// Package memo remembers what was found out about texts, such as tokens, so that
// finding it out again costs a hash and a look-up.
package memo

import (
	"hash/maphash"
	"sync"
)

// shards keeps clients that come at the same time out of each other's way.
const shards = 16

// Memo remembers one value per text. It is bounded: what hasn't been asked for
// lately makes room. A nil Memo remembers nothing. It is safe for concurrent use.
type Memo[V any] struct {
	seed   maphash.Seed
	shards [shards]shard[V]
}

// shard is a clock: a ring of places and a hand that goes round, and spares once
// whoever was asked for since it last came by.
type shard[V any] struct {
	mu     sync.Mutex
	places map[uint64]*place[V]
	ring   []*place[V]
	hand   int
	size   int
}

type place[V any] struct {
	hash  uint64
	text  string // compared in full: a hash alone is no proof
	value V
	used  bool
}

// New returns a Memo of at most size texts, rounded up to a multiple of 16. It is
// nil where size isn't positive.
func New[V any](size int) *Memo[V] {
	if size <= 0 {
		return nil
	}
	m := &Memo[V]{seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].size = (size + shards - 1) / shards
		m.shards[i].places = map[uint64]*place[V]{}
	}
	return m
}

func (m *Memo[V]) shard(text string) (*shard[V], uint64) {
	hash := maphash.String(m.seed, text)
	return &m.shards[hash%shards], hash
}

// Get returns what is known of text.
func (m *Memo[V]) Get(text string) (value V, ok bool) {
	if m == nil {
		return value, false
	}
	s, hash := m.shard(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.places[hash]
	if p == nil || p.text != text {
		return value, false
	}
	p.used = true
	return p.value, true
}

// Put remembers value, in place of what was known of text.
func (m *Memo[V]) Put(text string, value V) {
	if m == nil {
		return
	}
	s, hash := m.shard(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.places[hash]
	if p == nil {
		p = s.vacate()
		s.places[hash] = p
	}
	*p = place[V]{hash: hash, text: text, value: value}
}

// Drop forgets text.
func (m *Memo[V]) Drop(text string) {
	if m == nil {
		return
	}
	s, hash := m.shard(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.places[hash]; p != nil && p.text == text {
		delete(s.places, hash)
		*p = place[V]{} // the hand finds it empty
	}
}

// vacate returns a place that nobody has.
func (s *shard[V]) vacate() *place[V] {
	if len(s.ring) < s.size {
		p := new(place[V])
		s.ring = append(s.ring, p)
		return p
	}
	for {
		p := s.ring[s.hand]
		s.hand = (s.hand + 1) % len(s.ring)
		if !p.used {
			if s.places[p.hash] == p {
				delete(s.places, p.hash)
			}
			return p
		}
		p.used = false
	}
}
