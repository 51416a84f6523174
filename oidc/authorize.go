package oidc

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// AuthRequest is what one sign-in asks of the provider (OpenID Connect Core 1.0
// §3.1.2.1). The caller keeps it until the callback, bound to the browser.
type AuthRequest struct {
	// State, Nonce and CodeVerifier (RFC 7636 §4.1) are required: long, random and
	// used once.
	State, Nonce, CodeVerifier string
	// Prompt is a list separated by spaces.
	Prompt    string
	LoginHint string
	// MaxAge is sent in whole seconds; nil sends none. Once it is sent, the ID
	// token's auth_time is required and checked.
	MaxAge    *time.Duration
	ACRValues []string
	// ProofKey, where it isn't zero, is the key that the tokens of this sign-in will
	// be bound to (RFC 9449). A provider that answers with bearer tokens all the same
	// is not believed.
	ProofKey ProofKey
	// Params are further parameters. Those of the protocol stay what they are.
	Params url.Values
}

// AuthCodeURL returns where to send the browser. Where the request is pushed to the
// provider first (RFC 9126), this takes a call.
func (c *Client) AuthCodeURL(ctx context.Context, request AuthRequest) (string, error) {
	if c.config.RedirectURL == "" {
		return "", errors.New("oidc: a client made by NewServiceClient signs nobody in")
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	m, err := c.metadata.get(ctx)
	if err != nil {
		return "", err
	}
	endpoint, err := url.Parse(m.authorization)
	if err != nil {
		return "", fail(ErrToken, "authorization", err)
	}
	if !request.ProofKey.IsZero() && m.proofAlgorithms != nil && !slices.Contains(m.proofAlgorithms, "ES256") {
		return "", fail(ErrClient, "authorization", errors.New("the provider takes no DPoP proofs signed by ES256"))
	}
	params := c.authParams(m, request)
	if c.config.PushedRequests || m.requirePushed {
		reference, err := c.push(ctx, m, params, request.ProofKey)
		if err != nil {
			return "", err
		}
		params = url.Values{"client_id": {c.config.ClientID}, "request_uri": {reference}}
	}
	query := endpoint.Query()
	maps.Copy(query, params)
	endpoint.RawQuery = query.Encode()
	return endpoint.String(), nil
}

// authParams are the parameters of an authorization request (OpenID Connect Core
// 1.0 §3.1.2.1).
func (c *Client) authParams(m *metadata, request AuthRequest) url.Values {
	scopes, prompt := c.scopes(m), request.Prompt
	params := url.Values{}
	maps.Copy(params, request.Params)
	if c.wantsConsent(m, scopes) && !hasWord(prompt, "none") && !hasWord(prompt, "consent") {
		prompt = strings.TrimSpace(prompt + " consent")
	}
	if m.quirks.noOfflineScope && c.config.Scopes == nil {
		params.Set("access_type", "offline")
	}
	for name, value := range map[string]string{
		"response_type":         "code",
		"client_id":             c.config.ClientID,
		"redirect_uri":          c.config.RedirectURL,
		"scope":                 strings.Join(scopes, " "),
		"state":                 request.State,
		"nonce":                 request.Nonce,
		"code_challenge":        oauth2.S256ChallengeFromVerifier(request.CodeVerifier),
		"code_challenge_method": "S256",
	} {
		params.Set(name, value)
	}
	params.Del("response_mode")
	if c.config.ResponseMode == "form_post" {
		params.Set("response_mode", "form_post")
	}
	params.Del("dpop_jkt")
	params.Del("max_age") // one that the caller doesn't keep would go unchecked
	for name, value := range map[string]string{
		"prompt":     prompt,
		"login_hint": request.LoginHint,
		"max_age":    maxAgeText(request.MaxAge),
		"acr_values": strings.Join(request.ACRValues, " "),
		"dpop_jkt":   request.ProofKey.Thumbprint(), // RFC 9449 §10
	} {
		if value != "" {
			params.Set(name, value)
		}
	}
	return params
}

func maxAgeText(maxAge *time.Duration) string {
	if maxAge == nil {
		return ""
	}
	return strconv.FormatInt(int64(max(*maxAge, 0)/time.Second), 10)
}

// scopes are those configured, or what most providers give refresh tokens for.
func (c *Client) scopes(m *metadata) []string {
	scopes := slices.Clone(c.config.Scopes)
	if c.config.Scopes == nil {
		scopes = []string{"openid", "profile", "email"}
		if slices.Contains(m.scopes, "offline_access") && !m.quirks.noOfflineScope && !m.quirks.refreshAlways {
			scopes = append(scopes, "offline_access")
		}
	}
	if !slices.Contains(scopes, "openid") {
		scopes = append([]string{"openid"}, scopes...)
	}
	return scopes
}

// wantsConsent reports whether prompt=consent is needed for a refresh token
// (OpenID Connect Core 1.0 §11). oidc-provider drops offline_access without it,
// in silence.
func (c *Client) wantsConsent(m *metadata, scopes []string) bool {
	if c.config.SkipConsent || m.quirks.noConsent {
		return false
	}
	return slices.Contains(scopes, "offline_access") || m.quirks.noOfflineScope && c.config.Scopes == nil
}

func hasWord(list, word string) bool { return slices.Contains(strings.Fields(list), word) }
