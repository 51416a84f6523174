package refresh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/caught"
)

// Coordinator lets several processes renew a secret once, for
// [Config.Coordinator]. Names are opaque, short ASCII, and say nothing about the
// secret; results are sealed, so that only who holds the old secret reads them.
//
// Every method heeds ctx and retries for as long as that is of use: an error
// stands for "nobody can know now". Implementations are safe for concurrent use.
// Only std types are in it, so they need not import this package; package
// storetest says whether one is right.
type Coordinator interface {
	// Join returns the result that is kept under name. Where there is none, it
	// returns the lease to make one: finish is not nil then, and is called once.
	// While another holds the lease, Join waits, until there is a result, a
	// failure, or the holder has died, which takes no longer than a few seconds.
	// A living holder keeps its lease, however long it takes.
	//
	// finish ends the lease. It keeps result until until, even where the lease was
	// lost meanwhile: the secret is spent. Where it isn't empty, next is the name
	// of the renewed secret, by which Shorten and Forget find the result. A nil
	// result stands for a failure: whoever waits is the next to try. It is an error
	// then if the lease was lost, so that somebody else may have had more luck.
	Join(ctx context.Context, name string) (result []byte, finish func(ctx context.Context, result []byte, next string, until time.Time) error, err error)
	// Shorten keeps the result that led to next no longer than until. It is no
	// error when there is none.
	Shorten(ctx context.Context, next string, until time.Time) error
	// Forget drops the result that is kept under name, those that led to it as
	// far as they are known, and the one that is being made.
	Forget(ctx context.Context, name string) error
}

// ErrUncoordinated is returned by [Group.Do] when the coordinator can't be
// asked: nothing was renewed, because somebody else may be doing it.
var ErrUncoordinated = errors.New("refresh: the coordinator does not answer")

const (
	// shareWait is how long those who wait for a renewal wait for its being
	// shared too. After that it goes on alone.
	shareWait = 500 * time.Millisecond
	// tellBudget is how long telling the coordinator something may take.
	tellBudget = time.Second
	// tellers bounds how many presented keys are told at the same time.
	tellers = 16
)

// renewal is what a flight does: renew, at most for Config.Timeout, and before
// that, ask the others.
func (g *Group) renewal(key Key, f *flight, renew func(context.Context) (Result, error)) func(context.Context) (Result, error) {
	alone := func(ctx context.Context) (Result, error) {
		ctx, cancel := context.WithTimeout(ctx, g.config.Timeout)
		defer cancel()
		return renew(ctx)
	}
	if g.config.Coordinator == nil {
		return alone
	}
	return func(ctx context.Context) (Result, error) { return g.join(ctx, key, f, alone) }
}

// join returns the result of another process, or renews for all of them.
func (g *Group) join(ctx context.Context, key Key, f *flight, renew func(context.Context) (Result, error)) (Result, error) {
	waiting, cancel := context.WithTimeout(ctx, 2*g.config.Timeout) // one renewal by somebody else, and one that took over
	defer cancel()
	defer context.AfterFunc(g.closing, cancel)()
	sealed, finish, err := g.ask(waiting, nameOf(key))
	switch {
	case err != nil && g.closing.Err() != nil:
		return Result{}, ErrClosed
	case err != nil:
		return Result{}, fmt.Errorf("%w: %w", ErrUncoordinated, err)
	case finish != nil:
		return g.lead(ctx, key, f, renew, finish)
	}
	f.shared = true
	result, err := unseal(key, sealed)
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrUncoordinated, err)
	}
	return result, nil
}

type finisher func(ctx context.Context, result []byte, next string, until time.Time) error

// lead renews and tells the others, whatever comes of it.
func (g *Group) lead(ctx context.Context, key Key, f *flight, renew func(context.Context) (Result, error), finish finisher) (result Result, err error) {
	err = errAborted
	defer func() {
		told := g.share(ctx, key, f, result, err, finish)
		f.shared = told && err == nil
		if !told && err != nil && err != errAborted {
			result, err = g.elsewhere(ctx, key, f, err)
		}
	}()
	return renew(ctx)
}

