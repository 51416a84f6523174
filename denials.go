package gatehouse

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/budget"
)

// denials say which sessions were revoked: this process's own list, one of what
// strangers said, and, where there is one, the list that all processes share.
type denials struct {
	own       *denylist
	strangers *denylist
	shared    Revocations // nil: there is no other process
	heard     *heard      // from shared, where it tells
	grace     time.Duration
	clock     func() time.Time
	away      atomic.Int64 // unix milliseconds since when shared fails; 0: it doesn't

	unpublished backlog // what shared is still to be told
	// What is called once a name is denied here, and when own denies more than it was
	// told; nil for nothing.
	revoked func(name string, before time.Time)
	raised  func()
}

// strangersRevocations bounds what front-channel logouts, which anybody can
// forge, may have this process remember.
const strangersRevocations = 10_000

func newDenials(c Config) *denials {
	return &denials{
		own:       newDenylist(defaultRevocations, c.Clock),
		strangers: newDenylist(strangersRevocations, c.Clock),
		shared:    c.Revocations,
		heard:     newHeard(),
		grace:     c.RevocationGrace,
		clock:     c.Clock,
	}
}

// denied reports whether the session was revoked. An error says that nobody can
// know now. With nothing revoked it costs two loads, and parses no claims.
func (d *denials) denied(ctx context.Context, who *Identity) (bool, error) {
	s := who.session()
	held := d.own.holds() | d.strangers.holds()
	if held != 0 {
		_ = who.sessionName()
		names := who.known.names[:1]
		if held&holdsPeople != 0 {
			names = who.revocable()
		}
		if s.begunBy(later(d.own.before(names...), d.strangers.before(names...))) {
			return true, nil
		}
	}
	if d.shared == nil {
		return false, nil
	}
	if store, ok := d.shared.(*MemoryStore); ok && store.denials.holds() == 0 {
		return false, nil
	}
	before, err := d.ask(ctx, who.revocable()...)
	return s.begunBy(before), err
}

// beganAt is when s began, by the clock of its process; zero where there is no s.
func (s *session) beganAt() time.Time {
	if s == nil {
		return time.Time{}
	}
	return time.UnixMilli(s.begun)
}

// begunBy reports whether a revocation of that time is meant for s: it spares
// what began later.
func (s *session) begunBy(before time.Time) bool {
	return !before.IsZero() && s.begun <= before.UnixMilli()
}

// ask asks the shared list, for the latest word on any of names.
func (d *denials) ask(ctx context.Context, names ...string) (time.Time, error) {
	within := budget.Of(ctx, storeBudget)
	defer within.Spend()
	all, err := sturdyDenylist{d.shared}.Revoked(within, names...)
	if err == nil && len(all) != len(names) {
		err = errors.New("gatehouse: Revoked answered for another number of names")
	}
	var before time.Time
	for _, one := range all { // with an error, those that are known even so
		before = later(before, one)
	}
	if err != nil {
		if !errors.Is(err, context.Canceled) { // whoever asked has left
			d.away.CompareAndSwap(0, d.clock().UnixMilli())
		}
		return before, unreachable(err)
	}
	d.away.Store(0)
	if d.unpublished.waiting() {
		d.republish()
	}
	return before, nil
}

// moment is one in the order in which words have come to this process.
type moment struct{ own, strangers, heard uint64 }

func (d *denials) moment() moment {
	return moment{d.own.turns(), d.strangers.turns(), d.heard.turn.Load()}
}

// heardSince reports whether the shared list has told of a word on any of names since
// then, which may be one that was told before.
func (d *denials) heardSince(then moment, names ...string) bool {
	return d.heard.after(then.heard, names...)
}

// cameSince reports whether a word on any of names has come to this process since then.
func (d *denials) cameSince(then moment, names ...string) bool {
	return d.own.cameAfter(then.own, names...) || d.strangers.cameAfter(then.strangers, names...)
}

// latest is the latest word on any of names, as far as it is known.
func (d *denials) latest(ctx context.Context, names ...string) (time.Time, error) {
	before := later(d.own.before(names...), d.strangers.before(names...))
	if d.shared == nil {
		return before, nil
	}
	shared, err := d.ask(ctx, names...)
	return later(before, shared), err
}

// lenient reports whether the shared list has been away for so short a time that
// what is still verifiable is served.
func (d *denials) lenient() bool {
	since := d.away.Load()
	return since != 0 && d.clock().Before(time.UnixMilli(since).Add(d.grace))
}

// add revokes name here at once, and everywhere else unless there is an error.
func (d *denials) add(ctx context.Context, name string, before, until time.Time) error {
	if d.own.revoke(name, before, until) && d.raised != nil {
		d.raised()
	}
	d.tell(name, before)
	return d.publish(ctx, name, before, until, maxBacklog)
}

// errCrowded is a front-channel logout too many.
var errCrowded = errors.New("gatehouse: more front-channel logouts than are remembered")

// addStranger is add for what anybody may have said: it drives out nothing.
func (d *denials) addStranger(ctx context.Context, name string, before, until time.Time) error {
	if !d.strangers.offer(name, before, until) {
		return errCrowded
	}
	d.tell(name, before)
	if store, ok := d.shared.(*MemoryStore); ok {
		if !store.offer(name, before, until) {
			return errCrowded
		}
		return nil
	}
	return d.publish(ctx, name, before, until, strangersBacklog)
}

// tell ends what handlers that live long do in the name of whom was just revoked: who
// looked before that is told, and who comes after it finds out.
func (d *denials) tell(name string, before time.Time) {
	if d.revoked != nil {
		d.revoked(name, before)
	}
}

// publish tells the shared list. What that can't be told now it is told later,
// unless so many wait already.
func (d *denials) publish(ctx context.Context, name string, before, until time.Time, waiting int) error {
	if d.shared == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	err := sturdyDenylist{d.shared}.Revoke(ctx, name, before, until)
	if err == nil {
		return nil
	}
	d.unpublished.add(name, denial{before, until}, waiting)
	return unkept(err)
}

// republish tells the shared list, once it answers again, what it wasn't told.
func (d *denials) republish() {
	d.unpublished.take(func(name string, missed denial) bool {
		if !d.clock().Before(missed.until) {
			return true
		}
		ctx, cancel := context.WithTimeout(context.Background(), storeBudget)
		defer cancel()
		return sturdyDenylist{d.shared}.Revoke(ctx, name, missed.before, missed.until) == nil
	})
}

// close waits for what is being republished.
func (d *denials) close() { d.unpublished.close() }
