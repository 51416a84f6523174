package gatehouse

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// texts are n different sealed texts of a usual length.
func texts(n int) []string {
	all := make([]string, n)
	padding := strings.Repeat("x", 1700)
	for i := range all {
		number := binary.BigEndian.AppendUint64(nil, uint64(i))
		all[i] = padding + string(number)
	}
	return all
}

// BenchmarkOpened looks up sessions seen before, by how many are remembered and
// by how many clients at once: run it with -cpu 1,2.
func BenchmarkOpened(b *testing.B) {
	for _, size := range []int{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("sessions=%d", size), func(b *testing.B) {
			asked := texts(min(size, 1000))
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			o := newOpened(2*size + 1024) // shards are never filled evenly
			who := &Identity{&known{}}
			for i := range size {
				name := openedName{hash: uint64(i) * 0x9e3779b97f4a7c15}
				if i < len(asked) {
					name = o.name(asked[i])
				}
				o.put(name, who)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			var next atomic.Uint64
			b.SetParallelism(16)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				i := next.Add(7919)
				for pb.Next() {
					i++
					if o.get(o.name(asked[i%uint64(len(asked))])) == nil {
						b.Error("forgotten")
						return
					}
				}
			})
			b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/float64(size), "B/session")
		})
	}
}
