package refresh_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/refresh"
)

// put makes g remember size bytes as the renewal from key to next.
func put(t testing.TB, g *refresh.Group, key, next refresh.Key, size int, life time.Duration) {
	t.Helper()
	_, err := g.Do(t.Context(), key, func(context.Context) (refresh.Result, error) {
		return refresh.Result{Value: make([]byte, size), Next: next, Expires: time.Now().Add(life)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func remembered(g *refresh.Group, key refresh.Key) bool {
	_, ok := g.Lookup(key)
	return ok
}

// TestUnchangedSecret: who presents the old key may not have seen the result,
// and who has seen it must not be kept from the next renewal.
func TestUnchangedSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, refresh.Config{})
		put(t, g, oldKey, oldKey, 1, time.Hour)
		time.Sleep(29 * time.Second)
		g.Presented(oldKey)
		if !remembered(g, oldKey) {
			t.Error("forgotten within 30 s")
		}
		time.Sleep(time.Second)
		if remembered(g, oldKey) {
			t.Error("still remembered after 30 s")
		}
	})
}

func TestExpiredResultIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, refresh.Config{})
		put(t, g, oldKey, newKey, 1, 0)
		if g.Active() || remembered(g, oldKey) {
			t.Error("remembered")
		}
	})
}

func TestNothingStaysAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, refresh.Config{})
		for i := range 100 { // what lives longest comes first
			put(t, g, keyOf(i), keyOf(1000+i), 1, time.Duration(200-i)*time.Second)
		}
		time.Sleep(200 * time.Second)
		g.Presented(oldKey) // any touch
		if g.Active() {
			t.Error("expired results are still held")
		}
	})
}

func TestForgetUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, n := newGroup(t, refresh.Config{}), &renewer{life: time.Hour}
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if value, err := g.Do(t.Context(), oldKey, n.renew); string(value) != "renewed 1" || err != nil {
				t.Errorf("the one who waits got %q, %v", value, err)
			}
		})
		synctest.Wait()
		g.Forget(oldKey) // signed out while the renewal is under way
		waiting.Wait()
		if remembered(g, oldKey) {
			t.Error("a renewal that was forgotten under way is remembered")
		}
		if value, err := g.Do(t.Context(), oldKey, n.renew); string(value) != "renewed 2" || err != nil {
			t.Errorf("the next one got %q, %v", value, err)
		}
	})
}

// TestForgetUnderOldKeys signs out of a session that was renewed twice. No
// cookie from before may bring it back.
func TestForgetUnderOldKeys(t *testing.T) {
	for _, presented := range []bool{false, true} {
		g := newGroup(t, refresh.Config{})
		for i := range 2 {
			put(t, g, keyOf(i), keyOf(i+1), 1, time.Hour)
			if presented {
				g.Presented(keyOf(i + 1))
			}
		}
		put(t, g, oldKey, newKey, 1, time.Hour) // somebody else
		g.Forget(keyOf(2))
		if remembered(g, keyOf(0)) || remembered(g, keyOf(1)) {
			t.Errorf("presented %v: an old key still leads to the session", presented)
		}
		if !remembered(g, oldKey) {
			t.Error("another session is forgotten too")
		}
		g.Forget(oldKey)
		if g.Active() {
			t.Error("still remembered")
		}
	}
}

func TestForgetInACircle(t *testing.T) {
	g := newGroup(t, refresh.Config{})
	put(t, g, oldKey, newKey, 1, time.Hour)
	put(t, g, newKey, oldKey, 1, time.Hour)
	g.Forget(oldKey)
	if g.Active() {
		t.Error("still remembered")
	}
}

func TestForgetDropsAFailure(t *testing.T) {
	g := newGroup(t, refresh.Config{})
	_, err := g.Do(t.Context(), oldKey, func(context.Context) (refresh.Result, error) { return refresh.Result{}, errors.New("broken") })
	if err == nil {
		t.Fatal("no error")
	}
	g.Forget(oldKey)
	put(t, g, oldKey, newKey, 1, time.Hour)
}

func TestOldestGoFirst(t *testing.T) {
	for _, config := range []refresh.Config{{MaxEntries: 10}, {MaxBytes: 1099}} {
		g := newGroup(t, config)
		for i := range 100 {
			put(t, g, keyOf(i), keyOf(1000+i), 100, time.Hour)
		}
		for i := range 100 {
			if got, want := remembered(g, keyOf(i)), i >= 90; got != want {
				t.Errorf("%+v: result %d is remembered: %v", config, i, got)
			}
		}
	}
}

func TestExpiredGoBeforeOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, refresh.Config{MaxEntries: 10})
		put(t, g, oldKey, newKey, 1, 24*time.Hour)
		for i := range 9 {
			put(t, g, keyOf(i), keyOf(1000+i), 1, time.Minute)
		}
		time.Sleep(time.Hour)
		put(t, g, keyOf(9), keyOf(1009), 1, time.Minute)
		if !remembered(g, oldKey) {
			t.Error("a live result went while expired ones were held")
		}
	})
}

func TestTooLongToRemember(t *testing.T) {
	g := newGroup(t, refresh.Config{MaxBytes: 100})
	put(t, g, oldKey, newKey, 100, time.Hour)
	put(t, g, keyOf(1), keyOf(2), 101, time.Hour)
	if !remembered(g, oldKey) || remembered(g, keyOf(1)) {
		t.Error("one value too long drove out the others")
	}
}

func TestOutageDrivesNoResultsOut(t *testing.T) {
	g := newGroup(t, refresh.Config{MaxEntries: 10})
	put(t, g, oldKey, newKey, 1, time.Hour)
	for i := range 100 {
		_, err := g.Do(t.Context(), keyOf(i), func(context.Context) (refresh.Result, error) { return refresh.Result{}, errors.New("broken") })
		if err == nil {
			t.Fatal("no error")
		}
	}
	if !remembered(g, oldKey) {
		t.Error("failures drove a result out")
	}
}

func TestEveryRequestsPathAllocatesNothing(t *testing.T) {
	g := newGroup(t, refresh.Config{})
	issued := time.Now()
	for _, active := range []bool{false, true} {
		if active {
			put(t, g, oldKey, newKey, 1, time.Hour)
		}
		if allocs := testing.AllocsPerRun(100, func() {
			g.Presented(newKey)
			g.Lookup(keyOf(0))
			g.Due(issued, issued.Add(time.Hour))
		}); allocs > 0 {
			t.Errorf("active %v: %v allocations", active, allocs)
		}
	}
}

func BenchmarkPresented(b *testing.B) {
	for name, results := range map[string]int{"nothing remembered": 0, "10000 remembered": 10_000} {
		b.Run(name, func(b *testing.B) {
			g, err := refresh.New(refresh.Config{})
			if err != nil {
				b.Fatal(err)
			}
			for i := range results {
				put(b, g, keyOf(i), keyOf(-i), 1, time.Hour)
			}
			b.ReportAllocs()
			for b.Loop() {
				g.Presented(newKey)
			}
		})
	}
}

func BenchmarkDue(b *testing.B) {
	g, err := refresh.New(refresh.Config{})
	if err != nil {
		b.Fatal(err)
	}
	issued := time.Now()
	expires := issued.Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		g.Due(issued, expires)
	}
}
