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
			m.add(key(), landed, now.Add(time.Duration(1+random.IntN(50))*time.Second))
		case 3:
			m.shorten(key(), now.Add(time.Duration(random.IntN(10))*time.Second))
		case 4:
			m.remove(key())
		case 5:
			now = now.Add(time.Second)
			m.sweep(now)
		}
		m.check(t, step)
	}
	m.sweep(now.Add(time.Hour))
	if m.len() != 0 || len(m.origins) != 0 || m.bytes != 0 {
		t.Errorf("an hour later: %d entries, %d origins, %d bytes", m.len(), len(m.origins), m.bytes)
	}
}

func (m *memory) check(t *testing.T, step int) {
	t.Helper()
	var bytes int
	for key, e := range m.entries {
		bytes += len(e.flight.result.Value)
		if e.key != key || m.expiry[e.turn] != e || e.age.Value != e {
			t.Fatalf("step %d: an entry is not in its places", step)
		}
		if e.until.Before(m.expiry[0].until) {
			t.Fatalf("step %d: another entry expires before the first", step)
		}
	}
	for next, key := range m.origins {
		if e := m.entries[key]; e == nil || e.flight.result.Next != next {
			t.Fatalf("step %d: an origin points nowhere", step)
		}
	}
	if len(m.expiry) != m.len() || m.ages.Len() != m.len() || bytes != m.bytes || m.len() > m.maxEntries || bytes > m.maxBytes {
		t.Fatalf("step %d: %d entries, %d expiries, %d ages, %d bytes, counted %d", step, m.len(), len(m.expiry), m.ages.Len(), bytes, m.bytes)
	}
}
