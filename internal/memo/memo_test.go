package memo_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/memo"
)

func TestMemo(t *testing.T) {
	m := memo.New[string, int](32)
	if _, ok := m.Get("a"); ok {
		t.Error("something out of nothing")
	}
	m.Put("a", 1)
	m.Put("b", 2)
	m.Put("a", 3)
	if a, ok := m.Get("a"); !ok || a != 3 {
		t.Errorf("a is %d, %v", a, ok)
	}
	is := func(want int) func(int) bool { return func(known int) bool { return known == want } }
	m.Drop("a", is(1))
	m.Drop("c", is(0))
	if a, ok := m.Get("a"); !ok || a != 3 {
		t.Errorf("another a was dropped: %d, %v", a, ok)
	}
	m.Drop("a", is(3))
	if _, ok := m.Get("a"); ok {
		t.Error("a dropped key is known")
	}
	if b, ok := m.Get("b"); !ok || b != 2 {
		t.Errorf("b is %d, %v", b, ok)
	}
}

func TestNothingIsRemembered(t *testing.T) {
	for _, size := range []int{0, -1} {
		m := memo.New[string, int](size)
		m.Put("a", 1)
		m.Drop("a", func(int) bool { return true })
		if _, ok := m.Get("a"); ok {
			t.Errorf("size %d remembers", size)
		}
	}
}

// TestBounded: strangers' keys push out each other, and those that are asked for
// stay.
func TestBounded(t *testing.T) {
	m := memo.New[string, int](160)
	m.Put("kept", 1)
	for i := range 10_000 {
		if _, ok := m.Get("kept"); !ok {
			t.Fatalf("forgotten after %d others", i)
		}
		text := fmt.Sprint(i)
		m.Put(text, i)
		if i%7 == 0 {
			m.Drop(text, func(int) bool { return true })
		}
	}
	known := 0
	for i := range 10_000 {
		if value, ok := m.Get(fmt.Sprint(i)); ok {
			known++
			if value != i {
				t.Errorf("%d is %d", i, value)
			}
		}
	}
	if known > 160 || known < 100 {
		t.Errorf("%d are remembered", known)
	}
}

func TestConcurrency(t *testing.T) {
	m := memo.New[string, string](64)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 2_000 {
				text := fmt.Sprint(i % 200)
				switch (i + worker) % 3 {
				case 0:
					m.Put(text, text)
				case 1:
					m.Drop(text, func(string) bool { return true })
				default:
					if value, ok := m.Get(text); ok && value != text {
						t.Errorf("%s is %s", text, value)
					}
				}
			}
		})
	}
	all.Wait()
}
