package gatehouse_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
)

func TestMemoryStore(t *testing.T) {
	clock := newClock(time.Unix(1_800_000_000, 0))
	s := gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{MaxSessions: 3, Clock: clock.Now})
	ctx := t.Context()
	save := func(id, previous, value string, want bool) {
		t.Helper()
		var before []byte
		if previous != "" {
			before = []byte(previous)
		}
		saved, err := s.Save(ctx, id, before, []byte(value), clock.Now().Add(time.Minute))
		if saved != want || err != nil {
			t.Errorf("saving %s: %v, %v", value, saved, err)
		}
	}
	load := func(id, want string) {
		t.Helper()
		if value, err := s.Load(ctx, id); string(value) != want || err != nil {
			t.Errorf("%s is %q, want %q: %v", id, value, want, err)
		}
	}
	save("a", "old", "a1", false)
	save("a", "", "a1", true)
	save("a", "", "a2", false)
	save("a", "a0", "a2", false)
	save("a", "a1", "a2", true)
	load("a", "a2")
	for _, id := range []string{"b", "c", "d"} {
		save(id, "", id, true)
	}
	load("a", "") // made room
	load("d", "d")
	if err := s.Delete(ctx, "d"); err != nil {
		t.Error(err)
	}
	save("d", "d", "d2", false) // gone is gone
	clock.advance(time.Minute)
	load("b", "")
	save("b", "b", "b2", false)

	for i := range 3 {
		if err := s.Enter(ctx, "alice", fmt.Sprint(i), []byte{byte(i)}, clock.Now().Add(time.Duration(i+1)*time.Minute)); err != nil {
			t.Error(err)
		}
	}
	if err := s.Leave(ctx, "alice", "1"); err != nil {
		t.Error(err)
	}
	clock.advance(time.Minute)
	if entries, err := s.List(ctx, "alice"); len(entries) != 1 || entries["2"][0] != 2 || err != nil {
		t.Errorf("%v, %v", entries, err)
	}
	if entries, err := s.List(ctx, "bob"); len(entries) != 0 || err != nil {
		t.Errorf("%v, %v", entries, err)
	}

	var changed []string
	stop := s.Watch(func(names []string) { changed = append(changed, names...) })
	if err := s.Revoke(ctx, "u1", clock.Now(), clock.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	stop()
	if err := s.Revoke(ctx, "u2", clock.Now(), clock.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	before, err := s.Revoked(ctx, "u0", "u1", "u2")
	if err != nil || !before[0].IsZero() || before[1] != clock.Now() || before[2] != clock.Now() || fmt.Sprint(changed) != "[u1]" {
		t.Errorf("%v, %v, changed %v", before, err, changed)
	}
}
