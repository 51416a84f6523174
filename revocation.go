package gatehouse

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Revocation says whose sessions end, for [Gate.Revoke]. Exactly one field is
// set.
type Revocation struct {
	// Session is one session, by its ID in a [Session].
	Session string
	// Subject is a user of the issuer, by the sub claim: all their sessions.
	Subject string
	// SID is a session at the provider, by the sid claim (OpenID Connect
	// Front-Channel Logout 1.0 §3): all sessions here that it began.
	SID string
}

// Revoke ends sessions that have begun by now, whatever cookies are about. It is
// obeyed by this process at once, and by all that share [Config.Revocations] as
// soon as that tells them; nil says that it is kept there. The provider is told
// nothing: whoever still has a session there can sign in again. Access tokens that
// programs have are no sessions, and live on; a Gate made by [NewResourceServer]
// has nothing to end, which is an error.
func (g *Gate) Revoke(ctx context.Context, whose Revocation) error {
	if g.directory == nil {
		return errSignsNobodyIn
	}
	now := g.config.Clock()
	switch whose {
	case Revocation{}: // nobody's
	case Revocation{Session: whose.Session}:
		return g.revokeSession(ctx, whose.Session, time.Time{})
	case Revocation{Subject: whose.Subject}:
		return g.revokeUser(ctx, whose.Subject, now)
	case Revocation{SID: whose.SID}:
		return g.deny(ctx, g.names.sid(whose.SID), now)
	}
	return errors.New("gatehouse: Revoke needs exactly one of Session, Subject and SID")
}

func (g *Gate) revokeSession(ctx context.Context, name string, begun time.Time) error {
	if len(name) != nameLength || !ofSession(name) {
		return errors.New("gatehouse: Revoke: Session is not the ID of one")
	}
	err := g.denySession(ctx, name, begun)
	return errors.Join(err, g.unstore(ctx, name))
}

// unstore has the store keep a session no longer, where there is one.
func (g *Gate) unstore(ctx context.Context, name string) error {
	if g.config.Store == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	if err := (sturdy{g.config.Store}).Delete(ctx, name); err != nil {
		return unkept(err)
	}
	return nil
}

// revokeUser also clears away what is listed of theirs. That is tidiness where
// the denylist is shared, and what counts where only the store is.
func (g *Gate) revokeUser(ctx context.Context, sub string, now time.Time) error {
	err := g.deny(ctx, g.names.user(sub), now)
	listed, unlisted := g.directory.of(ctx, sub)
	if unlisted != nil {
		return errors.Join(err, unlisted)
	}
	listing := g.config.Clock()
	for _, one := range listed {
		switch {
		case one.Began.After(listing): // it is there already: by another clock
			err = errors.Join(err, g.denySession(ctx, one.ID, one.Began))
		case one.Began.After(now):
			continue
		}
		err = errors.Join(err, g.unstore(ctx, one.ID))
		if gone := g.directory.leave(ctx, sub, one.ID); gone != nil {
			g.event(ctx, slog.LevelWarn, "directory", "failed", gone.Error(), nil)
		}
	}
	return err
}

// denyAhead revokes the listed sessions of a user, of one session at the provider,
// that began in the future, by the clock of another process. What isn't listed now
// isn't found: who revokes has done so under its name before.
func (g *Gate) denyAhead(ctx context.Context, sub, provider string) error {
	listed, err := g.directory.of(ctx, sub)
	if err != nil {
		g.event(ctx, slog.LevelWarn, "directory", "failed", err.Error(), nil)
	}
	now := g.config.Clock()
	err = nil
	for _, one := range listed {
		if one.provider == provider && one.Began.After(now) {
			err = errors.Join(err, g.denySession(ctx, one.ID, one.Began))
		}
	}
	return err
}

// deny revokes what began before now under a name of people.
func (g *Gate) deny(ctx context.Context, name string, now time.Time) error {
	return g.denials.add(ctx, name, now, g.copiesGone(now))
}

// denySession revokes one session: that which began at begun, by whichever clock, or
// whenever it began where that is zero.
func (g *Gate) denySession(ctx context.Context, name string, begun time.Time) error {
	now := g.config.Clock()
	before, until := later(now, begun), g.copiesGone(now)
	if begun.IsZero() {
		before = until
	}
	return g.denials.add(ctx, name, before, until)
}

// copiesGone is when every copy of a session that is revoked now has expired by
// itself: one that is revoked isn't used, and what isn't used idles. Some more is
// for clocks that differ, and requests on their way.
func (g *Gate) copiesGone(now time.Time) time.Time {
	lasts := g.config.SessionLifetime
	if idle := g.config.IdleTimeout; idle > 0 {
		lasts = min(lasts, idle)
	}
	return now.Add(lasts).Add(clocksDiffer) // a Duration may hold no more than the first
}

// nameOf is what a session is revoked, stored and listed as.
func (g *Gate) nameOf(s *session) string {
	if s.place.ticket != nil {
		return s.place.ticket.name
	}
	return g.names.session(s.id)
}

// clocksDiffer is by how much the clocks of processes may differ.
const clocksDiffer = 15 * time.Minute

var errFuture = errors.New("gatehouse: the denylist has a revocation from the future")

// beginAfterRevocations has a new session begin after every revocation that was
// known before, whatever the clock of the process that it arrived at. One that came
// here after then, when the provider was about to be asked for the tokens, ends it, and
// so does one that came elsewhere, where the shared list tells of those; otherwise
// nobody can say when that was. One from further ahead than clocks are apart is
// nobody's clock: a session that began after it would be out of reach of those to come,
// and end later than it may.
func (g *Gate) beginAfterRevocations(ctx context.Context, s *session, claims map[string]any, then moment) error {
	people := g.names.people(claims)
	before, err := g.denials.latest(ctx, people[:]...)
	if err != nil {
		g.event(ctx, slog.LevelWarn, "sign-in", "unchecked", err.Error(), nil)
	}
	switch {
	case g.denials.cameSince(then, people[:]...): // whatever was done to the clock since
		if !before.IsZero() {
			s.begun = min(s.begun, before.UnixMilli())
		}
		return nil
	case !s.begunBy(before), g.denials.heardSince(then, people[:]...):
		return nil
	case before.After(g.config.Clock().Add(clocksDiffer)):
		return unkept(errFuture)
	}
	s.begun = before.UnixMilli() + 1
	return nil
}
