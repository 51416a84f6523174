package gatehouse

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// denylist remembers what was revoked, in memory. It is bounded and evicts
// nothing: when it is full, everything that began before that moment is denied
// instead, which covers all it knew but what began by a clock ahead of its own; that
// stays.
type denylist struct {
	most   int
	offers int // how many there may be, for one that a stranger asks for to be kept
	clock  func() time.Time
	held   atomic.Uint32 // of the bits below, so that an empty list costs one load

	mu      sync.RWMutex
	denials map[string]word
	turn    uint64    // how many words there were
	sweepAt int       // how many there are when expired ones are looked for
	soonest time.Time // when one may expire; nothing has before
	latest  time.Time // when the last one expires
	floor   word      // denies whatever began before it, whatever its name
}

type denial struct{ before, until time.Time }

// word is a denial, and the turn in which it came last.
type word struct {
	denial
	turn uint64
}

// What a denylist holds.
const (
	holdsSessions uint32 = 1 << iota // names of sessions
	holdsPeople                      // other names, for which claims have to be read
	holdsFloor
)

// leastSweep is how many denials are kept without looking for expired ones.
const leastSweep = 1024

func newDenylist(most int, clock func() time.Time) *denylist {
	return &denylist{most: most, offers: most, clock: clock, denials: map[string]word{}, sweepAt: leastSweep}
}

// holds says what is worth looking up.
func (d *denylist) holds() uint32 { return d.held.Load() }

// revoke denies what name stands for to what began before before, until until. It
// reports whether that raised the floor, and so ended more than what name stands for.
func (d *denylist) revoke(name string, before, until time.Time) (raised bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock()
	if raised = d.full(name, now, d.most); raised {
		d.raise(now)
	}
	d.keep(name, denial{before, until}, now)
	return raised
}

// raise makes room by denying whatever began before now. What that doesn't cover is
// little, unless an application revokes sessions by nothing but their IDs, which may
// have begun at any time: where it fills half of the list, the next one would raise the
// floor again, and it is forgotten.
func (d *denylist) raise(now time.Time) {
	if now.Before(d.floor.until) {
		now = later(now, d.floor.before) // whatever the clock was set to
	}
	d.turn++
	d.floor = word{denial{before: now, until: d.latest}, d.turn}
	maps.DeleteFunc(d.denials, func(_ string, denied word) bool { return !denied.before.After(now) })
	if len(d.denials) > d.most/2 {
		clear(d.denials)
	}
	d.count()
}

// offer is revoke for what a stranger asks for: when the list is full, or as full as
// strangers may make it, it refuses, and what it knows stays.
func (d *denylist) offer(name string, before, until time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock()
	if d.full(name, now, d.offers) {
		return false
	}
	d.keep(name, denial{before, until}, now)
	return true
}

func (d *denylist) keep(name string, denied denial, now time.Time) {
	if !now.Before(denied.until) {
		return
	}
	known := d.denials[name]
	d.turn++
	d.denials[name] = word{denial{later(denied.before, known.before), later(denied.until, known.until)}, d.turn}
	if len(d.denials) == 1 || denied.until.Before(d.soonest) {
		d.soonest = denied.until
	}
	d.latest = later(d.latest, denied.until)
	d.held.Or(holding(name))
}

func holding(name string) uint32 {
	if ofSession(name) {
		return holdsSessions
	}
	return holdsPeople
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// full reports whether there are most already, and so no room for one more name, once
// what has expired is forgotten.
func (d *denylist) full(name string, now time.Time, most int) bool {
	if _, known := d.denials[name]; known || len(d.denials) < min(d.sweepAt, most) {
		return false
	}
	if !now.Before(d.soonest) { // a flood must not have all of them looked at each time
		d.sweep(now)
	}
	d.sweepAt = max(leastSweep, 2*len(d.denials))
	return len(d.denials) >= most
}

// sweep forgets what has expired.
func (d *denylist) sweep(now time.Time) {
	d.soonest = d.latest
	for name, denied := range d.denials {
		if !now.Before(denied.until) {
			delete(d.denials, name)
		} else if denied.until.Before(d.soonest) {
			d.soonest = denied.until
		}
	}
	if !now.Before(d.floor.until) {
		d.floor = word{}
	}
	d.count()
}

// count notes what is held.
func (d *denylist) count() {
	var held uint32
	for name := range d.denials {
		held |= holding(name)
		if held == holdsSessions|holdsPeople {
			break
		}
	}
	if !d.floor.before.IsZero() {
		held |= holdsFloor
	}
	d.held.Store(held)
}

// before is the moment before which something must have begun to be denied, the
// latest over all names; zero when none is revoked.
func (d *denylist) before(names ...string) time.Time {
	if d.holds() == 0 {
		return time.Time{}
	}
	now := d.clock()
	d.mu.RLock()
	over := !now.Before(later(d.latest, d.floor.until))
	var before time.Time
	if now.Before(d.floor.until) {
		before = d.floor.before
	}
	for _, name := range names {
		if denied := d.denials[name]; now.Before(denied.until) {
			before = later(before, denied.before)
		}
	}
	d.mu.RUnlock()
	if over {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.sweep(now)
	}
	return before
}

// turns is how many words there were until now.
func (d *denylist) turns() uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.turn
}

// cameAfter reports whether a word on any of names, or on all, came after so many turns,
// by whatever clock.
func (d *denylist) cameAfter(turns uint64, names ...string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	came := d.floor.turn > turns
	for _, name := range names {
		came = came || d.denials[name].turn > turns
	}
	return came
}
