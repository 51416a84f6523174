package oidc

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// Target says what a token is to be good for. What is empty is left to the
// provider.
type Target struct {
	// Audience is the name of the service that the token is for (RFC 8693 §2.1). Some
	// providers take it for client credentials too, as Auth0 does.
	Audience string
	// Resource is its address, where it is known by that (RFC 8707 §2).
	Resource string
	// Scopes are asked for.
	Scopes []string
}

// IsZero reports whether nothing is asked for.
func (t Target) IsZero() bool { return t.Audience == "" && t.Resource == "" && len(t.Scopes) == 0 }

func (t Target) addTo(params url.Values) {
	for name, value := range map[string]string{
		"audience": t.Audience,
		"resource": t.Resource,
		"scope":    strings.Join(t.Scopes, " "),
	} {
		if value != "" {
			params.Set(name, value)
		}
	}
}

// ClientCredentials asks for an access token of the client's own (RFC 6749 §4.4),
// bound to the key if there is one. The Tokens hold nothing else.
func (c *Client) ClientCredentials(ctx context.Context, target Target, key ProofKey) (Tokens, error) {
	const op = "client credentials"
	if c.secret.IsZero() && c.config.ClientKey.IsZero() {
		return Tokens{}, fail(ErrClient, op, errors.New("a public client has no credentials"))
	}
	params := url.Values{"grant_type": {"client_credentials"}}
	target.addTo(params)
	set, _, err := c.request(ctx, op, key, params)
	if err != nil {
		return Tokens{}, err
	}
	return accessOnly(set), nil
}

const (
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
	jwtType         = "urn:ietf:params:oauth:token-type:jwt"
)

// ExchangeToken exchanges somebody's access token for one that is good for another
// service, still in their name (RFC 8693), bound to the key if there is one. The
// Tokens hold nothing else.
func (c *Client) ExchangeToken(ctx context.Context, subjectToken string, target Target, key ProofKey) (Tokens, error) {
	const op = "token exchange"
	if subjectToken == "" {
		return Tokens{}, errors.New("oidc: no token to exchange")
	}
	params := url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token":      {subjectToken},
		"subject_token_type": {accessTokenType},
	}
	target.addTo(params)
	set, kind, err := c.request(ctx, op, key, params)
	if err != nil {
		return Tokens{}, err
	}
	// Anything else is for other uses than to be presented (RFC 8693 §2.2.1).
	if !slices.Contains([]string{accessTokenType, jwtType}, kind) {
		return Tokens{}, fail(ErrToken, op, errors.New("issued_token_type is no access token"))
	}
	return accessOnly(set), nil
}

// request is redeem on its own, with the answer's issued_token_type.
func (c *Client) request(ctx context.Context, op string, key ProofKey, params url.Values) (set TokenSet, kind string, err error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	m, err := c.metadata.get(ctx)
	if err != nil {
		return TokenSet{}, "", err
	}
	answer, err := c.ask(ctx, m, op, key, params)
	if err != nil {
		return TokenSet{}, "", err
	}
	set, err = c.tokenSet(answer, key)
	kind, _ = answer.Extra("issued_token_type").(string)
	return set, kind, err
}

// accessOnly drops what nobody asked for.
func accessOnly(set TokenSet) Tokens {
	set.RefreshToken, set.IDToken = "", ""
	return set.Pack()
}
