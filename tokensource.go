package gatehouse

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/refresh"
)

// tokenSource is where the token of a call comes from.
type tokenSource interface {
	// current returns the token to send.
	current(ctx context.Context) (carried, error)
	// renewed returns another one than that which a service has refused; false where
	// there is none to be had.
	renewed(ctx context.Context, refused carried) (carried, bool)
}

// carried is an access token, and the key that it is bound to, if it is.
type carried struct {
	token  string
	key    oidc.ProofKey
	issued time.Time
}

func carriedOf(tokens oidc.Tokens) carried {
	return carried{token: tokens.AccessToken(), key: tokens.ProofKey(), issued: tokens.Issued()}
}

// refusedYoung is the age below which a token that a service refuses isn't renewed:
// another one would fare no better.
const refusedYoung = 10 * time.Second

func (g *Gate) isYoung(c carried) bool { return g.config.Clock().Sub(c.issued) < refusedYoung }

var (
	errNoIdentity  = errors.New("gatehouse: nobody is signed in by the context of this call; make the request with http.NewRequestWithContext and the context of the one that is being served")
	errNoToken     = errors.New("gatehouse: who is signed in has no access token")
	errForeignKey  = errors.New("gatehouse: the access token of this request is bound to its sender's key; exchange it")
	errTokenSource = errors.New("gatehouse: no access token for the other service")
)

// userToken is that of whoever the request is from.
type userToken struct{ gate *Gate }

func (u userToken) current(ctx context.Context) (carried, error) {
	who := u.gate.identity(ctx)
	switch {
	case who == nil:
		return carried{}, &Error{Status: http.StatusInternalServerError, Cause: errNoIdentity}
	case who.known.bearer != nil:
		return u.received(who)
	}
	s := u.gate.latest(ctx, who.session())
	if u.gate.dead(s, 0) {
		if renewed := u.gate.renewInside(ctx, s); renewed != nil {
			s = renewed
		}
	}
	return usable(carriedOf(s.tokens))
}

// received is the token that came with the request. One that is bound to a key or a
// certificate is of no use here, where there is neither.
func (u userToken) received(who *Identity) (carried, error) {
	if _, bound := who.read().claims["cnf"]; bound {
		return carried{}, &Error{Status: http.StatusInternalServerError, Cause: errForeignKey}
	}
	return usable(carried{token: who.AccessToken()})
}

func usable(c carried) (carried, error) {
	if c.token == "" {
		return carried{}, &Error{Status: http.StatusInternalServerError, Cause: errNoToken}
	}
	return c, nil
}

func (u userToken) renewed(ctx context.Context, refused carried) (carried, bool) {
	who := u.gate.identity(ctx)
	if who == nil || who.known.bearer != nil {
		return carried{}, false
	}
	s := u.gate.latest(ctx, who.session())
	if fresh := carriedOf(s.tokens); fresh.token != refused.token {
		return fresh, true
	}
	if u.gate.isYoung(refused) {
		return carried{}, false
	}
	renewed := u.gate.renewInside(ctx, s)
	if renewed == nil {
		if s.place.ticket == nil && s.tokens.HasRefresh() {
			u.gate.refused.add(s.key())
		}
		return carried{}, false
	}
	return carriedOf(renewed.tokens), true
}

// latest is the session as other requests have renewed it since.
func (g *Gate) latest(ctx context.Context, s *session) *session {
	for range hops {
		value, ok := g.renewals.Lookup(s.key())
		if !ok {
			break
		}
		next := g.vault.reopen(ctx, s, value)
		if next == nil {
			break
		}
		s = next.session()
	}
	return s
}

// renewInside renews a session while a handler runs, nil where that can't be. It
// takes a store: the cookies of this request are written, and tokens that a browser
// doesn't get are lost. One that was revoked since, or has reached its end, isn't
// renewed.
func (g *Gate) renewInside(ctx context.Context, s *session) *session {
	if s.place.ticket == nil || !s.tokens.HasRefresh() || g.config.Clock().Unix() >= s.ends {
		return nil
	}
	if denied, err := g.denials.denied(ctx, newIdentity(g, *s)); denied || err != nil {
		return nil
	}
	value, err := g.renewals.Do(ctx, s.key(), g.renewal(s, false, ""))
	if err != nil {
		return nil // which the log has
	}
	next := g.vault.reopen(ctx, s, value)
	if next == nil {
		return nil
	}
	return next.session()
}

