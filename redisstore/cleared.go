package redisstore

import (
	"sync"
	"time"
)

// cleared are the names of which Redis has said that nobody revoked them, until
// it says that one was: it tells of every revocation, also of names that were
// never asked for. There are two generations, the older of which is dropped when
// the younger is full, or old; a name that was dropped is asked for again.
type cleared struct {
	max int // of one generation

	mu             sync.RWMutex
	changes        uint64 // how often something was taken back
	younger, older map[string]struct{}
	born           time.Time // when the younger generation began
}

// clearedBytes is about what one name takes.
const clearedBytes = 128

func newCleared(bytes int) *cleared {
	return &cleared{max: max(bytes/clearedBytes/2, 1), younger: map[string]struct{}{}}
}

// now stands for what was known when a question was asked.
func (c *cleared) now() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.changes
}

// has reports whether a name is known not to be revoked.
func (c *cleared) has(name string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if time.Since(c.born) > 2*cacheFor {
		return false
	}
	if _, ok := c.younger[name]; ok {
		return true
	}
	_, ok := c.older[name]
	return ok
}

// add remembers an answer, unless something was taken back since the question.
func (c *cleared) add(name string, asked uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != asked {
		return
	}
	switch age := time.Since(c.born); {
	case age > 2*cacheFor:
		c.younger, c.older, c.born = map[string]struct{}{}, nil, time.Now()
	case age > cacheFor, len(c.younger) >= c.max:
		c.younger, c.older, c.born = map[string]struct{}{}, c.younger, time.Now()
	}
	c.younger[name] = struct{}{}
}

// takeBack forgets the answers for names, nil for all.
func (c *cleared) takeBack(names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	if names == nil {
		c.younger, c.older = map[string]struct{}{}, nil
	}
	for _, name := range names {
		delete(c.younger, name)
		delete(c.older, name)
	}
}
