//go:build unix

package main

import (
	"syscall"
	"time"
)

// cpuTime is what this process has used of all processors, its garbage collector
// included: what else a machine does counts for less than by the clock.
func cpuTime() time.Duration {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
