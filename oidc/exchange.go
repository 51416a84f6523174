package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// Grant is what a sign-in or a renewal brought.
type Grant struct {
	// Tokens are the tokens to keep; a renewal carries over those that it wasn't
	// given anew.
	Tokens Tokens
	// IDClaims are the claims of the new ID token, verified; nil when a renewal
	// brought none.
	IDClaims map[string]any
	// Userinfo are the claims of the UserInfo endpoint, whose sub is that of the
	// ID token; nil when it wasn't asked.
	Userinfo map[string]any
	// UserinfoErr says, after a renewal, that the endpoint failed, so that what it
	// said before may be kept.
	UserinfoErr error
}

// Exchange redeems an authorization code (OpenID Connect Core 1.0 §3.1.3) and
// checks all that comes of it. request is what [Client.AuthCodeURL] was given:
// its CodeVerifier is sent, its Nonce and MaxAge are held against the ID token.
func (c *Client) Exchange(ctx context.Context, code string, request AuthRequest) (*Grant, error) {
	if request.Nonce == "" || request.CodeVerifier == "" {
		return nil, errors.New("oidc: Exchange needs the nonce and the code_verifier of the request")
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	m, err := c.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	set, err := c.redeem(ctx, m, "token", request.ProofKey, strings.Join(c.scopes(m), " "), url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"code_verifier": {request.CodeVerifier},
		"redirect_uri":  {c.config.RedirectURL},
	})
	if err != nil {
		return nil, err
	}
	if set.IDToken == "" {
		return nil, fail(ErrToken, "token", errors.New("no ID token"))
	}
	said, err := c.verifyIDToken(ctx, set.IDToken, expectation{nonce: request.Nonce, maxAge: request.MaxAge, accessToken: set.AccessToken, recheck: keysRecheck})
	if err != nil {
		return nil, err
	}
	userinfo, err := c.userinfo(ctx, m, set, said["sub"])
	if err != nil {
		return nil, err
	}
	return &Grant{Tokens: set.Pack(), IDClaims: said, Userinfo: userinfo}, nil
}

// redeem asks the token endpoint for tokens, with a proof where there is a key for
// them to be bound to. scope is what they are for where the answer doesn't say: what
// was asked for (RFC 6749 §5.1), or granted before (§6).
func (c *Client) redeem(ctx context.Context, m *metadata, op string, key ProofKey, scope string, params url.Values) (TokenSet, error) {
	answer, err := c.ask(ctx, m, op, key, params)
	if err != nil {
		return TokenSet{}, err
	}
	set, err := c.tokenSet(answer, key)
	if answer.Extra("scope") == nil {
		set.Scope = scope
	}
	return set, err
}

// ask makes a token request (RFC 6749 §3.2).
func (c *Client) ask(ctx context.Context, m *metadata, op string, key ProofKey, params url.Values) (answer *oauth2.Token, err error) {
	client := *c.proving(key)
	client.Transport = lenient{client.Transport}
	err = c.withNonce(key, m.token, func() error {
		conf, err := c.oauth2(m)
		if err != nil {
			return err
		}
		if conf.EndpointParams, err = c.asserted(m, params, m.token); err != nil {
			return fail(ErrClient, op, err)
		}
		if answer, err = conf.Token(context.WithValue(ctx, oauth2.HTTPClient, &client)); err != nil {
			return proofRefused(key, tokenError(op, err))
		}
		return nil
	})
	return answer, err
}

// proofRefused takes invalid_request for what it says where there was a proof, which
// luikyv/go-oidc refuses by that name: none of the providers that mean a dead refresh
// token by it takes proofs.
func proofRefused(key ProofKey, err error) error {
	var refused *Error
	if !key.IsZero() && errors.As(err, &refused) && refused.kind == ErrGrant && refused.Code == "invalid_request" {
		refused.kind = ErrClient
	}
	return err
}

// withNonce makes a call to the authorization server, and makes it once more where
// that asks for a nonce which it hadn't given before (RFC 9449 §8).
func (c *Client) withNonce(key ProofKey, address string, call func() error) error {
	u, err := url.Parse(address)
	if err != nil {
		return fail(ErrToken, "discovery", err)
	}
	server := authorizationServer(u)
	known := c.sender.nonce(server)
	err = call()
	var refused *Error
	if !key.IsZero() && errors.Is(err, ErrClient) && errors.As(err, &refused) && refused.Code == "use_dpop_nonce" && c.sender.nonce(server) != known {
		return call()
	}
	return err
}

// proving is the hardened client, which proves possession of the key if there is
// one.
func (c *Client) proving(key ProofKey) *http.Client {
	if key.IsZero() {
		return c.http
	}
	client := *c.http
	client.Transport = prover{c.sender, c.http.Transport, key}
	return &client
}

// oauth2 is the client as x/oauth2 knows it. Its configuration for client
// credentials is the one that takes any grant_type.
func (c *Client) oauth2(m *metadata) (*clientcredentials.Config, error) {
	conf := &clientcredentials.Config{ClientID: c.config.ClientID, TokenURL: m.token, AuthStyle: oauth2.AuthStyleInParams}
	switch c.clientAuth(m) {
	case "none", "private_key_jwt":
	case "client_secret_basic": // form-encoded before base64 (RFC 6749 §2.3.1), which x/oauth2 does
		conf.ClientSecret, conf.AuthStyle = c.secret.Reveal(), oauth2.AuthStyleInHeader
	case "client_secret_post":
		conf.ClientSecret = c.secret.Reveal()
	default:
		return nil, fail(ErrClient, "token", errors.New("the provider offers neither client_secret_basic nor client_secret_post"))
	}
	return conf, nil
}

// tokenSet reads an answer of the token endpoint (RFC 6749 §5.1). Where there is a
// key the tokens must be bound to it (RFC 9449 §5): what anybody could use is no
// substitute for what was asked for.
func (c *Client) tokenSet(answer *oauth2.Token, key ProofKey) (TokenSet, error) {
	switch kind := answer.TokenType; {
	case key.IsZero() && kind != "" && !strings.EqualFold(kind, "Bearer"):
		return TokenSet{}, fail(ErrToken, "token", errors.New("token_type is not Bearer"))
	case !key.IsZero() && !strings.EqualFold(kind, "DPoP"):
		return TokenSet{}, fail(ErrToken, "token", errors.New("token_type is not DPoP"))
	}
	now := c.clock()
	set := TokenSet{AccessToken: answer.AccessToken, RefreshToken: answer.RefreshToken, Issued: now, ProofKey: key}
	set.IDToken, _ = answer.Extra("id_token").(string)
	set.Scope, _ = answer.Extra("scope").(string)
	set.Expires = now.Add(lifetime(answer.Extra("expires_in"), set.AccessToken, now))
	return set, nil
}
