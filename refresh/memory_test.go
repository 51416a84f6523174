package refresh

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestMemoryHoldsTogether does to a memory what a group does, in any order.
func TestMemoryHoldsTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	key := func() Key { return Key{1, byte(random.IntN(40))} }
	m, now := newMemory(16, 500), time.Unix(1_800_000_000, 0)
	for step := range 20_000 {
		switch random.IntN(6) {
		case 0, 1, 2:
			landed := &flight{result: Result{Value: make([]byte, random.IntN(100)), Next: key()}}
			m.add(key(), landed, now, now.Add(time.Duration(1+random.IntN(50))*time.Second))
		case 3:
			m.Shorten(key(), now.Add(time.Duration(random.IntN(10))*time.Second))
		case 4:
			m.Remove(key())
		case 5:
			now = now.Add(time.Second)
		}
		m.Sweep(now)
		for next, origin := range m.origins {
			if led, ok := m.Get(origin, now); !ok || led.result.Next != next {
				t.Fatalf("step %d: an origin points nowhere", step)
			}
		}
	}
	m.add(Key{2}, &flight{result: Result{Value: make([]byte, 501), Next: Key{3}}}, now, now.Add(time.Second))
	if _, ok := m.origin(Key{3}); ok {
		t.Error("what is too large to keep is an origin")
	}
	m.Sweep(now.Add(time.Hour))
	if m.Len() != 0 || len(m.origins) != 0 {
		t.Errorf("an hour later: %d entries, %d origins", m.Len(), len(m.origins))
	}
}
