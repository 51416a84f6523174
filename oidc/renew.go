package oidc

import (
	"context"
	"errors"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/claims"
)

// userinfoBudget and keysBudget are the shares of a renewal that userinfo and
// the provider's keys may take: the new tokens are there already, and must not be
// lost for it.
const (
	userinfoBudget = 2 * time.Second
	keysBudget     = 2 * time.Second
)

// Renew uses the refresh token (OpenID Connect Core 1.0 §12), with a proof of the
// key that the tokens are bound to, if they are. previous are the session's claims
// so far: iss, sub, aud, azp, auth_time and nonce of a refreshed ID token must agree
// with them. One whose keys can't be read now must agree too, and is left out then.
// An error that is [ErrToken] or [ErrGrant] ends the session; others leave it as it
// was.
func (c *Client) Renew(ctx context.Context, old Tokens, previous map[string]any) (*Grant, error) {
	if !old.HasRefresh() {
		return nil, fail(ErrGrant, "refresh", errors.New("no refresh token"))
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	m, err := c.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	set, err := c.redeem(ctx, m, "refresh", old.ProofKey(), old.Scope(), url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {old.RefreshToken()},
	})
	if err != nil {
		return nil, m.quirks.refusedRenewal(err)
	}
	grant := &Grant{}
	if set.IDToken != "" {
		grant.IDClaims, err = c.verifyRefreshed(ctx, set, previous)
	}
	if errors.Is(err, ErrUnavailable) {
		err = checkUnverified(set.IDToken, previous)
		set.IDToken = ""
	}
	if err != nil {
		return nil, err
	}
	grant.Tokens = old.renewedBy(set).Pack()
	grant.Userinfo, grant.UserinfoErr = c.userinfoAgain(ctx, m, set, previous["sub"])
	if errors.Is(grant.UserinfoErr, ErrToken) {
		return nil, grant.UserinfoErr
	}
	return grant, nil
}

// verifyRefreshed checks the ID token of a renewal. The error is ErrUnavailable
// where the keys for it can't be read now.
func (c *Client) verifyRefreshed(ctx context.Context, set TokenSet, previous map[string]any) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, keysBudget)
	defer cancel()
	said, err := c.verifyIDToken(ctx, set.IDToken, expectation{accessToken: set.AccessToken})
	switch {
	case errors.Is(err, errEmptyBucket): // it may be by a key newer than ours
		return nil, fail(ErrUnavailable, "jwks", errEmptyBucket)
	case err != nil:
		return nil, err
	}
	if err := checkRefreshed(said, previous); err != nil {
		return nil, fail(ErrToken, "refresh", err)
	}
	return said, nil
}

// checkUnverified holds an ID token against the sign-in whose keys can't be read
// now. That it is the provider's is said by TLS alone (§3.1.3.7), which is enough to
// keep the tokens that came with it, since the refresh token before them is spent,
// and not enough to believe anything new that it says.
func checkUnverified(text string, previous map[string]any) error {
	token, err := parseJWS(text)
	if err != nil {
		return idTokenError(err)
	}
	said, err := claims.Parse(token.payload)
	if err == nil {
		err = checkRefreshed(said, previous)
	}
	if err != nil {
		return fail(ErrToken, "refresh", err)
	}
	return nil
}

func (c *Client) userinfoAgain(ctx context.Context, m *metadata, set TokenSet, sub any) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, userinfoBudget)
	defer cancel()
	return c.userinfo(ctx, m, set, sub)
}

// checkRefreshed holds a refreshed ID token against the sign-in (§12.2).
func checkRefreshed(said, previous map[string]any) error {
	for _, name := range []string{"iss", "sub", "azp"} {
		if !reflect.DeepEqual(said[name], previous[name]) { // which may be anything
			return errors.New(name + " has changed")
		}
	}
	if !sameAudience(said["aud"], previous["aud"]) {
		return errors.New("aud has changed")
	}
	for _, name := range []string{"auth_time", "nonce"} {
		value, there := said[name]
		before, known := previous[name]
		if there && known && !reflect.DeepEqual(value, before) {
			return errors.New(name + " has changed")
		}
	}
	return nil
}

func sameAudience(a, b any) bool {
	first, ok := audienceOf(a)
	second, ok2 := audienceOf(b)
	slices.Sort(first)
	slices.Sort(second)
	return ok && ok2 && slices.Equal(first, second)
}
