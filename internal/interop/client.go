package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc"
)

// Client is what a provider knows of the application.
type Client struct {
	ID, Secret            string
	Auth                  string // token_endpoint_auth_method
	RedirectURI           string
	PostLogoutRedirectURI string
	BackchannelLogoutURI  string // used by providers with [Traits.Backchannel]
	FrontchannelLogoutURI string // used with [HydraSettings]
	// Key signs who the client is, with [AuthKey].
	Key oidc.SigningKey
}

// Renew uses a refresh token as its client may, behind the application's back.
func (s *Server) Renew(ctx context.Context, token string) error {
	return s.post(ctx, "token_endpoint", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// Revoke revokes a refresh token as its client may (RFC 7009).
func (s *Server) Revoke(ctx context.Context, token string) error {
	return s.post(ctx, "revocation_endpoint", url.Values{"token": {token}, "token_type_hint": {"refresh_token"}})
}

// Userinfo returns what the UserInfo endpoint says to an access token.
func (s *Server) Userinfo(ctx context.Context, accessToken string) (map[string]any, error) {
	address, err := s.Endpoint(ctx, "userinfo_endpoint")
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+accessToken)
	return s.call(r)
}

// post sends a form to an endpoint as the client.
func (s *Server) post(ctx context.Context, endpoint string, form url.Values) error {
	address, err := s.Endpoint(ctx, endpoint)
	if err != nil {
		return err
	}
	if s.Client.Auth != AuthBasic {
		form.Set("client_id", s.Client.ID)
	}
	if s.Client.Auth == AuthPost {
		form.Set("client_secret", s.Client.Secret)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.Client.Auth == AuthBasic {
		r.SetBasicAuth(url.QueryEscape(s.Client.ID), url.QueryEscape(s.Client.Secret))
	}
	_, err = s.call(r)
	return err
}

// Endpoint looks an address up in the discovery document.
func (s *Server) Endpoint(ctx context.Context, name string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.Issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return "", err
	}
	metadata, err := s.call(r)
	if err != nil {
		return "", err
	}
	address, ok := metadata[name].(string)
	if !ok {
		return "", fmt.Errorf("%s has no %s", s.Name, name)
	}
	return address, nil
}

// call returns the JSON of an answer, which may be empty.
func (s *Server) call(r *http.Request) (map[string]any, error) {
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s %s: %s", s.Name, r.Method, r.URL.Path, res.Status)
	}
	var values map[string]any
	if err := json.NewDecoder(res.Body).Decode(&values); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return values, nil
}

// jwks is the public key of the client as it registers it; nil where it has none.
func (c Client) jwks(t testing.TB) json.RawMessage {
	t.Helper()
	if c.Auth != AuthKey {
		return nil
	}
	minter, err := oidc.NewMinter(oidc.MinterConfig{Issuer: c.ID, Keys: []oidc.SigningKey{c.Key}})
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	minter.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/jwks", nil))
	return answer.Body.Bytes()
}
