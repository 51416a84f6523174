package shelf

import (
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
