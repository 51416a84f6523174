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

// wall is a clock that is set.
type wall struct {
	mu    sync.Mutex
	now   time.Time
	steps []time.Duration // by which it is set when it is next read
}

func (w *wall) read() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now
	if len(w.steps) > 0 {
		w.now, w.steps = now.Add(w.steps[0]), w.steps[1:]
	}
	return now
}

// TestClockSetBack: a failure is remembered for a second, not until the clock has
// been there again; what was renewed is remembered all the same.
func TestClockSetBack(t *testing.T) {
	clock := &wall{now: time.Unix(1_000_000, 0)}
	g := newGroup(t, refresh.Config{Clock: clock.read})
	broken, calls := errors.New("broken"), 0
	renew := func(fails error) func(context.Context) (refresh.Result, error) {
		return func(context.Context) (refresh.Result, error) {
			calls++
			return refresh.Result{Value: []byte("renewed"), Next: newKey, Expires: clock.read().Add(time.Hour)}, fails
		}
	}
	for range 2 {
		if _, err := g.Do(t.Context(), oldKey, renew(broken)); err != broken || calls != 1 {
			t.Fatalf("%v, %d calls", err, calls)
		}
	}
	for range 2 {
		clock.now = clock.now.Add(-20 * time.Second)
		if value, err := g.Do(t.Context(), oldKey, renew(nil)); string(value) != "renewed" || err != nil || calls != 2 {
			t.Errorf("set back: %q, %v, %d calls", value, err, calls)
		}
	}
}

// until is a coordinator that notes what it is told to shorten to.
type until struct {
	*table
	at chan time.Time
}

func (u *until) Shorten(_ context.Context, _ string, until time.Time) error {
	u.at <- until
	return nil
}

// TestClockSetWhilePresenting: the coordinator is told by the clock of the moment,
// or what it keeps for requests on their way would be gone at once.
func TestClockSetWhilePresenting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &wall{now: time.Unix(1_000_000, 0), steps: []time.Duration{time.Minute}}
		told := &until{newTable(), make(chan time.Time, 1)}
		g := newGroup(t, refresh.Config{Clock: clock.read, Coordinator: told})
		g.Presented(newKey)
		if left := (<-told.at).Sub(clock.read()); left < 29*time.Second {
			t.Errorf("kept for %v more", left)
		}
	})
}
