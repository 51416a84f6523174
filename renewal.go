package gatehouse

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/fetchmeta"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/refresh"
)

const (
	// patience is how long a request whose access token is still good waits for
	// its renewal. The renewal goes on without it, and the next request finds
	// the result.
	patience = 3 * time.Second
	// hops bounds how many remembered renewals lead from an old cookie to the
	// newest session.
	hops = 4
	// retryAfter is what a request hears that couldn't be renewed.
	retryAfter = 2 * time.Second
)

// keep renews the session where that is due, and slides its idle timeout. It
// returns the session to serve; nil when there is none any more, or, with an
// error, none for now.
func (g *Gate) keep(w http.ResponseWriter, r *http.Request, who *Identity) (*Identity, error) {
	if g.renewals.Active() {
		g.renewals.Presented(who.session().key())
	}
	var text string
	for range hops {
		if !g.due(r, who.session()) {
			break
		}
		renewed, err := g.renew(r, who.session())
		if err != nil {
			return g.withoutRenewal(w, r, who, err)
		}
		text = renewed
		if who = g.reopen(text); who == nil { // renewed, and over: by its end, or by the provider's
			g.sessions.Clear(w, r)
			return nil, nil
		}
	}
	switch s := who.session(); {
	case g.ended(s):
		g.logSession(r.Context(), "session ended", s, "access token expired, and there is no refresh token")
		g.sessions.Clear(w, r)
		return nil, nil
	case text == "":
		return g.slide(w, r, who), nil
	default:
		if err := g.sessions.Put(w, r, text, s.expires(g.config.IdleTimeout)); err != nil {
			return nil, g.unsealable(err)
		}
		return who, nil
	}
}

// due reports whether this request is the one to renew. Those whose answer a
// browser may discard leave it to others until the access token is dead.
func (g *Gate) due(r *http.Request, s *session) bool {
	if !s.tokens.HasRefresh() {
		return false
	}
	if fetchmeta.SubResource(r) || fetchmeta.Prefetch(r) || fetchmeta.WebSocket(r) {
		return g.dead(s, 0)
	}
	return g.renewals.Due(s.tokens.Issued(), s.tokens.Expires())
}

// dead reports whether the access token expired longer than grace ago.
func (g *Gate) dead(s *session, grace time.Duration) bool {
	expires := s.tokens.Expires()
	return !expires.IsZero() && !g.config.Clock().Before(expires.Add(grace))
}

// ended reports whether a session that can't be renewed is over.
func (g *Gate) ended(s *session) bool {
	return !s.tokens.HasRefresh() && !g.config.OutliveAccessToken && g.dead(s, 0)
}

// renew returns the sealed text of the renewed session. However many requests
// ask, in whatever order, the provider is asked once, and all of them get the
// same text.
func (g *Gate) renew(r *http.Request, s *session) (string, error) {
	ctx := r.Context()
	if !g.dead(s, 0) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	text, err := g.renewals.Do(ctx, s.key(), g.renewal(*s, !g.passive(r)))
	return string(text), err
}

// renewal is what runs once. touch says that it counts as use of the session.
func (g *Gate) renewal(s session, touch bool) func(context.Context) (refresh.Result, error) {
	return func(ctx context.Context) (refresh.Result, error) {
		renewed, err := g.renewed(ctx, s)
		if err != nil {
			g.logRenewal(ctx, &s, err)
			return refresh.Result{}, err
		}
		if touch {
			renewed.seen = g.config.Clock().Unix()
		}
		text, err := g.seal(&renewed)
		if err != nil {
			g.logRenewal(ctx, &s, err)
			return refresh.Result{}, err
		}
		g.logRenewal(ctx, &renewed, nil)
		return refresh.Result{Value: []byte(text), Next: renewed.key(), Expires: renewed.tokens.Expires()}, nil
	}
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
	s.ends = sessionEnd(s.started, g.config.SessionLifetime, merged)
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
	case errors.Is(err, errNotAdmitted):
		g.sessions.Clear(w, r)
		return nil, err
	case isOver(err):
		g.sessions.Clear(w, r)
		return nil, nil
	case errors.Is(err, errUnsealable):
		g.sessions.Clear(w, r)
		return nil, err
	case !g.dead(who.session(), g.config.OutageGrace):
		return who, nil
	}
	return nil, &Error{
		Status:     http.StatusServiceUnavailable,
		Message:    "Your sign-in could not be renewed, because the sign-in service does not answer. You are still signed in; please try again in a moment.",
		Link:       r.URL.RequestURI(),
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

// slide seals the session anew, once in a while, so that its idle timeout
// starts over. Requests at the same time get the same text, because pieces of
// two sealings don't fit together.
func (g *Gate) slide(w http.ResponseWriter, r *http.Request, who *Identity) *Identity {
	s := who.session()
	idle, now := g.config.IdleTimeout, g.config.Clock()
	unused := now.Sub(time.Unix(s.seen, 0))
	if idle <= 0 || unused < min(idle/10, slidePrecision) || g.passive(r) || fetchmeta.WebSocket(r) {
		return who
	}
	slid := *s
	slid.seen = now.Unix()
	key := s.key()
	key = refresh.KeyOf([]byte("slide"), key[:])
	text, err := g.renewals.Do(r.Context(), key, func(context.Context) (refresh.Result, error) {
		text, err := g.seal(&slid)
		return refresh.Result{Value: []byte(text), Expires: now.Add(time.Second)}, err
	})
	if err != nil {
		return who
	}
	if err := g.sessions.Put(w, r, string(text), slid.expires(idle)); err != nil {
		return who
	}
	return newIdentity(g, slid)
}

var errUnsealable = errors.New("gatehouse: the session does not fit into cookies")

// seal returns the session's cookie text.
func (g *Gate) seal(s *session) (string, error) {
	text, err := g.sessions.Seal(s.frame(), s.expires(g.config.IdleTimeout))
	if err != nil {
		return "", g.unsealable(err)
	}
	return text, nil
}

func (g *Gate) unsealable(err error) error {
	return &Error{
		Status:  http.StatusInternalServerError,
		Message: "Your account carries more data than a sign-in here can hold. Please tell the people who run this site.",
		Cause:   errors.Join(errUnsealable, err),
	}
}
