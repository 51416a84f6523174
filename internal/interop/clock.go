package interop

import (
	"sync/atomic"
	"time"
)

// Clock is the real time, moved forward at will. Providers that can't be given a
// clock go by the real time, so access tokens expire for the application alone.
type Clock struct {
	ahead atomic.Int64
	// tell, where set, passes on to a provider how far ahead it is.
	tell func(time.Duration)
}

// Now returns the time.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Advance moves the clock forward by d.
func (c *Clock) Advance(d time.Duration) {
	ahead := c.ahead.Add(int64(d))
	if c.tell != nil {
		c.tell(time.Duration(ahead))
	}
}
