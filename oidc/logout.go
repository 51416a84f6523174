package oidc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/claims"
)

// Logout is what a logout token says: that this user, or this session, has
// signed out at the provider (OpenID Connect Back-Channel Logout 1.0 §2.4).
type Logout struct {
	// Subject is the user, "" where the token names a session alone.
	Subject string
	// SID is the session at the provider, "" where the token means all of the
	// user's.
	SID string
	// ID is the token's own identifier, jti.
	ID string
	// Until is when the token can't be accepted any more, by anybody.
	Until time.Time
}

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

	// undatedLogout is how long a logout token without exp is good. The
	// specification requires exp; Ory Hydra leaves it out, and recommends two
	// minutes at most.
	undatedLogout = 2 * time.Minute

	// maxLogouts bounds how many logout tokens are remembered.
	maxLogouts = 100_000

	maxIdentifier = 255 // bytes of sub, sid and jti
)

// ReceiveLogout checks a logout token in full (OpenID Connect Back-Channel Logout
// 1.0 §2.6) and hands what it says to act. A token is accepted once: it is
// remembered as long as it could be sent again. Where act fails, or panics, it is
// forgotten, so that the provider can send it again, and act's error is returned.
//
// An error that is [ErrUnavailable] says that the provider's keys can't be had;
// any other that isn't act's, that the token must not be believed.
func (c *Client) ReceiveLogout(ctx context.Context, text string, act func(context.Context, Logout) error) error {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	logout, err := c.verifyLogout(ctx, text)
	if err != nil {
		return err
	}
	if !c.logouts.Spend(logout.ID, logout.Until) {
		return logoutError(errors.New("it was received before"))
	}
	acted := false
	defer func() {
		if !acted { // or panicked
			c.logouts.Return(logout.ID)
		}
	}()
	err = act(ctx, logout)
	acted = err == nil
	return err
}

func logoutError(cause error) error { return fail(ErrToken, "logout token", cause) }

func (c *Client) verifyLogout(ctx context.Context, text string) (Logout, error) {
	token, err := parseJWS(text)
	if err != nil {
		return Logout{}, logoutError(err)
	}
	// §2.4 recommends the one, and providers were seen to send the other.
	if !slices.Contains([]string{"", "jwt", "logout+jwt", "application/logout+jwt"}, strings.ToLower(token.typ)) {
		return Logout{}, logoutError(errors.New("typ is of another kind of token"))
	}
	payload, err := c.verifySignature(ctx, text, keysRecheck)
	if err != nil {
		return Logout{}, err
	}
	said, err := claims.Parse(payload)
	if err != nil {
		return Logout{}, logoutError(err)
	}
	logout, err := c.readLogout(said)
	if err != nil {
		return Logout{}, logoutError(err)
	}
	return logout, nil
}

// readLogout checks what a logout token says. Its errors name claims and never
// quote them.
func (c *Client) readLogout(said map[string]any) (Logout, error) {
	if said["iss"] != c.config.Issuer {
		return Logout{}, errors.New("iss is another issuer")
	}
	if audience, ok := audienceOf(said["aud"]); !ok || !slices.Contains(audience, c.config.ClientID) {
		return Logout{}, errors.New("aud is another client")
	}
	if _, there := said["nonce"]; there { // an ID token passed off as one
		return Logout{}, errors.New("nonce is there")
	}
	events, _ := said["events"].(map[string]any)
	if _, ok := events[logoutEvent].(map[string]any); !ok {
		return Logout{}, errors.New("events doesn't say that it is one")
	}
	var logout Logout
	for _, identifier := range []struct {
		name string
		into *string
	}{{"sub", &logout.Subject}, {"sid", &logout.SID}, {"jti", &logout.ID}} {
		value, there := said[identifier.name]
		text, ok := value.(string)
		if there && (!ok || text == "" || len(text) > maxIdentifier) {
			return Logout{}, errors.New(identifier.name + " is no identifier")
		}
		*identifier.into = text
	}
	switch {
	case logout.Subject == "" && logout.SID == "":
		return Logout{}, errors.New("neither sub nor sid is there")
	case logout.ID == "":
		return Logout{}, errors.New("jti is missing")
	}
	var err error
	logout.Until, err = c.logoutWindow(said)
	return logout, err
}

// logoutWindow checks the times, and returns until when they allow the token.
func (c *Client) logoutWindow(said map[string]any) (time.Time, error) {
	now := c.clock()
	iat, err := timeOf(said, "iat")
	if err != nil {
		return time.Time{}, err
	}
	if now.Before(iat.Add(-skew)) {
		return time.Time{}, errors.New("iat is in the future")
	}
	if _, there := said["exp"]; !there {
		if until := iat.Add(undatedLogout); now.Before(until) {
			return until, nil
		}
		return time.Time{}, errors.New("exp is missing, and iat is two minutes ago")
	}
	exp, err := timeOf(said, "exp")
	if err != nil {
		return time.Time{}, err
	}
	until := exp.Add(skew)
	if !now.Before(until) {
		return time.Time{}, errors.New("exp has passed")
	}
	return until, nil
}
