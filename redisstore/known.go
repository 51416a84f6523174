package redisstore

import (
	"sync"
	"time"
)

// known are the revocations that this process has made or has been told of. It
// answers from them, and can publish them again. They are bounded; those that
// end first go first, roughly.
type known struct {
	max   int
	clock func() time.Time

	mu    sync.RWMutex
	names map[string]denial
}

// denial is one revocation, in Unix milliseconds.
type denial struct {
	before, until int64
	publish       bool // Redis may not have it
}

func newKnown(max int, clock func() time.Time) *known {
	return &known{max: max, clock: clock, names: map[string]denial{}}
}

// note remembers the latest times.
func (k *known) note(name string, d denial) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old, ok := k.names[name]
	if !ok && len(k.names) >= k.max {
		k.makeRoom()
	}
	k.names[name] = denial{max(old.before, d.before), max(old.until, d.until), old.publish || d.publish}
}

// sample is how many are compared when one has to go.
const sample = 16

// makeRoom drops one: any that has ended, or of a few the one that ends first.
func (k *known) makeRoom() {
	now, n := k.clock().UnixMilli(), 0
	var first string
	for name, d := range k.names {
		if first == "" || d.until < k.names[first].until {
			first = name
		}
		if n++; n == sample || d.until <= now {
			break
		}
	}
	delete(k.names, first)
}

// published notes that Redis has it, unless there is later news.
func (k *known) published(name string, d denial) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now, ok := k.names[name]; ok && now.before <= d.before && now.until <= d.until {
		now.publish = false
		k.names[name] = now
	}
}

// before returns since when a name has been revoked, 0 where it isn't known to be.
func (k *known) before(name string) int64 {
	k.mu.RLock()
	defer k.mu.RUnlock()
	d, ok := k.names[name]
	if !ok || d.until <= k.clock().UnixMilli() {
		return 0
	}
	return d.before
}

// forAll marks every one for publishing, drops those that have ended, and
// returns how many there are.
func (k *known) forAll() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock().UnixMilli()
	for name, d := range k.names {
		if d.until <= now {
			delete(k.names, name)
			continue
		}
		d.publish = true
		k.names[name] = d
	}
	return len(k.names)
}

func (k *known) unpublished() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	n := 0
	for _, d := range k.names {
		if d.publish {
			n++
		}
	}
	return n
}

// some returns up to n that are to be published.
func (k *known) some(n int) map[string]denial {
	k.mu.RLock()
	defer k.mu.RUnlock()
	found := map[string]denial{}
	for name, d := range k.names {
		if d.publish {
			if found[name] = d; len(found) == n {
				break
			}
		}
	}
	return found
}
