package oidc

import (
	"context"
	"io"
	"net/http"
	"net/url"
)

// Revoke ends the refresh token at the provider, and with it its access tokens
// (RFC 7009 §2). It does nothing, without an error, where there is no refresh
// token or the provider has no endpoint for it.
func (c *Client) Revoke(ctx context.Context, tokens Tokens) error {
	const op = "revocation"
	if !tokens.HasRefresh() {
		return nil
	}
	m, err := c.metadata.get(ctx)
	if err != nil || m.revocation == "" {
		return err
	}
	form := url.Values{"token": {tokens.RefreshToken()}, "token_type_hint": {"refresh_token"}}
	r, err := c.authenticated(ctx, m, m.revocation, form)
	if err != nil {
		return unavailable(op, err)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return unavailable(op, err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body) // so that the connection can be used again
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNoContent {
		return answered(op, res.StatusCode, "")
	}
	return nil
}
