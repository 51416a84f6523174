package gatehouse

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestDenylist(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	d := newDenylist(3, func() time.Time { return now })
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }
	if d.holds() != 0 || !d.before("u1").IsZero() {
		t.Error("an empty list denies")
	}
	d.revoke("gone", at(0), at(0))
	if d.holds() != 0 {
		t.Error("what has expired is kept")
	}
	d.revoke("s1", at(10), at(20))
	if d.holds() != holdsSessions {
		t.Errorf("holds %b", d.holds())
	}
	d.revoke("u1", at(-5), at(100))
	d.revoke("u1", at(-9), at(50)) // an older word changes nothing
	if d.holds() != holdsSessions|holdsPeople || d.before("u1") != at(-5) || d.before("s1", "u1") != at(10) || !d.before("u2").IsZero() {
		t.Errorf("holds %b, %v", d.holds(), d.before("u1"))
	}
	d.revoke("u3", at(0), at(30))
	d.revoke("u4", at(0), at(60)) // one too many
	began := now
	if got := d.before("anything"); got != began {
		t.Errorf("the floor is at %v", got)
	}
	if d.before("u4") != began || d.before("s1") != at(10) || len(d.denials) != 2 {
		t.Errorf("%d denials", len(d.denials))
	}
	now = began.Add(99 * time.Second)
	if d.before("anything") != began {
		t.Error("the floor fell while one of those it covers would count")
	}
	now = began.Add(100 * time.Second)
	if !d.before("anything").IsZero() || d.holds() != 0 {
		t.Errorf("the floor stays, holds %b", d.holds())
	}
}

// TestDenylistOfAnyTime: what may have begun at any time doesn't fill a list so that every
// word raises its floor, and a clock that is set back doesn't lower it.
func TestDenylistOfAnyTime(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	d := newDenylist(8, func() time.Time { return now })
	ends := now.Add(time.Hour)
	raised := 0
	for i := range 80 {
		if d.revoke(fmt.Sprint("s", i), ends, ends) {
			raised++
		}
	}
	if raised != 9 || d.before("s79") != ends || d.before("anything") != now {
		t.Errorf("raised %d times, to %v", raised, d.before("anything"))
	}
	began := now
	now = now.Add(-time.Minute)
	for i := range 9 {
		d.revoke(fmt.Sprint("u", i), now, ends)
	}
	if d.before("anything") != began {
		t.Errorf("the floor is at %v", d.before("anything"))
	}
}

// TestDenylistMakesRoom: expired ones go before anybody else has to.
func TestDenylistMakesRoom(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	d := newDenylist(2000, func() time.Time { return now })
	for i := range 100_000 {
		now = now.Add(time.Second)
		d.revoke(fmt.Sprint("u", i), now, now.Add(1900*time.Second))
	}
	if d.holds() != holdsPeople || len(d.denials) > 2000 {
		t.Errorf("holds %b, %d denials", d.holds(), len(d.denials))
	}
	if d.before("u99999") != now || !d.before("u1").IsZero() {
		t.Error("one of them is wrong")
	}
}

// TestDenylistOfStrangers: a full one refuses, and raises no floor.
func TestDenylistOfStrangers(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	d := newDenylist(2, func() time.Time { return now })
	offer := func(name string, want bool) {
		t.Helper()
		if got := d.offer(name, now, now.Add(time.Minute)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	offer("p1", true)
	offer("p2", true)
	offer("p3", false)
	offer("p1", true)
	if d.before("p2") != now || !d.before("p3").IsZero() || !d.before("p4").IsZero() {
		t.Error("one of them is wrong")
	}
	now = now.Add(time.Minute)
	offer("p3", true)
}

// TestDenylistOfManyStrangers: however many come at once.
func TestDenylistOfManyStrangers(t *testing.T) {
	for range 200 {
		d := newDenylist(8, time.Now)
		now := time.Now()
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() { d.offer(fmt.Sprint("p", i), now, now.Add(time.Minute)) })
		}
		all.Wait()
		if !d.before("somebody else").IsZero() || len(d.denials) != 8 {
			t.Fatalf("the floor is at %v, over %d denials", d.before("somebody else"), len(d.denials))
		}
	}
}
