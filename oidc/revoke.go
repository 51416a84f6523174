package oidc

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
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
	switch {
	case res.StatusCode == http.StatusOK, res.StatusCode == http.StatusNoContent:
		return nil
	case res.StatusCode >= 400 && res.StatusCode < 500:
		return &Error{Op: op, Status: res.StatusCode, kind: ErrClient}
	}
	return &Error{Op: op, Status: res.StatusCode, kind: ErrUnavailable}
}

// authenticated is a POST that authenticates the client as the token endpoint
// would have it (RFC 6749 §2.3.1).
func (c *Client) authenticated(ctx context.Context, m *metadata, address string, form url.Values) (*http.Request, error) {
	form, err := c.asserted(m, form, c.config.Issuer)
	if err != nil {
		return nil, err
	}
	method := c.clientAuth(m)
	if method != "client_secret_basic" {
		form.Set("client_id", c.config.ClientID)
	}
	if method == "client_secret_post" {
		form.Set("client_secret", c.secret.Reveal())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if method == "client_secret_basic" {
		r.SetBasicAuth(url.QueryEscape(c.config.ClientID), url.QueryEscape(c.secret.Reveal()))
	}
	return r, nil
}