// issued is what the provider issues to the application itself, and is remembered.
type issued struct {
	gate   *Gate
	target oidc.Target
}

// key names a token of this target.
func (i *issued) key(kind, subject string) refresh.Key {
	parts := [][]byte{[]byte(kind), []byte(subject), []byte(i.target.Audience), []byte(i.target.Resource)}
	for _, scope := range i.target.Scopes {
		parts = append(parts, []byte(scope))
	}
	return refresh.KeyOf(parts...)
}

func (i *issued) get(ctx context.Context, key refresh.Key, ask func(context.Context) (oidc.Tokens, error)) (carried, error) {
	tokens, err := i.gate.issued.get(ctx, key, ask)
	if err != nil {
		return carried{}, i.failure(ctx, err)
	}
	return carriedOf(tokens), nil
}

// failure is what it looks like when the provider gives no token.
func (i *issued) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failure := &Error{
		Status:  http.StatusBadGateway,
		Message: "Another service that is needed for this can't be asked in your name. Please tell the people who run this site.",
		Cause:   errors.Join(errTokenSource, err),
	}
	if errors.Is(err, oidc.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, refresh.ErrClosed) {
		failure.Status, failure.RetryAfter = http.StatusServiceUnavailable, retryAfter
		failure.Message = providerAway
	}
	return failure
}

// again gets another token in the place of one that was refused, unless that is new.
func (i *issued) again(refused carried, key refresh.Key, get func() (carried, error)) (carried, bool) {
	if i.gate.isYoung(refused) {
		return carried{}, false
	}
	i.gate.issued.forget(key, refused.token)
	renewed, err := get()
	return renewed, err == nil
}

// ownToken is the application's own.
type ownToken struct {
	issued
	key oidc.ProofKey
}

func (o *ownToken) name() refresh.Key { return o.issued.key("client credentials", "") }

func (o *ownToken) current(ctx context.Context) (carried, error) {
	return o.get(ctx, o.name(), func(ctx context.Context) (oidc.Tokens, error) {
		return o.gate.credentials.ClientCredentials(ctx, o.target, o.key)
	})
}

func (o *ownToken) renewed(ctx context.Context, refused carried) (carried, bool) {
	return o.again(refused, o.name(), func() (carried, error) { return o.current(ctx) })
}

// exchangedToken is one that the user's was exchanged for.
type exchangedToken struct {
	issued
	user userToken
}

// subject is the token to be exchanged, and the key that the new one is to be bound
// to. One that is bound to its sender's key can be exchanged too.
func (e *exchangedToken) subject(ctx context.Context) (carried, error) {
	if who := e.gate.identity(ctx); who != nil && who.known.bearer != nil {
		return usable(carried{token: who.AccessToken(), key: e.gate.ownKey})
	}
	subject, err := e.user.current(ctx)
	if subject.key.IsZero() {
		subject.key = e.gate.ownKey
	}
	return subject, err
}

func (e *exchangedToken) current(ctx context.Context) (carried, error) {
	subject, err := e.subject(ctx)
	if err != nil {
		return carried{}, err
	}
	return e.get(ctx, e.issued.key("token exchange", subject.token), func(ctx context.Context) (oidc.Tokens, error) {
		return e.gate.credentials.ExchangeToken(ctx, subject.token, e.target, subject.key)
	})
}

func (e *exchangedToken) renewed(ctx context.Context, refused carried) (carried, bool) {
	subject, err := e.subject(ctx)
	if err != nil {
		return carried{}, false
	}
	return e.again(refused, e.issued.key("token exchange", subject.token), func() (carried, error) { return e.current(ctx) })
}
