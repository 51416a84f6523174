package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Renewals is what refresh.Coordinator asks for.
type Renewals interface {
	Join(ctx context.Context, name string) (result []byte, finish func(ctx context.Context, result []byte, next string, until time.Time) error, err error)
	Shorten(ctx context.Context, next string, until time.Time) error
	Forget(ctx context.Context, name string) error
}

// Coordinator tests an implementation of refresh.Coordinator.
func Coordinator(t *testing.T, open func(t testing.TB) (here, there Renewals)) {
	each(t, (*testing.T).Parallel, open, func(p pair[Renewals]) *renewals { return &renewals{p} }, map[string]func(*renewals){
		"one leads":             (*renewals).oneLeads,
		"failure":               (*renewals).failure,
		"a long renewal":        (*renewals).long,
		"names are apart":       (*renewals).apart,
		"who leaves":            (*renewals).leaves,
		"kept until":            (*renewals).keptUntil,
		"of no use any more":    (*renewals).expired,
		"shortened":             (*renewals).shortened,
		"not lengthened":        (*renewals).notLengthened,
		"forgotten":             (*renewals).forgotten,
		"forgotten by the next": (*renewals).forgottenByNext,
		"forgotten under way":   (*renewals).forgottenUnderWay,
		"nothing to say":        (*renewals).nothing,
	})
}

type renewals struct{ pair[Renewals] }

type finisher = func(ctx context.Context, result []byte, next string, until time.Time) error

// lead joins, and wants the lease.
func (p *renewals) lead(at Renewals, name string) finisher {
	p.Helper()
	result, finish, err := at.Join(p.ctx, name)
	if err != nil || finish == nil {
		p.Fatalf("joining %s: %q, %v, want the lease", name, result, err)
	}
	return finish
}

// follow joins, and wants the result.
func (p *renewals) follow(at Renewals, name, want string) {
	p.Helper()
	if wrong := p.followed(at, name, want); wrong != "" {
		p.Error(wrong)
	}
}

// followed says what is wrong with a result.
func (p *renewals) followed(at Renewals, name, want string) (wrong string) {
	p.Helper()
	result, finish, err := at.Join(p.ctx, name)
	if finish != nil {
		p.finish(finish, "", "", 0)
	}
	if string(result) != want || finish != nil || err != nil {
		return fmt.Sprintf("joining %s: %q, %v, want %q", name, result, err, want)
	}
	return ""
}

// finish wants no error; an empty result is a failure.
func (p *renewals) finish(finish finisher, result, next string, life time.Duration) {
	p.Helper()
	var bytes []byte
	if result != "" {
		bytes = []byte(result)
	}
	if err := finish(p.ctx, bytes, next, time.Now().Add(life)); err != nil {
		p.Errorf("finishing: %v", err)
	}
}

func (p *renewals) oneLeads() {
	var led atomic.Int32
	var all sync.WaitGroup
	for i := range 40 {
		at := p.here
		if i%2 == 1 {
			at = p.there
		}
		all.Go(func() {
			result, finish, err := at.Join(p.ctx, "a")
			switch {
			case err != nil:
				p.Error(err)
			case finish != nil:
				led.Add(1)
				time.Sleep(short)
				p.finish(finish, "result", "", time.Hour)
			case string(result) != "result":
				p.Errorf("joined for %q", result)
			}
		})
	}
	all.Wait()
	if led.Load() != 1 {
		p.Errorf("%d led, want 1", led.Load())
	}
	p.follow(p.here, "a", "result")
	p.follow(p.there, "a", "result")
}

func (p *renewals) failure() {
	finish := p.lead(p.here, "a")
	var next sync.WaitGroup
	next.Go(func() { p.finish(p.lead(p.there, "a"), "result", "", time.Hour) })
	time.Sleep(short)
	p.finish(finish, "", "", 0)
	next.Wait()
	p.follow(p.here, "a", "result")
}

// long: who lives leads, longer than any lease lasts.
func (p *renewals) long() {
	finish := p.lead(p.here, "a")
	var other sync.WaitGroup
	other.Go(func() { p.follow(p.there, "a", "result") })
	time.Sleep(5 * time.Second)
	p.finish(finish, "result", "", time.Hour)
	other.Wait()
}

func (p *renewals) apart() {
	a, b := p.lead(p.here, "a"), p.lead(p.here, "b")
	p.finish(a, "of a", "", time.Hour)
	p.finish(b, "of b", "", time.Hour)
	p.follow(p.there, "a", "of a")
	p.follow(p.there, "b", "of b")
}

func (p *renewals) leaves() {
	finish := p.lead(p.here, "a")
	ctx, cancel := context.WithTimeout(p.ctx, short)
	defer cancel()
	if _, _, err := p.there.Join(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		p.Errorf("who left got %v", err)
	}
	p.finish(finish, "result", "", time.Hour)
	p.follow(p.there, "a", "result")
}

func (p *renewals) keptUntil() {
	name := soonOver(p, func(name string, over time.Time) string {
		p.finish(p.lead(p.here, name), "result", "", time.Until(over))
		return p.followed(p.there, name, "result")
	})
	p.finish(p.lead(p.there, name), "", "", 0)
}

func (p *renewals) expired() {
	p.finish(p.lead(p.here, "a"), "result", "b", -time.Second)
	p.finish(p.lead(p.there, "a"), "", "", 0)
}

func (p *renewals) shortened() {
	name := soonOver(p, func(name string, over time.Time) string {
		p.finish(p.lead(p.here, name), "result", "next-"+name, time.Hour)
		if err := p.there.Shorten(p.ctx, "next-"+name, over); err != nil {
			p.Error(err)
		}
		return p.followed(p.here, name, "result")
	})
	p.finish(p.lead(p.here, name), "", "", 0)
}

func (p *renewals) notLengthened() {
	p.finish(p.lead(p.here, "a"), "result", "b", short)
	if err := p.there.Shorten(p.ctx, "b", time.Now().Add(time.Hour)); err != nil {
		p.Error(err)
	}
	time.Sleep(2 * short)
	p.finish(p.lead(p.here, "a"), "", "", 0)
}

func (p *renewals) forget(at Renewals, name string) {
	p.Helper()
	if err := at.Forget(p.ctx, name); err != nil {
		p.Errorf("forgetting %s: %v", name, err)
	}
}

func (p *renewals) forgotten() {
	p.finish(p.lead(p.here, "a"), "result", "b", time.Hour)
	p.finish(p.lead(p.here, "x"), "other", "y", time.Hour)
	p.forget(p.there, "a")
	p.finish(p.lead(p.here, "a"), "again", "b", time.Hour)
	p.follow(p.there, "a", "again")
	p.follow(p.there, "x", "other")
}

// forgottenByNext: no old secret brings back what was signed out with a new one.
func (p *renewals) forgottenByNext() {
	for i := range 3 {
		p.finish(p.lead(p.here, fmt.Sprint(i)), "result", fmt.Sprint(i+1), time.Hour)
	}
	p.forget(p.there, "3")
	for i := range 3 {
		p.finish(p.lead(p.here, fmt.Sprint(i)), "", "", 0)
	}
}

func (p *renewals) forgottenUnderWay() {
	finish := p.lead(p.here, "a")
	p.forget(p.there, "a")
	p.finish(finish, "result", "b", time.Hour)
	p.finish(p.lead(p.there, "a"), "another", "c", time.Hour)
	p.follow(p.here, "a", "another")
}

func (p *renewals) nothing() {
	if err := p.here.Shorten(p.ctx, "nobody", time.Now().Add(short)); err != nil {
		p.Error(err)
	}
	p.forget(p.here, "nobody")
}
