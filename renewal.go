package gatehouse

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/caught"
	"github.com/gatehouse-go/gatehouse/internal/fetchmeta"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/refresh"
)

const (
	// patience is how long a request whose access token is still good waits at most for
	// its renewal. The renewal goes on without it, and the next request finds
	// the result.
	patience = 3 * time.Second
	// renewBudget is how long a request waits for renewals at most, all of them
	// together.
	renewBudget = 9 * time.Second
	// hops bounds how many remembered renewals lead from an old cookie to the
	// newest session.
	hops = 4
	// lostAnswers is how long a renewed session is remembered at least for a browser
	// that hasn't shown it yet.
	lostAnswers = 15 * time.Minute
)

// keep renews the session where that is due, and slides its idle timeout. It
// returns the session to serve; nil when there is none any more, or, with an
// error, none for now.
func (g *Gate) keep(w http.ResponseWriter, r *http.Request, who *Identity) (*Identity, error) {
	if g.renewals.Active() {
		g.renewals.Presented(who.key())
	}
	var value []byte
	var until time.Time
	for range hops {
		if !g.due(r, who.session()) {
			break
		}
		if until.IsZero() {
			until = time.Now().Add(renewBudget) // contexts go by the real time, whatever Config.Clock says
		}
		renewed, err := g.renew(r, who.session(), until)
		if err != nil {
			if value != nil { // an earlier renewal, whose answer was lost, is not lost once more
				_ = g.vault.put(w, r, who.session(), value)
			}
			return g.withoutRenewal(w, r, who, err)
		}
		next := g.vault.reopen(r.Context(), who.session(), renewed)
		if next == nil { // renewed, and over: by its end, or by the provider's
			g.dropEverywhere(w, r, who.session())
			return nil, nil
		}
		who, value = next, renewed
	}
	switch s := who.session(); {
	case g.ended(s):
		g.logEnd(r.Context(), s, "access token expired, and there is no refresh token")
		g.drop(w, r, s)
		return nil, nil
	case value == nil:
		return g.slide(w, r, who), nil
	default:
		if err := g.vault.put(w, r, s, value); err != nil {
			return nil, err
		}
		return who, nil
	}
}

// drop ends a session that is over: its cookie goes, and what is kept of it.
func (g *Gate) drop(w http.ResponseWriter, r *http.Request, s *session) {
	g.sessions.Clear(w, r)
	g.endKept(r, s)
	g.leave(r.Context(), s)
}

// dropEverywhere is drop for one that other processes may not know to be over: of a
// session in cookies, their handlers that live long are told.
func (g *Gate) dropEverywhere(w http.ResponseWriter, r *http.Request, s *session) {
	g.drop(w, r, s)
	if s.place.ticket != nil || g.denials.shared == nil {
		return
	}
	until := g.copiesGone(g.config.Clock())
	if err := g.denials.publish(r.Context(), g.names.over(g.nameOf(s)), until, until, maxBacklog); err != nil { // it is over all the same
		g.event(r.Context(), slog.LevelWarn, "session ended", "unpublished", err.Error(), s)
	}
}

// denyCopies has every copy of the cookie of a session that is over be worth nothing. Of
// one in a store nothing is kept that they could lead to.
func (g *Gate) denyCopies(ctx context.Context, s *session) {
	if s.place.ticket != nil {
		return
	}
	if err := g.denySession(ctx, g.nameOf(s), s.beganAt()); err != nil { // this process obeys it even so
		g.event(ctx, slog.LevelWarn, "session ended", "unpublished", err.Error(), s)
	}
}

// endKept is drop for one that isn't listed any more, and whose cookie may stay.
func (g *Gate) endKept(r *http.Request, s *session) {
	g.watches.end(g.nameOf(s))
	if err := g.vault.end(r.Context(), s); err != nil { // it is over all the same
		g.event(r.Context(), slog.LevelWarn, "session ended", "failed", err.Error(), s)
	}
}

// due reports whether this request is the one to renew. Those whose answer a
// browser may discard leave it to others until the access token is dead.
func (g *Gate) due(r *http.Request, s *session) bool {
	switch {
	case !s.tokens.HasRefresh() || !g.renewals.Due(s.tokens.Issued(), s.tokens.Expires()) && !g.refused.has(s):
		return false
	case fetchmeta.SubResource(r) || fetchmeta.Prefetch(r) || fetchmeta.WebSocket(r):
		return g.dead(s, 0)
	}
	return true
}

// renew returns the renewed session, sealed. However many requests ask, in
// whatever order, the provider is asked once, and all of them get the same.
func (g *Gate) renew(r *http.Request, s *session, until time.Time) ([]byte, error) {
	ctx, cancel := context.WithDeadline(r.Context(), until)
	defer cancel()
	if left := s.tokens.Expires().Sub(g.config.Clock()); left > 0 {
		ctx, cancel = context.WithTimeout(ctx, g.patienceWith(left))
		defer cancel()
	}
	return g.renewals.Do(ctx, s.key(), g.renewal(s, !g.passive(r), whereOf(r)))
}

// patienceWith is patience, and shorter where the access token would die meanwhile:
// whoever came while it was good is to be answered while it is. What is left of one
// that is about to die is of use to nobody.
func (g *Gate) patienceWith(left time.Duration) time.Duration {
	if left < time.Second/2 {
		return g.patience
	}
	return min(g.patience, left-time.Second/10)
}

