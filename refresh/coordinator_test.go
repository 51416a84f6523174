package refresh_test

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/refresh"
)

// replicas are groups that share a table.
func replicas(t *testing.T, n int, config refresh.Config) ([]*refresh.Group, *table) {
	t.Helper()
	shared := newTable()
	config.Coordinator = shared
	groups := make([]*refresh.Group, n)
	for i := range groups {
		groups[i] = newGroup(t, config)
	}
	return groups, shared
}

func TestReplicasRenewOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, _ := replicas(t, 3, refresh.Config{})
		n := &renewer{life: 5 * time.Minute}
		var all sync.WaitGroup
		for i := range 600 {
			all.Go(func() {
				if value, err := groups[i%3].Do(t.Context(), oldKey, n.renew); string(value) != "renewed 1" || err != nil {
					t.Errorf("Do = %q, %v", value, err)
				}
			})
		}
		all.Wait()
		time.Sleep(4 * time.Minute) // what each remembers itself is gone, what they share isn't
		for _, g := range groups {
			if value, err := g.Do(t.Context(), oldKey, n.renew); string(value) != "renewed 1" || err != nil {
				t.Errorf("the straggler got %q, %v", value, err)
			}
		}
		if got := n.calls.Load(); got != 1 {
			t.Errorf("%d renewals, want 1", got)
		}
	})
}

func TestReplicasTryOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, _ := replicas(t, 3, refresh.Config{})
		broken, good := &renewer{err: errors.New("broken")}, &renewer{life: time.Minute}
		began := time.Now()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := groups[0].Do(t.Context(), oldKey, broken.renew); err != broken.err {
				t.Errorf("err = %v", err)
			}
		})
		synctest.Wait()
		for _, g := range groups[1:] {
			all.Go(func() {
				if value, err := g.Do(t.Context(), oldKey, good.renew); string(value) != "renewed 1" || err != nil {
					t.Errorf("Do = %q, %v", value, err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took != 2*time.Second || good.calls.Load() != 1 {
			t.Errorf("%d renewals after the failure, all in %v", good.calls.Load(), took)
		}
	})
}

// TestLostLease: who led too slowly is refused by the provider, because somebody
// else renewed meanwhile, and has that one's result.
func TestLostLease(t *testing.T) {
	for _, c := range []struct {
		name   string
		second *renewer
		want   string
	}{
		{"renewed elsewhere", &renewer{life: time.Minute}, "renewed 1"},
		{"failed elsewhere too", &renewer{err: errors.New("broken too")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				groups, shared := replicas(t, 2, refresh.Config{})
				refused := errors.New("refused")
				var all sync.WaitGroup
				all.Go(func() {
					value, err := groups[0].Do(t.Context(), oldKey, func(context.Context) (refresh.Result, error) {
						time.Sleep(1500 * time.Millisecond)
						return refresh.Result{}, refused
					})
					if string(value) != c.want || (err == nil) != (c.want != "") || (err != nil && err != refused) {
						t.Errorf("the first got %q, %v", value, err)
					}
				})
				synctest.Wait()
				shared.lose()
				time.Sleep(time.Second)
				all.Go(func() {
					if value, err := groups[1].Do(t.Context(), oldKey, c.second.renew); string(value) != c.want || err != c.second.err {
						t.Errorf("the second got %q, %v", value, err)
					}
				})
				all.Wait()
			})
		})
	}
}

// TestCoordinatorAway: nothing is renewed that somebody else may be renewing.
func TestCoordinatorAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, shared := replicas(t, 1, refresh.Config{})
		g, n := groups[0], &renewer{life: time.Minute}
		shared.fail(errDown)
		_, err := g.Do(t.Context(), oldKey, n.renew)
		if !errors.Is(err, refresh.ErrUncoordinated) || !errors.Is(err, errDown) || n.calls.Load() != 0 {
			t.Errorf("%d renewals, %v", n.calls.Load(), err)
		}
		time.Sleep(time.Second)
		shared.fail(nil)
		if value, err := g.Do(t.Context(), oldKey, n.renew); string(value) != "renewed 1" || err != nil {
			t.Errorf("afterwards: %q, %v", value, err)
		}
	})
}

// TestUnsharedResultIsRemembered: the coordinator fails after the secret was
// spent. This process still has the result, for as long as it is good.
func TestUnsharedResultIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, shared := replicas(t, 1, refresh.Config{})
		g, n := groups[0], &renewer{life: 5 * time.Minute}
		for range 2 {
			value, err := g.Do(t.Context(), oldKey, func(ctx context.Context) (refresh.Result, error) {
				shared.fail(errDown)
				return n.renew(ctx)
			})
			if string(value) != "renewed 1" || err != nil {
				t.Errorf("Do = %q, %v", value, err)
			}
			time.Sleep(4 * time.Minute)
		}
	})
}

// TestSlowSharing: those who wait don't wait for it long, and Close does.
func TestSlowSharing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, shared := replicas(t, 2, refresh.Config{})
		shared.slow = 3 * time.Second
		n := &renewer{life: time.Minute}
		began := time.Now()
		if _, err := groups[0].Do(t.Context(), oldKey, n.renew); err != nil || time.Since(began) > 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := groups[0].Close(); err != nil || time.Since(began) < 4*time.Second {
			t.Errorf("Close = %v after %v", err, time.Since(began))
		}
		if value, err := groups[1].Do(t.Context(), oldKey, n.renew); string(value) != "renewed 1" || err != nil {
			t.Errorf("the other got %q, %v", value, err)
		}
	})
}

func TestPresentedAtAnyReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, shared := replicas(t, 3, refresh.Config{})
		n := &renewer{life: time.Hour}
		if _, err := groups[0].Do(t.Context(), oldKey, n.renew); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if groups[2].Active() {
				groups[2].Presented(newKey)
			}
			synctest.Wait()
		}
		if shared.shorten != 1 {
			t.Errorf("told %d times, want once", shared.shorten)
		}
		time.Sleep(29 * time.Second)
		for i, g := range groups {
			if value, err := g.Do(t.Context(), oldKey, n.renew); string(value) != "renewed 1" || err != nil {
				t.Errorf("29 s later replica %d has %q, %v", i, value, err)
			}
		}
		time.Sleep(31 * time.Second)
		if value, err := groups[1].Do(t.Context(), oldKey, n.renew); string(value) != "renewed 2" || err != nil {
			t.Errorf("a minute later: %q, %v", value, err)
		}
	})
}

func TestPresentedIsToldAgainAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, shared := replicas(t, 1, refresh.Config{})
		shared.fail(errDown)
		for range 2 {
			groups[0].Presented(newKey)
			synctest.Wait()
			shared.fail(nil)
		}
		groups[0].Presented(newKey)
		synctest.Wait()
		if shared.shorten != 2 {
			t.Errorf("told %d times, want twice", shared.shorten)
		}
	})
}

// TestPresentedKeysAreBounded: a key that was pushed out is told again, and one
// that is in use isn't pushed out.
func TestPresentedKeysAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, shared := replicas(t, 1, refresh.Config{MaxEntries: 10})
		for i := range 100 {
			groups[0].Presented(oldKey)
			groups[0].Presented(keyOf(i))
			synctest.Wait()
		}
		if shared.shorten != 101 {
			t.Errorf("told %d times", shared.shorten)
		}
		groups[0].Presented(keyOf(0))
		synctest.Wait()
		if shared.shorten != 102 {
			t.Error("a key of long ago is still held")
		}
	})
}

func TestForgetAtAnyReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, _ := replicas(t, 3, refresh.Config{})
		n := &renewer{life: time.Hour}
		if _, err := groups[0].Do(t.Context(), oldKey, n.renew); err != nil {
			t.Fatal(err)
		}
		groups[1].Forget(newKey)
		if value, err := groups[2].Do(t.Context(), oldKey, n.renew); string(value) != "renewed 2" || err != nil {
			t.Errorf("after signing out with the new key: %q, %v", value, err)
		}
		var under sync.WaitGroup
		under.Go(func() { _, _ = groups[0].Do(t.Context(), keyOf(1), n.renew) })
		synctest.Wait()
		groups[1].Forget(keyOf(1))
		under.Wait()
		if value, err := groups[2].Do(t.Context(), keyOf(1), n.renew); string(value) != "renewed 4" || err != nil {
			t.Errorf("after signing out under way: %q, %v", value, err)
		}
	})
}

func TestSharedResultsAreSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, shared := replicas(t, 3, refresh.Config{})
		n := &renewer{life: time.Hour}
		if _, err := groups[0].Do(t.Context(), oldKey, n.renew); err != nil {
			t.Fatal(err)
		}
		for name, k := range shared.kept {
			if !regexp.MustCompile(`^r[A-Za-z0-9_-]{32}$`).MatchString(name) || bytes.Contains(k.result, []byte("renewed")) || bytes.Contains(k.result, newKey[:]) {
				t.Errorf("%s: %q", name, k.result)
			}
		}
		shared.tamper()
		if value, err := groups[1].Do(t.Context(), oldKey, n.renew); !errors.Is(err, refresh.ErrUncoordinated) || value != nil || n.calls.Load() != 1 {
			t.Errorf("somebody else's result: %q, %v", value, err)
		}
	})
}

func TestReplicasAndWhateverRenewDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, _ := replicas(t, 2, refresh.Config{})
		if _, err := groups[0].Do(t.Context(), oldKey, func(context.Context) (refresh.Result, error) { panic("oops") }); err == nil {
			t.Error("no error")
		}
		n := &renewer{life: time.Hour}
		if value, err := groups[1].Do(t.Context(), oldKey, n.renew); string(value) != "renewed 1" || err != nil {
			t.Errorf("the next one got %q, %v", value, err)
		}
	})
}

// TestCloseLeavesOthersAlone: a renewal of another process isn't waited for.
func TestCloseLeavesOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, _ := replicas(t, 2, refresh.Config{})
		n := &renewer{life: time.Hour}
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := groups[0].Do(t.Context(), oldKey, n.renew); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if _, err := groups[1].Do(t.Context(), oldKey, n.renew); err != refresh.ErrClosed {
				t.Errorf("err = %v", err)
			}
		})
		synctest.Wait()
		began := time.Now()
		if err := groups[1].Close(); err != nil || time.Since(began) != 0 {
			t.Errorf("Close = %v after %v", err, time.Since(began))
		}
		all.Wait()
	})
}
