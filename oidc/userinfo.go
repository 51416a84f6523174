package oidc

import (
	"context"
	"errors"
	"mime"

	"github.com/gatehouse-go/gatehouse/internal/claims"
)

// userinfo asks the UserInfo endpoint (OpenID Connect Core 1.0 §5.3). What it
// says of anybody else than sub must not be used. It is nil where the provider
// has no such endpoint, or it isn't to be asked.
func (c *Client) userinfo(ctx context.Context, m *metadata, accessToken string, sub any) (map[string]any, error) {
	const op = "userinfo"
	if c.config.SkipUserinfo || m.userinfo == "" {
		return nil, nil
	}
	body, contentType, err := c.get(ctx, op, m.userinfo, accessToken)
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

// signedUserinfo verifies an answer that is a JWT (§5.3.2).
func (c *Client) signedUserinfo(ctx context.Context, text string) ([]byte, error) {
	payload, err := c.verifySignature(ctx, text)
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
