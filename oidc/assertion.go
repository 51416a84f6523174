package oidc

import (
	"crypto/rand"
	"maps"
	"net/url"
	"time"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// assertionLifetime is how long the provider may take to read one.
	assertionLifetime = time.Minute
)

// asserted adds to the parameters of a request to an endpoint who the client is,
// signed by its key (RFC 7523 §3), if that is how it authenticates.
func (c *Client) asserted(m *metadata, params url.Values, endpoint string) (url.Values, error) {
	if c.clientAuth(m) != "private_key_jwt" {
		return params, nil
	}
	now := c.clock()
	assertion, err := c.config.ClientKey.jwt("JWT", map[string]any{
		"iss": c.config.ClientID,
		"sub": c.config.ClientID,
		"aud": c.assertionAudience(m, endpoint),
		"iat": now.Unix(),
		"exp": now.Add(assertionLifetime).Unix(),
		"jti": rand.Text(),
	})
	if err != nil {
		return nil, err
	}
	params = maps.Clone(params)
	params.Set("client_assertion_type", assertionType)
	params.Set("client_assertion", assertion)
	return params, nil
}

// assertionAudience is whom an assertion for an endpoint is for: the token endpoint
// where that is what is asked, which every provider takes, and the issuer elsewhere.
// Were it the token endpoint there too, a provider could name that of another one beside
// endpoints of its own, and use the assertion it gets. See quirks.assertionAudience for
// who insists.
func (c *Client) assertionAudience(m *metadata, endpoint string) string {
	switch {
	case c.config.IssuerAudience:
		return c.config.Issuer
	case endpoint == m.token:
		return m.token
	}
	return m.quirks.assertionAudience(c.config.Issuer, m.token, endpoint)
}
