package soak

import (
	"fmt"
	"runtime"
	"time"
)

// Left is what a process has in use when nobody does anything.
type Left struct {
	Goroutines int
	Heap       uint64 // bytes
}

// Rest waits until everything that nobody waits for is done: until there are no more
// goroutines than before, which on a busy machine takes its time, and their number stays
// the same. idle closes connections that nobody uses, again and again. A before of nothing
// is the first of all.
func Rest(idle func(), before Left) Left {
	var now Left
	for steady, tries := 0, 0; steady < 5 && tries < 600; tries++ {
		idle()
		time.Sleep(50 * time.Millisecond)
		count := runtime.NumGoroutine()
		if count == now.Goroutines && (count <= before.Goroutines || before == Left{}) {
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

// Grown says what is more than there was before, beyond the bytes that the heap
// varies by.
func (l Left) Grown(before Left, varies uint64) error {
	switch {
	case l.Goroutines > before.Goroutines:
		return fmt.Errorf("%d goroutines, %d before", l.Goroutines, before.Goroutines)
	case l.Heap > before.Heap+varies:
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
