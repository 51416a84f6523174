package oidc

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/secret"
)

// credentials are what a client authenticates with (RFC 6749 §2.3).
type credentials struct {
	method string // the token_endpoint_auth_method
	id     string
	secret secret.String
}

// post returns a request that posts form, with the client authenticated: by its
// secret, in the header or in the form, or by what the form says already. A public
// client only names itself.
func (c credentials) post(ctx context.Context, address string, form url.Values) (*http.Request, error) {
	form = maps.Clone(form)
	if c.method != "client_secret_basic" {
		form.Set("client_id", c.id)
	}
	if c.method == "client_secret_post" {
		form.Set("client_secret", c.secret.Reveal())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.method == "client_secret_basic" { // form-encoded before base64 (RFC 6749 §2.3.1)
		r.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret.Reveal()))
	}
	return r, nil
}

// authenticated is a POST that authenticates the client as the token endpoint
// would have it.
func (c *Client) authenticated(ctx context.Context, m *metadata, address string, form url.Values) (*http.Request, error) {
	form, err := c.asserted(m, form, address)
	if err != nil {
		return nil, err
	}
	return credentials{c.clientAuth(m), c.config.ClientID, c.secret}.post(ctx, address, form)
}

// clientAuth is the token_endpoint_auth_method, "" when there is none to choose.
func (c *Client) clientAuth(m *metadata) string {
	switch {
	case c.config.ClientAuth != "":
		return c.config.ClientAuth
	case !c.config.ClientKey.IsZero():
		return "private_key_jwt"
	case c.secret.IsZero():
		return "none"
	case m.authMethods == nil: // the default (OpenID Connect Discovery 1.0 §3)
		return "client_secret_basic"
	}
	for _, method := range []string{"client_secret_basic", "client_secret_post"} {
		if slices.Contains(m.authMethods, method) {
			return method
		}
	}
	return ""
}
