package refresh_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/canary"
	"github.com/gatehouse-go/gatehouse/refresh"
)

var (
	oldKey = refresh.KeyOf([]byte("old refresh"), []byte("old access"))
	newKey = refresh.KeyOf([]byte("new refresh"), []byte("new access"))
)

func keyOf(i int) refresh.Key { return refresh.KeyOf([]byte(strconv.Itoa(i))) }

func newGroup(t *testing.T, config refresh.Config) *refresh.Group {
	t.Helper()
	g, err := refresh.New(config)
	if err != nil {
		t.Fatal(err)
	}
	watch := canary.New(t)
	watch.Secret(canary.RefreshToken, string(oldKey[:]), string(newKey[:]), "renewed-by-somebody")
	t.Cleanup(func() {
		_ = g.Close()
		watch.Print("what a group prints", g)
	})
	return g
}

// renewer counts its calls and takes a second for each.
type renewer struct {
	calls atomic.Int32
	life  time.Duration
	err   error
}

func (n *renewer) renew(ctx context.Context) (refresh.Result, error) {
	call := n.calls.Add(1)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return refresh.Result{}, ctx.Err()
	}
	if n.err != nil {
		return refresh.Result{}, n.err
	}
	return refresh.Result{Value: []byte("renewed " + strconv.Itoa(int(call))), Next: newKey, Expires: time.Now().Add(n.life)}, nil
}

func TestManyAskOneRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, n := newGroup(t, refresh.Config{}), &renewer{life: 5 * time.Minute}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if value, err := g.Do(t.Context(), oldKey, n.renew); string(value) != "renewed 1" || err != nil {
					t.Errorf("Do = %q, %v", value, err)
				}
			})
		}
		all.Wait()
		time.Sleep(4 * time.Minute)
		if value, err := g.Do(t.Context(), oldKey, n.renew); string(value) != "renewed 1" || err != nil {
			t.Errorf("the straggler got %q, %v", value, err)
		}
		if got := n.calls.Load(); got != 1 {
			t.Errorf("%d renewals, want 1", got)
		}
	})
}

func TestKeysDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, n := newGroup(t, refresh.Config{}), &renewer{life: time.Minute}
		began := time.Now()
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				if _, err := g.Do(t.Context(), keyOf(i), n.renew); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took != time.Second || n.calls.Load() != 50 {
			t.Errorf("%d renewals of a second took %v", n.calls.Load(), took)
		}
	})
}

// TestWithoutRotation renews twice with one refresh token: the key is over the
// access token too, so the second renewal isn't answered from the first.
func TestWithoutRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, refresh.Config{})
		key := func(access int) refresh.Key { return refresh.KeyOf([]byte("refresh"), []byte{byte(access)}) }
		for access := range 5 {
			value, err := g.Do(t.Context(), key(access), func(context.Context) (refresh.Result, error) {
				return refresh.Result{Value: []byte{byte(access)}, Next: key(access + 1), Expires: time.Now().Add(time.Minute)}, nil
			})
			if err != nil || value[0] != byte(access) {
				t.Fatalf("renewal %d got %v, %v", access, value, err)
			}
			g.Presented(key(access + 1))
			time.Sleep(time.Second)
		}
	})
}

func TestRememberedUntilPresented(t *testing.T) {
	for _, c := range []struct {
		name      string
		life      time.Duration
		presented bool
		after     time.Duration
		want      bool
	}{
		{"not presented", 5 * time.Minute, false, 4 * time.Minute, true},
		{"at most its life", 5 * time.Minute, false, 5 * time.Minute, false},
		{"presented just now", 5 * time.Minute, true, 29 * time.Second, true},
		{"presented 30 s ago", 5 * time.Minute, true, 30 * time.Second, false},
		{"a life shorter than 30 s", 10 * time.Second, true, 10 * time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, n := newGroup(t, refresh.Config{}), &renewer{life: c.life}
				if _, err := g.Do(t.Context(), oldKey, n.renew); err != nil {
					t.Fatal(err)
				}
				if !g.Active() {
					t.Error("nothing is remembered")
				}
				if c.presented {
					g.Presented(newKey)
					time.Sleep(c.after / 2)
					g.Presented(newKey) // again: doesn't start the 30 s over
					time.Sleep(c.after - c.after/2)
				} else {
					time.Sleep(c.after)
				}
				if _, got := g.Lookup(oldKey); got != c.want {
					t.Errorf("remembered: %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestLeavingDoesNotAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, n := newGroup(t, refresh.Config{}), &renewer{life: time.Hour}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := g.Do(ctx, oldKey, n.renew); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the one who left got %v", err)
		}
		if value, err := g.Do(t.Context(), oldKey, n.renew); string(value) != "renewed 1" || err != nil {
			t.Errorf("the next one got %q, %v", value, err)
		}
	})
}

