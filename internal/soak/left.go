package soak

import (
	"fmt"
	"runtime"
	"time"
)

// growth is how much more memory may be in use after a soak than after its first
// part, whatever its length.
const growth = 8 << 20

// Left is what a process has in use when nobody does anything.
type Left struct {
	Goroutines int
	Heap       uint64 // bytes
}

// Rest waits until everything that nobody waits for is done. idle closes
// connections that nobody uses, again and again.
func Rest(idle func()) Left {
	var now Left
	for steady, tries := 0, 0; steady < 5 && tries < 300; tries++ {
		idle()
		time.Sleep(50 * time.Millisecond)
		count := runtime.NumGoroutine()
		if count == now.Goroutines {
			steady++
		} else {
			steady = 0
		}
		now.Goroutines = count
	}
	var memory runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers and pools let go of
	runtime.ReadMemStats(&memory)
	now.Heap = memory.HeapAlloc
	return now
}

// Grown says what is more than there was before, beyond what varies.
func (l Left) Grown(before Left) error {
	switch {
	case l.Goroutines > before.Goroutines:
		return fmt.Errorf("%d goroutines, %d before", l.Goroutines, before.Goroutines)
	case l.Heap > before.Heap+growth:
		return fmt.Errorf("%d kB in use, %d kB before", l.Heap>>10, before.Heap>>10)
	}
	return nil
}

// Since is both, for a log.
func (l Left) Since(before Left) string {
	return fmt.Sprintf("%d goroutines and %d kB in use, %d and %d kB before", l.Goroutines, l.Heap>>10, before.Goroutines, before.Heap>>10)
}

// Stacks are those of all goroutines of this process.
func Stacks() string {
	stacks := make([]byte, 1<<20)
	return string(stacks[:runtime.Stack(stacks, true)])
}
