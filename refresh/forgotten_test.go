package refresh_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/refresh"
)

// deaf is a coordinator that doesn't hear of sign-outs, and keeps what it is told.
type deaf struct{ results chan []byte }

func (d deaf) Join(context.Context, string) ([]byte, func(context.Context, []byte, string, time.Time) error, error) {
	return nil, func(_ context.Context, result []byte, _ string, _ time.Time) error {
		d.results <- result
		return nil
	}, nil
}

func (deaf) Shorten(context.Context, string, time.Time) error { return nil }
func (deaf) Forget(context.Context, string) error             { return errors.New("away") }

// TestForgottenIsNotShared: a renewal during which somebody signed out isn't shared,
// although the coordinator couldn't be told of the sign-out.
func TestForgottenIsNotShared(t *testing.T) {
	for _, forgotten := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			others := deaf{make(chan []byte, 1)}
			group := newGroup(t, refresh.Config{Coordinator: others})
			n := &renewer{life: time.Minute}
			go func() { _, _ = group.Do(t.Context(), oldKey, n.renew) }()
			synctest.Wait() // it is under way
			if forgotten {
				group.Forget(oldKey)
			}
			if result := <-others.results; (result == nil) != forgotten {
				t.Errorf("forgotten %v: %d bytes are shared", forgotten, len(result))
			}
		})
	}
}
