package shelf

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestShelf(t *testing.T) {
	now := time.Unix(1000, 0)
	var gone []string
	s := New(3, 100, func(key string, _ int) { gone = append(gone, key) })
	put := func(key string, bytes int, left time.Duration) { s.Put(key, bytes, bytes, now, now.Add(left)) }
	has := func(want ...string) {
		t.Helper()
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			if found := s.entries[key] != nil; found != slices.Contains(want, key) {
				t.Errorf("%s is there: %v", key, found)
			}
		}
	}
	put("a", 10, time.Minute)
	put("b", 10, time.Second)
	put("c", 10, time.Hour)
	if _, ok := s.Get("a", now); !ok {
		t.Error("a is gone")
	}
	put("d", 10, time.Minute) // b was not used for the longest time
	has("a", "c", "d")
	put("e", 85, time.Minute) // c and a make room
	has("d", "e")
	put("e", 20, time.Minute)
	put("d", 101, time.Minute) // larger than the shelf
	put("c", 1, 0)             // expired
	has("e")
	if s.bytes != 20 || s.Len() != 1 {
		t.Errorf("%d bytes in %d entries", s.bytes, s.Len())
	}
	now = now.Add(time.Minute)
	if _, ok := s.Get("e", now); ok {
		t.Error("e has expired, and is given")
	}
	put("a", 1, time.Minute)
	has("a")
	s.Remove("a")
	s.Remove("a")
	if s.bytes != 0 || s.Len() != 0 || s.used.Len() != 0 || len(s.expiry) != 0 {
		t.Errorf("left: %+v", s)
	}
	if want := []string{"b", "c", "a", "e", "d", "e", "a"}; !slices.Equal(gone, want) {
		t.Errorf("removed %v, want %v", gone, want)
	}
}

// TestLook: what is looked at counts as used then, and what has expired isn't shown.
func TestLook(t *testing.T) {
	now := time.Unix(1000, 0)
	s := New[string, int](3, 100, nil)
	put := func(key string) { s.Put(key, 1, 1, now, now.Add(time.Minute)) }
	there := func(want string) {
		t.Helper()
		var keys string
		for _, key := range slices.Sorted(maps.Keys(s.entries)) {
			keys += key
		}
		if keys != want {
			t.Errorf("%s are there, want %s", keys, want)
		}
	}
	put("a")
	if value, ok := s.Look("a", now); !ok || value != 1 {
		t.Errorf("%v %v", value, ok)
	}
	put("b")
	put("c")
	put("d") // in the place of a, which was looked at before there was b
	there("bcd")
	s.Look("b", now)
	s.Look("b", now)
	put("e")
	there("bde")
	s.Look("d", now)
	put("f") // in the place of b: d and e were used later
	there("def")
	s.Look("e", now)
	s.Get("f", now)
	s.Look("d", now)
	put("g")
	there("dfg")
	if _, ok := s.Look("g", now.Add(time.Minute)); ok {
		t.Error("g has expired, and is given")
	}
	if _, ok := s.Look("a", now); ok {
		t.Error("a is given, and was driven out")
	}
}

// TestLooksAreBounded: where all were looked at, one that was long ago makes room, and
// not all are gone through for it.
func TestLooksAreBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	const many = 100 * maxLooked
	var gone []int
	s := New(many, many, func(key, _ int) { gone = append(gone, key) })
	for i := range many {
		s.Put(i, i, 1, now, now.Add(time.Minute))
	}
	for i := range many {
		s.Look(many-1-i, now)
		s.uses++ // as by a use of something else
	}
	first := s.used.Front()
	s.Put(many, many, 1, now, now.Add(time.Minute))
	if want := []int{maxLooked - 1}; !slices.Equal(gone, want) {
		t.Errorf("%v made room, want %v", gone, want)
	}
	if left := s.used.Len() - many; left != 0 || s.used.Front() == first || s.used.Front().Value.(*entry[int, int]).key != maxLooked {
		t.Errorf("%d too many, the first is %v", left, s.used.Front().Value)
	}
}

// TestShelfHoldsTogether does to a shelf whatever can be done to one, in any order.
func TestShelfHoldsTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	key := func() byte { return byte(random.IntN(40)) }
	there, now := map[byte]int{}, time.Unix(1_800_000_000, 0)
	s := New(16, 500, func(key byte, size int) {
		if kept, ok := there[key]; !ok || kept != size {
			t.Errorf("%d was not there", key)
		}
		delete(there, key)
	})
	for step := range 20_000 {
		switch random.IntN(8) {
		case 0, 1, 2:
			key, size := key(), random.IntN(100)
			s.Put(key, size, size, now, now.Add(time.Duration(random.IntN(50))*time.Second))
			if _, ok := s.Get(key, now); ok {
				there[key] = size
			}
		case 3:
			s.Shorten(key(), now.Add(time.Duration(random.IntN(10))*time.Second))
		case 4:
			s.Remove(key())
		case 5:
			s.Get(key(), now)
		case 6:
			now = now.Add(time.Second)
			s.Sweep(now)
		case 7:
			s.Look(key(), now)
		}
		if s.check(t, step); s.Len() != len(there) {
			t.Fatalf("step %d: %d entries, of which %d are known", step, s.Len(), len(there))
		}
	}
	s.Sweep(now.Add(time.Hour))
	if s.check(t, -1); s.Len() != 0 || len(there) != 0 {
		t.Errorf("an hour later: %d entries", s.Len())
	}
}

func (s *Shelf[K, V]) check(t *testing.T, step int) {
	t.Helper()
	var bytes int
	for key, e := range s.entries {
		bytes += e.bytes
		if e.key != key || s.expiry[e.turn] != e || e.use.Value != e {
			t.Fatalf("step %d: an entry is not in its places", step)
		}
		if e.expires.Before(s.expiry[0].expires) {
			t.Fatalf("step %d: another entry expires before the first", step)
		}
	}
	if len(s.expiry) != s.Len() || s.used.Len() != s.Len() || bytes != s.bytes || s.Len() > s.maxEntries || bytes > s.maxBytes {
		t.Fatalf("step %d: %d entries, %d expiries, %d uses, %d bytes, counted %d", step, s.Len(), len(s.expiry), s.used.Len(), bytes, s.bytes)
	}
}