// renewal is what runs once. touch says that it counts as use of the session,
// from where.
func (g *Gate) renewal(s *session, touch bool, where string) func(context.Context) (refresh.Result, error) {
	return func(ctx context.Context) (refresh.Result, error) {
		renewed, value, err := g.renewKept(ctx, s, touch)
		if err != nil {
			g.logRenewal(ctx, s, err)
			if errors.Is(err, errNotAdmitted) {
				g.denyCopies(ctx, s) // of one in cookies the access token is still alive
			}
			return refresh.Result{}, err
		}
		g.logRenewal(ctx, renewed, nil)
		if renewed.key() != s.key() {
			g.outdated.renewed(s.key())
		}
		if touch {
			g.enter(ctx, renewed, where)
		}
		return refresh.Result{Value: value, Next: renewed.key(), Expires: g.ofUse(renewed)}, nil
	}
}

// ofUse is until when a renewed session is of use to a browser that never got it:
// its refresh token outlives its access token.
func (g *Gate) ofUse(renewed *session) time.Time {
	until, ends := g.config.Clock().Add(lostAnswers), time.Unix(renewed.ends, 0)
	if expires := renewed.tokens.Expires(); until.Before(expires) {
		until = expires
	}
	if ends.Before(until) {
		return ends
	}
	return until
}

// renewKept renews s and keeps it. What the provider refuses may have been
// renewed elsewhere, and what was renewed is good even if it couldn't be kept.
func (g *Gate) renewKept(ctx context.Context, s *session, touch bool) (_ *session, _ []byte, err error) {
	defer caught.Into(&err, "gatehouse: a renewal")
	renewed, err := g.renewed(ctx, *s)
	if err != nil {
		if isOver(err) {
			if newer, value := g.vault.newer(ctx, s); newer != nil {
				return newer, value, nil
			}
		}
		return nil, nil, err
	}
	if touch {
		renewed.seen = g.config.Clock().Unix()
	}
	value, err := g.vault.replace(ctx, s, &renewed)
	if errors.Is(err, errStore) && value != nil {
		g.event(ctx, slog.LevelError, "renewal", "unsaved", err.Error(), s)
		err = nil
	}
	return &renewed, value, err
}

// renewed asks the provider for new tokens, and Admit for its consent.
func (g *Gate) renewed(ctx context.Context, s session) (session, error) {
	previous, err := s.claims()
	if err != nil {
		return session{}, err
	}
	old, idToken, err := s.layers()
	if err != nil {
		return session{}, err
	}
	grant, err := g.provider.Renew(ctx, s.tokens, previous)
	if err != nil {
		return session{}, err
	}
	if grant.UserinfoErr != nil {
		g.logUserinfo(ctx, &s, grant.UserinfoErr)
	}
	s.tokens = grant.Tokens
	if err := s.setLayers(layersAtRenewal(old, idToken, previous, grant)); err != nil {
		return session{}, err
	}
	merged, err := s.claims()
	if err != nil {
		return session{}, err
	}
	s.ends = sessionEnd(s.begun, g.config.SessionLifetime, merged)
	switch err := g.admit(ctx, &s, true); {
	case refuses(err):
		return session{}, refusal(err)
	case err != nil: // no decision: what was decided last stands until the next renewal
		g.logAdmission(ctx, &s, err)
	}
	return s, nil
}

// withoutRenewal decides what becomes of a session that could not be renewed.
func (g *Gate) withoutRenewal(w http.ResponseWriter, r *http.Request, who *Identity, err error) (*Identity, error) {
	switch {
	case errors.Is(err, errNotAdmitted), errors.Is(err, errUnsealable):
		g.dropEverywhere(w, r, who.session())
		return nil, err
	case isOver(err), errors.Is(err, errGone):
		g.dropEverywhere(w, r, who.session())
		return nil, nil
	case !g.dead(who.session(), g.config.OutageGrace):
		return who, nil
	}
	return nil, &Error{
		Status:     http.StatusServiceUnavailable,
		Message:    "Your sign-in could not be renewed, because the sign-in service does not answer. You are still signed in; please try again in a moment.",
		Link:       g.local(pageOf(r)),
		RetryAfter: retryAfter,
		Cause:      err,
	}
}

// isOver reports whether the provider ended the session, rather than failed.
func isOver(err error) bool { return errors.Is(err, oidc.ErrGrant) || errors.Is(err, oidc.ErrToken) }

// passive requests are made without anybody's doing, and don't count as use.
func (g *Gate) passive(r *http.Request) bool {
	return fetchmeta.SubResource(r) || fetchmeta.Prefetch(r) || r.URL.Path == g.config.AuthPath+"/session"
}

// slidePrecision is how much of its idle time a session may lose by not being
// sealed anew at every request.
const slidePrecision = 5 * time.Minute

// slide keeps the session anew, once in a while, so that its idle timeout
// starts over. Requests at the same time get the same text, because pieces of
// two sealings don't fit together.
func (g *Gate) slide(w http.ResponseWriter, r *http.Request, who *Identity) *Identity {
	s := who.session()
	idle, now := g.config.IdleTimeout, g.config.Clock()
	unused := now.Sub(time.Unix(s.seen, 0))
	if idle <= 0 || unused < min(idle/10, slidePrecision) || g.passive(r) || fetchmeta.WebSocket(r) {
		return who
	}
	key := s.key()
	key = refresh.KeyOf([]byte("slide"), key[:])
	value, err := g.moments.Do(r.Context(), key, func(ctx context.Context) (refresh.Result, error) {
		slid := *s
		slid.seen = now.Unix()
		value, err := g.vault.replace(ctx, s, &slid)
		if err == nil {
			g.enter(ctx, &slid, whereOf(r))
		}
		return refresh.Result{Value: value, Expires: now.Add(time.Second)}, err
	})
	if errors.Is(err, errGone) {
		g.drop(w, r, s)
		return nil
	}
	if err != nil {
		return who
	}
	slid := g.vault.reopen(r.Context(), s, value)
	if slid == nil || g.vault.put(w, r, slid.session(), value) != nil {
		return who
	}
	return slid
}
