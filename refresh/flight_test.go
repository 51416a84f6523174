package refresh_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/refresh"
)

// TestWhateverRenewDoes lets renewals end in every way a function can. Fifty
// wait for each, and a later renewal of the same key has to be possible.
func TestWhateverRenewDoes(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		end  func() (refresh.Result, error)
		want string
	}{
		"error":         {func() (refresh.Result, error) { return refresh.Result{}, broken }, "broken"},
		"error, result": {func() (refresh.Result, error) { return refresh.Result{Value: []byte("x")}, broken }, "broken"},
		"panic":         {func() (refresh.Result, error) { panic("a secret") }, "panicked with a string at flight_test.go:"},
		"panic, error":  {func() (refresh.Result, error) { panic(errors.New("a secret")) }, "panicked with a *errors.errorString at flight_test.go:"},
		"panic, nil":    {func() (refresh.Result, error) { panic(nil) }, "panicked"},
		"runtime panic": {func() (refresh.Result, error) { return *(*refresh.Result)(nil), nil }, "nil pointer"},
		"Goexit":        {func() (refresh.Result, error) { runtime.Goexit(); return refresh.Result{}, nil }, "did not return"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t, refresh.Config{})
				var all sync.WaitGroup
				for range 50 {
					all.Go(func() {
						value, err := g.Do(t.Context(), oldKey, func(context.Context) (refresh.Result, error) {
							time.Sleep(time.Second)
							return c.end()
						})
						if value != nil || err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
							t.Errorf("Do = %q, %v, want %q", value, err, c.want)
						}
					})
				}
				all.Wait()
				time.Sleep(time.Second)
				n := &renewer{life: time.Minute}
				if _, err := g.Do(t.Context(), oldKey, n.renew); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			})
		})
	}
}

// TestFailingProvider sends twenty requests a second for ten seconds.
func TestFailingProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, refresh.Config{})
		var calls int
		for range 200 {
			_, _ = g.Do(t.Context(), oldKey, func(context.Context) (refresh.Result, error) {
				calls++
				return refresh.Result{}, errors.New("broken")
			})
			time.Sleep(50 * time.Millisecond)
		}
		if calls != 10 {
			t.Errorf("%d calls in ten seconds, want one a second", calls)
		}
	})
}