func TestWhoHasLeftBeginsNothing(t *testing.T) {
	g, n := newGroup(t, refresh.Config{}), &renewer{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Do(ctx, oldKey, n.renew); err != context.Canceled {
		t.Errorf("err = %v", err)
	}
	if err := g.Close(); err != nil || n.calls.Load() != 0 {
		t.Errorf("%d renewals, %v", n.calls.Load(), err)
	}
}

func TestFailureIsRememberedForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		g, n := newGroup(t, refresh.Config{}), &renewer{err: broken}
		for range 100 {
			if _, err := g.Do(t.Context(), oldKey, n.renew); err != broken {
				t.Fatalf("err = %v", err)
			}
		}
		if n.calls.Load() != 1 {
			t.Errorf("%d calls at once, want 1", n.calls.Load())
		}
		if _, ok := g.Lookup(oldKey); ok {
			t.Error("Lookup returns a failure")
		}
		time.Sleep(time.Second - time.Nanosecond)
		if _, err := g.Do(t.Context(), oldKey, n.renew); err != broken || n.calls.Load() != 1 {
			t.Errorf("within the second: %v, %d calls", err, n.calls.Load())
		}
		time.Sleep(time.Nanosecond)
		n.err = nil
		if _, err := g.Do(t.Context(), oldKey, n.renew); err != nil {
			t.Errorf("a second later: %v", err)
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, refresh.Config{Timeout: 3 * time.Second})
		began := time.Now()
		_, err := g.Do(t.Context(), oldKey, func(ctx context.Context) (refresh.Result, error) {
			<-ctx.Done()
			return refresh.Result{}, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestContextValuesReachTheRenewal(t *testing.T) {
	type name struct{}
	g := newGroup(t, refresh.Config{})
	ctx := context.WithValue(t.Context(), name{}, "here")
	_, err := g.Do(ctx, oldKey, func(ctx context.Context) (refresh.Result, error) {
		if ctx.Value(name{}) != "here" {
			return refresh.Result{}, errors.New("lost")
		}
		return refresh.Result{}, nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, n := newGroup(t, refresh.Config{}), &renewer{life: time.Hour}
		go func() { _, _ = g.Do(t.Context(), oldKey, n.renew) }()
		synctest.Wait()
		began := time.Now()
		if err := g.Close(); err != nil || time.Since(began) != time.Second {
			t.Errorf("Close = %v after %v, want it to wait for the renewal", err, time.Since(began))
		}
		for _, key := range []refresh.Key{oldKey, newKey} { // one is remembered
			if _, err := g.Do(t.Context(), key, n.renew); err != refresh.ErrClosed {
				t.Errorf("Do after Close: %v", err)
			}
		}
		if err := g.Close(); err != nil || n.calls.Load() != 1 {
			t.Errorf("closed again: %v, %d renewals", err, n.calls.Load())
		}
	})
}

// TestCloseUnderLoad: everybody gets a result or ErrClosed, and nothing runs
// after Close returned.
func TestCloseUnderLoad(t *testing.T) {
	g := newGroup(t, refresh.Config{})
	var running atomic.Int32
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for i := range 200 {
				_, err := g.Do(t.Context(), keyOf(worker*1000+i), func(context.Context) (refresh.Result, error) {
					running.Add(1)
					defer running.Add(-1)
					return refresh.Result{Expires: time.Now().Add(time.Minute)}, nil
				})
				if err != nil && err != refresh.ErrClosed {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		all.Go(func() {
			if err := g.Close(); err != nil || running.Load() != 0 {
				t.Errorf("Close = %v with %d renewals running", err, running.Load())
			}
		})
	}
	all.Wait()
}

func TestDue(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	g := newGroup(t, refresh.Config{Clock: func() time.Time { return now }})
	for _, c := range []struct {
		name          string
		issued, lives time.Duration // before now, and for how long
		want          bool
	}{
		{"fresh hour", 0, time.Hour, false},
		{"61 s left", time.Hour - 61*time.Second, time.Hour, false},
		{"60 s left", time.Hour - 60*time.Second, time.Hour, true},
		{"expired", 2 * time.Hour, time.Hour, true},
		{"a minute's token, fresh", 0, time.Minute, false},
		{"a minute's token, 16 s left", 44 * time.Second, time.Minute, false},
		{"a minute's token, 15 s left", 45 * time.Second, time.Minute, true},
		{"expired before it was issued", 0, -time.Hour, true},
	} {
		issued := now.Add(-c.issued)
		if got := g.Due(issued, issued.Add(c.lives)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if g.Due(now, time.Time{}) {
		t.Error("what never expires is due")
	}
}

func TestNewReportsEveryMistake(t *testing.T) {
	_, err := refresh.New(refresh.Config{Leeway: -1, Timeout: -1, MaxEntries: -1, MaxBytes: -1})
	for _, field := range []string{"Leeway", "Timeout", "MaxEntries", "MaxBytes"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v doesn't name %s", err, field)
		}
	}
}

func TestStress(t *testing.T) {
	g := newGroup(t, refresh.Config{MaxEntries: 8})
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for i := range 200 {
				key, next := refresh.KeyOf([]byte{byte(i % 12)}), refresh.KeyOf([]byte{byte(i % 12), 1})
				value, err := g.Do(t.Context(), key, func(context.Context) (refresh.Result, error) {
					return refresh.Result{Value: key[:], Next: next, Expires: time.Now().Add(time.Minute)}, nil
				})
				if err != nil || string(value) != string(key[:]) {
					t.Errorf("worker %d: %v", worker, err)
				}
				g.Presented(next)
				if i%50 == 0 {
					g.Forget(key)
				}
			}
		})
	}
	all.Wait()
}

func TestKeyOf(t *testing.T) {
	if refresh.KeyOf([]byte("ab"), []byte("c")) == refresh.KeyOf([]byte("a"), []byte("bc")) {
		t.Error("two lists of secrets have one key")
	}
}

func ExampleGroup_Do() {
	group, err := refresh.New(refresh.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer group.Close()

	key := refresh.KeyOf([]byte("the old refresh token"))
	renew := func(context.Context) (refresh.Result, error) {
		fmt.Println("asking the token endpoint")
		return refresh.Result{
			Value:   []byte("the new session"),
			Next:    refresh.KeyOf([]byte("the new refresh token")),
			Expires: time.Now().Add(5 * time.Minute),
		}, nil
	}
	for range 3 { // the last two come late, with the old cookie
		value, err := group.Do(context.Background(), key, renew)
		fmt.Println(string(value), err)
	}
	// Output:
	// asking the token endpoint
	// the new session <nil>
	// the new session <nil>
	// the new session <nil>
}

// TestNothingPrintsSecrets: neither a result, nor the error of a renewal that came to
// nothing, nor what a coordinator is told.
func TestNothingPrintsSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const said = "a-secret-that-nobody-may-see"
		watch := canary.New(t)
		watch.Secret(canary.RefreshToken, said, string(oldKey[:]), string(newKey[:]))
		result := refresh.Result{Value: []byte(said), Next: newKey, Expires: time.Now().Add(time.Hour)}
		watch.Print("what a result prints", result, &result, []refresh.Result{result}, struct{ Result refresh.Result }{result})
		watch.Logger(io.Discard).Info("x", "result", result)
		encoded, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		watch.Look("the JSON of a result", string(encoded))

		groups, shared := replicas(t, 2, refresh.Config{Timeout: time.Second})
		if _, err := groups[0].Do(t.Context(), oldKey, func(context.Context) (refresh.Result, error) { return result, nil }); err != nil {
			t.Fatal(err)
		}
		groups[0].Presented(newKey)
		synctest.Wait()
		for name, kept := range shared.kept {
			watch.Look("what a coordinator keeps", name+string(kept.result))
		}
		for next, name := range shared.origins {
			watch.Look("what a coordinator keeps", next+name)
		}
		panics := func(context.Context) (refresh.Result, error) { panic("oops") }
		hangs := func(ctx context.Context) (refresh.Result, error) { <-ctx.Done(); return result, ctx.Err() }
		for name, renew := range map[string]func(context.Context) (refresh.Result, error){"a panic": panics, "a timeout": hangs} {
			if _, err := groups[1].Do(t.Context(), refresh.KeyOf([]byte(name)), renew); watch.Error("an error", err) == nil {
				t.Errorf("%s: no error", name)
			}
		}
		shared.tamper()
		if _, err := groups[1].Do(t.Context(), oldKey, panics); watch.Error("an error", err) == nil {
			t.Error("somebody else's result is taken")
		}
	})
}
