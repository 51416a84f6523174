package soak

import (
	"math/rand/v2"
	"sync"
	"time"
)

// astray is how far a clock gets from the real time, in either direction.
const astray = 30 * time.Second

// Clock is off, and by how much changes all the time: it drifts, and is set, forward
// and back, by a little or by up to a minute, as by somebody who runs NTP badly.
// Its times have no monotonic reading, so that nobody can fall back on that.
type Clock struct {
	mu     sync.Mutex
	random *rand.Rand
	since  time.Time // by the real time, when it was last set
	until  time.Time // when it is set again
	ahead  time.Duration
	drift  float64 // seconds in a second
	steps  int
	back   int // of them
}

// NewClock returns a clock that is ahead by so much, for now.
func NewClock(seed uint64, ahead time.Duration) *Clock {
	now := time.Now()
	return &Clock{random: rand.New(rand.NewPCG(seed, 4)), since: now, until: now.Add(time.Second), ahead: ahead}
}

// Now is the time by this clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for !now.Before(c.until) {
		c.set()
	}
	return now.Add(c.aheadAt(now)).Round(0)
}

func (c *Clock) aheadAt(now time.Time) time.Duration {
	ahead := c.ahead + time.Duration(c.drift*float64(now.Sub(c.since)))
	return min(max(ahead, -astray), astray)
}

// set begins a stretch: one in three goes on from where the last one ended, one is
// a moment off, and one anywhere.
func (c *Clock) set() {
	before := c.aheadAt(c.until)
	c.since, c.ahead = c.until, before
	c.until = c.since.Add(time.Duration(200+c.random.IntN(2800)) * time.Millisecond)
	c.drift = (c.random.Float64() - 0.5) / 10
	switch c.random.IntN(3) {
	case 1:
		c.ahead += time.Duration(c.random.IntN(1000)-500) * time.Millisecond
	case 2:
		c.ahead = time.Duration(c.random.Int64N(int64(2*astray))) - astray
	}
	c.ahead = min(max(c.ahead, -astray), astray)
	if c.ahead != before {
		c.steps++
	}
	if c.ahead < before {
		c.back++
	}
}

// Steps is how often it was set, and how often of that it was set back.
func (c *Clock) Steps() (all, back int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.steps, c.back
}