// Whatever a coordinator does, also in the background, ends no more than what it
// was asked for.
const whoseCoordinator = "the coordinator"

func (g *Group) ask(ctx context.Context, name string) (sealed []byte, finish finisher, err error) {
	defer caught.Into(&err, whoseCoordinator)
	return g.config.Coordinator.Join(ctx, name)
}

func (f finisher) call(ctx context.Context, result []byte, next string, until time.Time) (err error) {
	defer caught.Into(&err, whoseCoordinator)
	return f(ctx, result, next, until)
}

func (g *Group) shorten(ctx context.Context, name string, until time.Time) (err error) {
	defer caught.Into(&err, whoseCoordinator)
	return g.config.Coordinator.Shorten(ctx, name, until)
}

func (g *Group) forget(ctx context.Context, name string) (err error) {
	defer caught.Into(&err, whoseCoordinator)
	return g.config.Coordinator.Forget(ctx, name)
}

// elsewhere looks for the result of whoever took the lease from this process,
// whose own renewal failed, perhaps for that very reason.
func (g *Group) elsewhere(ctx context.Context, key Key, f *flight, failed error) (Result, error) {
	waiting, cancel := context.WithTimeout(ctx, g.config.Timeout)
	defer cancel()
	defer context.AfterFunc(g.closing, cancel)()
	sealed, finish, err := g.ask(waiting, nameOf(key))
	if finish != nil {
		g.share(ctx, key, f, Result{}, failed, finish)
	}
	if finish != nil || err != nil {
		return Result{}, failed
	}
	result, err := unseal(key, sealed)
	if err != nil {
		return Result{}, failed
	}
	f.shared = true
	return result, nil
}

// share ends the lease, and reports whether the others know.
func (g *Group) share(ctx context.Context, key Key, f *flight, result Result, failed error, finish finisher) bool {
	var sealed []byte
	var next string
	until := g.until(key, result)
	if failed == nil && g.config.Clock().Before(until) && !g.isForgotten(f) {
		sealed = seal(key, result)
		if result.Next != key && result.Next != (Key{}) {
			next = nameOf(result.Next)
		}
	}
	told := make(chan bool, 1)
	g.running.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, g.config.Timeout)
		defer cancel()
		told <- finish.call(ctx, sealed, next, until) == nil
	})
	wait := time.NewTimer(shareWait)
	defer wait.Stop()
	select {
	case ok := <-told:
		return ok
	case <-wait.C:
		return false
	}
}

// until is how long a result may be remembered that nobody presents.
func (g *Group) until(key Key, result Result) time.Time {
	if soon := g.config.Clock().Add(linger); result.Next == key && soon.Before(result.Expires) {
		return soon
	}
	return result.Expires
}

func (g *Group) isForgotten(f *flight) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return f.forgotten
}

// tellPresented lets the coordinator know, once for each key, and later where
// too many are being told already. It needs the lock.
func (g *Group) tellPresented(next Key) {
	if g.closed {
		return
	}
	select {
	case g.telling <- struct{}{}:
	default:
		return
	}
	if !g.presented.add(next) {
		<-g.telling
		return
	}
	g.running.Go(func() {
		defer func() { <-g.telling }()
		ctx, cancel := context.WithTimeout(g.closing, tellBudget)
		defer cancel()
		// By the clock of this moment: it may have been set since somebody came.
		if g.shorten(ctx, nameOf(next), g.config.Clock().Add(linger)) != nil {
			g.presented.remove(next)
		}
	})
}

// tellForgotten waits for the coordinator: who was signed out is, everywhere. A
// coordinator that doesn't answer doesn't keep anybody from signing out.
func (g *Group) tellForgotten(key Key) {
	if g.config.Coordinator == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tellBudget)
	defer cancel()
	_ = g.forget(ctx, nameOf(key))
}
