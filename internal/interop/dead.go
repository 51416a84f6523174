package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// EndGrants makes the refresh token that the provider gave out last a dead one,
// behind the application's back, and returns how. It does what happens to real
// sessions: an administrator revokes the token, or, where there is no such
// endpoint, somebody else has used it.
func (s *Server) EndGrants(ctx context.Context) error {
	token := s.LastRefreshToken()
	if s.Traits.Revocation {
		return s.Revoke(ctx, token)
	}
	return s.post(ctx, "token_endpoint", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// Revoke revokes a refresh token as its client may (RFC 7009).
func (s *Server) Revoke(ctx context.Context, token string) error {
	return s.post(ctx, "revocation_endpoint", url.Values{"token": {token}, "token_type_hint": {"refresh_token"}})
}

// post sends a form to an endpoint as the client.
func (s *Server) post(ctx context.Context, endpoint string, form url.Values) error {
	address, err := s.endpoint(ctx, endpoint)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(s.Client.ID), url.QueryEscape(s.Client.Secret))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s of %s: %s", endpoint, s.Name, res.Status)
	}
	return nil
}

func (s *Server) endpoint(ctx context.Context, name string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.Issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var metadata map[string]any
	if err := json.NewDecoder(res.Body).Decode(&metadata); err != nil {
		return "", err
	}
	address, ok := metadata[name].(string)
	if !ok {
		return "", fmt.Errorf("%s has no %s", s.Name, name)
	}
	return address, nil
}
