package soak

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestClock: what the soak says of its clocks is so.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock(1, 20*time.Second)
		if ahead := time.Until(c.Now()); ahead != 20*time.Second {
			t.Errorf("ahead by %v at first", ahead)
		}
		var forward, back, drifted time.Duration
		last := time.Until(c.Now())
		for range 60_000 {
			time.Sleep(10 * time.Millisecond)
			ahead := time.Until(c.Now())
			if ahead > astray || ahead < -astray {
				t.Fatalf("ahead by %v", ahead)
			}
			step := ahead - last
			forward, back = max(forward, step), min(back, step)
			if step > 0 && step < time.Millisecond {
				drifted += step
			}
			last = ahead
		}
		if forward < astray || back > -astray || drifted < time.Second {
			t.Errorf("in ten minutes it was set forward by %v and back by %v at most, and drifted by %v", forward, back, drifted)
		}
		if all, back := c.Steps(); all < 200 || back < 100 || back > all-100 {
			t.Errorf("set %d times, %d times back", all, back)
		}
	})
}
