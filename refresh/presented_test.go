package refresh_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/refresh"
)

func TestPresentedByManyIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, shared := replicas(t, 1, refresh.Config{})
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() { groups[0].Presented(newKey) })
		}
		all.Wait()
		synctest.Wait()
		if shared.shorten != 1 {
			t.Errorf("told %d times", shared.shorten)
		}
	})
}

func TestPresentedAgainCostsNothing(t *testing.T) {
	groups, _ := replicas(t, 1, refresh.Config{})
	groups[0].Presented(newKey)
	if n := testing.AllocsPerRun(100, func() { groups[0].Presented(newKey) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPresentedAgain(b *testing.B) {
	g, err := refresh.New(refresh.Config{Coordinator: newTable()})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	g.Presented(newKey)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g.Presented(newKey)
		}
	})
}
