package oidc

import (
	"context"
	"net/url"
)

// EndSession are the parameters of a sign-out at the provider (OpenID Connect
// RP-Initiated Logout 1.0 §2). All are optional.
type EndSession struct {
	// IDToken goes as id_token_hint. It is left out where the address would become
	// longer than servers take. Ory Hydra is told nothing of the rest without it, which
	// it would refuse.
	IDToken               string
	PostLogoutRedirectURI string
	State                 string
}

// maxAddress is the length of an address that servers and proxies still take.
const maxAddress = 7500

// EndSessionURL returns where to send the browser to sign out; false where the
// provider has no such endpoint.
func (c *Client) EndSessionURL(ctx context.Context, end EndSession) (string, bool, error) {
	m, err := c.metadata.get(ctx)
	if err != nil || m.endSession == "" {
		return "", false, err
	}
	endpoint, err := url.Parse(m.endSession)
	if err != nil {
		return "", false, fail(ErrToken, "end session", err)
	}
	query := endpoint.Query()
	query.Set("client_id", c.config.ClientID)
	for name, value := range map[string]string{
		"post_logout_redirect_uri": end.PostLogoutRedirectURI,
		"state":                    end.State,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	endpoint.RawQuery = query.Encode()
	if end.IDToken != "" && len(endpoint.String())+len("&id_token_hint=")+len(end.IDToken) <= maxAddress {
		query.Set("id_token_hint", end.IDToken)
	} else if m.quirks.hydra {
		query.Del("post_logout_redirect_uri")
		query.Del("state")
	}
	endpoint.RawQuery = query.Encode()
	return endpoint.String(), true, nil
}
