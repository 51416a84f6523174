// Package memo remembers what was found out about things that come again, such as
// tokens and cookies, so that finding it out again costs a hash and a look-up.
package memo

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// shards keeps clients that come at the same time out of each other's way.
const shards = 16

// Memo remembers one value per key. It is bounded: what hasn't been asked for
// lately makes room. A nil Memo remembers nothing. It is safe for concurrent use.
type Memo[K comparable, V any] struct {
	seed   maphash.Seed
	shards [shards]shard[K, V]
}

// shard is a clock: a ring of places and a hand that goes round, and spares once
// whoever was asked for since it last came by.
type shard[K comparable, V any] struct {
	mu     sync.RWMutex // readers don't wait for each other
	places map[uint64]*place[K, V]
	ring   []*place[K, V]
	hand   int
	size   int
}

type place[K comparable, V any] struct {
	hash  uint64
	key   K // compared in full: a hash alone is no proof
	value V
	used  atomic.Bool
}

// New returns a Memo of at most size keys, rounded up to a multiple of 16. It is
// nil where size isn't positive.
func New[K comparable, V any](size int) *Memo[K, V] {
	if size <= 0 {
		return nil
	}
	m := &Memo[K, V]{seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].size = (size + shards - 1) / shards
		m.shards[i].places = map[uint64]*place[K, V]{}
	}
	return m
}

func (m *Memo[K, V]) shard(key K) (*shard[K, V], uint64) {
	hash := maphash.Comparable(m.seed, key)
	return &m.shards[hash%shards], hash
}

// Get returns what is known of key.
func (m *Memo[K, V]) Get(key K) (value V, ok bool) {
	if m == nil {
		return value, false
	}
	s, hash := m.shard(key)
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := s.places[hash]
	if p == nil || p.key != key {
		return value, false
	}
	if !p.used.Load() { // a write that all processors would have to hear of
		p.used.Store(true)
	}
	return p.value, true
}

// Put remembers value, in place of what was known of key.
func (m *Memo[K, V]) Put(key K, value V) {
	if m == nil {
		return
	}
	s, hash := m.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.places[hash]
	if p == nil {
		p = s.vacate()
		s.places[hash] = p
	}
	p.hash, p.key, p.value = hash, key, value
	p.used.Store(false)
}

// Drop forgets key, where gone says so of what is known of it: somebody else may have
// put something newer.
func (m *Memo[K, V]) Drop(key K, gone func(V) bool) {
	if m == nil {
		return
	}
	s, hash := m.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.places[hash]; p != nil && p.key == key && gone(p.value) {
		delete(s.places, hash)
		*p = place[K, V]{} // the hand finds it empty
	}
}

// vacate returns a place that nobody has.
func (s *shard[K, V]) vacate() *place[K, V] {
	if len(s.ring) < s.size {
		p := new(place[K, V])
		s.ring = append(s.ring, p)
		return p
	}
	for {
		p := s.ring[s.hand]
		s.hand = (s.hand + 1) % len(s.ring)
		if !p.used.Load() {
			if s.places[p.hash] == p {
				delete(s.places, p.hash)
			}
			return p
		}
		p.used.Store(false)
	}
}
