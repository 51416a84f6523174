package oidc

import (
	"context"
	"errors"
	"mime"
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/claims"
)

// userinfo asks the UserInfo endpoint (OpenID Connect Core 1.0 §5.3). What it
// says of anybody else than sub must not be used. It is nil where the provider
// has no such endpoint, or it isn't to be asked.
func (c *Client) userinfo(ctx context.Context, m *metadata, set TokenSet, sub any) (map[string]any, error) {
	const op = "userinfo"
	if c.config.SkipUserinfo || m.userinfo == "" {
		return nil, nil
	}
	body, contentType, err := c.getAs(ctx, op, m.userinfo, set)
	if err != nil {
		return nil, err
	}
	if media, _, _ := mime.ParseMediaType(contentType); media == "application/jwt" {
		if body, err = c.signedUserinfo(ctx, string(body)); err != nil {
			return nil, err
		}
	}
	said, err := claims.Parse(body)
	if err != nil {
		return nil, unavailable(op, err)
	}
	if text, ok := said["sub"].(string); !ok || text == "" || said["sub"] != sub {
		return nil, fail(ErrToken, op, errors.New("sub is another person"))
	}
	return said, nil
}

// getAs is get with an access token.
func (c *Client) getAs(ctx context.Context, op, address string, set TokenSet) (body []byte, mediaType string, err error) {
	authorized := c.caller
	client := *c.http
	client.Transport = presenter{c.sender, c.http.Transport, set}
	authorized.http = &client
	return authorized.get(ctx, op, address, "application/json, application/jwt")
}

// presenter is a transport that presents an access token.
type presenter struct {
	sender *Sender
	base   http.RoundTripper
	set    TokenSet
}

func (p presenter) RoundTrip(r *http.Request) (*http.Response, error) {
	return p.sender.Send(p.base, r, p.set.AccessToken, p.set.ProofKey)
}

// signedUserinfo verifies an answer that is a JWT (§5.3.2).
func (c *Client) signedUserinfo(ctx context.Context, text string) ([]byte, error) {
	payload, err := c.verifySignature(ctx, text, keysRecheck)
	if err != nil {
		return nil, err
	}
	said, err := claims.Parse(payload)
	if err != nil {
		return nil, fail(ErrToken, "userinfo", err)
	}
	if iss, there := said["iss"]; there && iss != c.config.Issuer {
		return nil, fail(ErrToken, "userinfo", errors.New("iss is another issuer"))
	}
	if _, there := said["aud"]; there {
		if err := c.checkAudience(map[string]any{"aud": said["aud"], "azp": c.config.ClientID}); err != nil {
			return nil, fail(ErrToken, "userinfo", err)
		}
	}
	return payload, nil
}
