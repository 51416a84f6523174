package budget

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

type key struct{}

// TestBudget holds a Budget against the context that it stands for, whoever asks what
// of it first.
func TestBudget(t *testing.T) {
	const d = 3 * time.Second
	ended := errors.New("ended")
	for name, c := range map[string]struct {
		timeout time.Duration // of the parent; 0 for none
		end     func(cancelParent context.CancelCauseFunc, spend func())
	}{
		"nothing happens":   {},
		"spent":             {end: func(_ context.CancelCauseFunc, spend func()) { spend() }},
		"spent twice":       {end: func(_ context.CancelCauseFunc, spend func()) { spend(); spend() }},
		"its time is over":  {end: func(context.CancelCauseFunc, func()) { time.Sleep(d) }},
		"over, then spent":  {end: func(_ context.CancelCauseFunc, spend func()) { time.Sleep(d); synctest.Wait(); spend() }},
		"before its time":   {end: func(context.CancelCauseFunc, func()) { time.Sleep(d - 1) }},
		"parent ends":       {end: func(cancel context.CancelCauseFunc, _ func()) { cancel(ended) }},
		"parent times out":  {timeout: time.Second, end: func(context.CancelCauseFunc, func()) { time.Sleep(time.Second) }},
		"parent has longer": {timeout: time.Hour, end: func(context.CancelCauseFunc, func()) { time.Sleep(d) }},
	} {
		for _, waited := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancelCause(context.WithValue(context.Background(), key{}, "value"))
				defer cancel(nil)
				if c.timeout > 0 {
					timed, stop := context.WithTimeout(parent, c.timeout)
					defer stop()
					parent = timed
				}
				want, stop := context.WithTimeout(parent, d)
				defer stop()
				b := Of(parent, d)
				defer b.Spend()
				child := want
				if waited { // by a child
					var stopChild context.CancelFunc
					child, stopChild = context.WithCancel(b)
					defer stopChild()
				}
				if c.end != nil {
					c.end(cancel, func() { stop(); b.Spend() })
				}
				synctest.Wait()
				if got, want := b.Err(), want.Err(); got != want {
					t.Errorf("%s, waited for %v: Err %v, want %v", name, waited, got, want)
				}
				if got, want := context.Cause(b), context.Cause(want); got != want {
					t.Errorf("%s, waited for %v: Cause %v, want %v", name, waited, got, want)
				}
				if got, want := isDone(b), isDone(want); got != want {
					t.Errorf("%s, waited for %v: done %v, want %v", name, waited, got, want)
				}
				if got, want := child.Err(), want.Err(); got != want {
					t.Errorf("%s, waited for %v: a child's Err %v, want %v", name, waited, got, want)
				}
				got, _ := b.Deadline()
				if want, _ := want.Deadline(); !got.Equal(want) || b.Value(key{}) != "value" {
					t.Errorf("%s: Deadline %v, want %v; %v", name, got, want, b.Value(key{}))
				}
			})
		}
	}
}

func isDone(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

func TestUnspentCostsLittle(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if allocs := testing.AllocsPerRun(100, func() {
		b := Of(ctx, time.Second)
		if b.Err() != nil || b.Value(key{}) != nil {
			t.Error("it has ended")
		}
		b.Spend()
	}); allocs > 1 {
		t.Errorf("%v allocations", allocs)
	}
}
