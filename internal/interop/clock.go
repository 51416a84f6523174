package interop

import (
	"sync/atomic"
	"time"
)

// Clock is the real time, moved forward at will. Providers that can't be given a
// clock go by the real time, so access tokens expire for the application alone.
type Clock struct{ ahead atomic.Int64 }

// Now returns the time.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Advance moves the clock forward by d.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }
