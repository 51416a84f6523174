package spent

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestSpend(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := New(2, func() time.Time { return now })
	later := now.Add(time.Minute)
	if !s.Spend("a", later) {
		t.Error("a fresh name was spent")
	}
	if s.Spend("a", later) {
		t.Error("a name was spent twice")
	}
	now = later
	if !s.Spend("a", now.Add(time.Minute)) {
		t.Error("an expired name was still spent")
	}
}

func TestReturn(t *testing.T) {
	s := New(2, time.Now)
	later := time.Now().Add(time.Minute)
	s.Return("a")
	s.Spend("a", later)
	s.Return("a")
	if !s.Spend("a", later) || s.Spend("a", later) {
		t.Error("a returned name can't be spent exactly once")
	}
}

func TestBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := New(100, func() time.Time { return now })
	for i := range 1000 {
		s.Spend(strconv.Itoa(i), now.Add(time.Hour))
	}
	if len(s.names) != 100 || s.order.Len() != 100 {
		t.Errorf("holds %d names in a list of %d, want 100", len(s.names), s.order.Len())
	}
	if s.Spend("999", now.Add(time.Hour)) {
		t.Error("the newest name was forgotten")
	}
}

func TestOnceAmongMany(t *testing.T) {
	now := time.Now()
	s := New(10, time.Now)
	var won atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if s.Spend("same", now.Add(time.Hour)) {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 50 spent the same name", won.Load())
	}
}
