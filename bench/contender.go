package main

import (
	"runtime"
	"slices"
	"time"
)

// contender does one piece of work, in one way.
type contender struct {
	name string
	// run does the work n times, and panics where it fails.
	run func(n int)
	// cookieBytes is how long the name and value of its cookies are; 0 for none.
	cookieBytes int
}

// figure is what a contender cost per piece of work: medians over all rounds.
type figure struct {
	contender
	nanoseconds, allocations, bytes float64
}

// sample is one round of one contender.
type sample struct{ nanoseconds, allocations, bytes float64 }

// measure runs the contenders in turn, round after round, so that whatever the
// machine does besides hits all of them alike.
func measure(contenders []contender, rounds int, each time.Duration) []figure {
	counts := make([]int, len(contenders))
	for i, c := range contenders {
		counts[i] = calibrate(c, each)
	}
	samples := make([][]sample, len(contenders))
	for range rounds {
		for i, c := range contenders {
			samples[i] = append(samples[i], once(c, counts[i]))
		}
	}
	figures := make([]figure, len(contenders))
	for i, c := range contenders {
		figures[i] = figure{
			contender:   c,
			nanoseconds: median(samples[i], func(s sample) float64 { return s.nanoseconds }),
			allocations: median(samples[i], func(s sample) float64 { return s.allocations }),
			bytes:       median(samples[i], func(s sample) float64 { return s.bytes }),
		}
	}
	return figures
}

// calibrate returns how often the work fits into one round.
func calibrate(c contender, each time.Duration) int {
	c.run(10) // caches and pools are warm in all rounds
	for n := 1; ; n *= 2 {
		began := cpuTime()
		c.run(n)
		if took := cpuTime() - began; took >= each/4 || n >= 1<<24 {
			return max(int(float64(n)*float64(each)/float64(max(took, 1))), 1)
		}
	}
}

func once(c contender, n int) sample {
	var before, after runtime.MemStats
	runtime.GC() // nobody pays for what another left behind
	runtime.ReadMemStats(&before)
	began := cpuTime()
	c.run(n)
	took := cpuTime() - began
	runtime.ReadMemStats(&after)
	per := func(total float64) float64 { return total / float64(n) }
	return sample{
		nanoseconds: per(float64(took)),
		allocations: per(float64(after.Mallocs - before.Mallocs)),
		bytes:       per(float64(after.TotalAlloc - before.TotalAlloc)),
	}
}

func median(samples []sample, of func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}
