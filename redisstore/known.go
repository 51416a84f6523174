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
	stale         bool // Redis may have a later one
}

func newKnown(max int, clock func() time.Time) *known {
	return &known{max: max, clock: clock, names: map[string]denial{}}
}

// note remembers the latest times. Redis may have later ones, unless this is its
// word, and current reports that it still is.
func (k *known) note(name string, d denial, current func() bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	d.stale = !current() // under the lock: what it takes back later is doubted later
	old, ok := k.names[name]
	if !ok && len(k.names) >= k.max {
		k.makeRoom()
	}
	k.names[name] = denial{max(old.before, d.before), max(old.until, d.until), old.publish || d.publish, d.stale}
}

// hearsay is what Redis hasn't said.
func hearsay() bool { return false }

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

// before returns since when a name has been revoked, 0 where it isn't known to
// be, and whether Redis needn't be asked.
func (k *known) before(name string) (before int64, sure bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	d, ok := k.names[name]
	if !ok || d.until <= k.clock().UnixMilli() {
		return 0, false
	}
	return d.before, !d.stale
}

// doubt lets Redis be asked again for these names, nil for all.
func (k *known) doubt(names []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if names == nil {
		for name, d := range k.names {
			d.stale = true
			k.names[name] = d
		}
		return
	}
	for _, name := range names {
		if d, ok := k.names[name]; ok {
			d.stale = true
			k.names[name] = d
		}
	}
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
