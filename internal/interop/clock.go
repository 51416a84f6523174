package interop

import (
	"sync/atomic"
	"time"
)

// Clock is the real time, moved forward at will, or stopped. Providers that can't be
// given a clock go by the real time, so access tokens expire for the application alone.
type Clock struct {
	ahead   atomic.Int64
	stopped atomic.Pointer[time.Time]
	// tell, where set, passes on to a provider how far ahead it is.
	tell func(time.Duration)
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	now := time.Now()
	if at := c.stopped.Load(); at != nil {
		now = *at
	}
	return now.Add(time.Duration(c.ahead.Load()))
}

// Stop has the time stand still but for Advance, so that what lasts for a second lasts
// for as long as a machine that is busy takes. resume ends that.
func (c *Clock) Stop() (resume func()) {
	now := time.Now()
	c.stopped.Store(&now)
	return func() { c.stopped.Store(nil) }
}

// Advance moves the clock forward by d.
func (c *Clock) Advance(d time.Duration) {
	ahead := c.ahead.Add(int64(d))
	if c.tell != nil {
		c.tell(time.Duration(ahead))
	}
}
