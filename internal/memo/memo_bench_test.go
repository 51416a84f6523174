package memo

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkGet looks up texts as long as tokens are, by how many are remembered
// and by how many ask at once: run it with -cpu 1,2. B/text is what remembering
// one takes beside the text and the value.
func BenchmarkGet(b *testing.B) {
	padding := strings.Repeat("x", 1100)
	for _, size := range []int{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("texts=%d", size), func(b *testing.B) {
			asked := make([]string, min(size, 1000))
			var before, after runtime.MemStats
			value := new(int)
			for i := range asked {
				asked[i] = fmt.Sprint(padding, i)
			}
			others := make([]string, size-len(asked)) // short, so that there is memory for them all
			for i := range others {
				others[i] = fmt.Sprint(i)
			}
			runtime.GC()
			runtime.ReadMemStats(&before)
			m := New[string, *int](2*size + 1024) // shards are never filled evenly
			for _, texts := range [][]string{asked, others} {
				for _, text := range texts {
					m.Put(text, value)
				}
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
					if _, ok := m.Get(asked[i%uint64(len(asked))]); !ok {
						b.Error("forgotten")
						return
					}
				}
			})
			b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/float64(size), "B/text")
		})
	}
}
