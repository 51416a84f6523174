package oidctest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

const redirectURL = "http://app.example/callback"

// party is an independent client of the provider: go-oidc and x/oauth2, with a
// browser that stops at the callback.
type party struct {
	t        *testing.T
	ctx      context.Context
	server   *oidctest.Server
	provider *oidc.Provider
	oauth    oauth2.Config
	browser  *http.Client
}

// newParty registers nothing: it is the default client.
func newParty(t *testing.T, server *oidctest.Server) *party {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), server.Client())
	provider, err := oidc.NewProvider(ctx, server.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	return &party{t: t, ctx: ctx, server: server, provider: provider, browser: newBrowser(t, server), oauth: oauth2.Config{
		ClientID:     "app",
		ClientSecret: "secret",
		Endpoint:     provider.Endpoint(),
		RedirectURL:  redirectURL,
		Scopes:       []string{"openid", "offline_access"},
	}}
}

// newBrowser keeps cookies, and doesn't follow redirects.
func newBrowser(t *testing.T, server *oidctest.Server) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{
		Transport:     server.Client().Transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

const verifier = "a verifier of at least forty-three characters, see RFC 7636"

// authURL asks with PKCE and a nonce.
func (p *party) authURL(options ...oauth2.AuthCodeOption) string {
	return p.oauth.AuthCodeURL("the state", append([]oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(verifier), oidc.Nonce("the nonce"),
	}, options...)...)
}

// authorize visits the authorization endpoint, and returns what the callback gets.
func (p *party) authorize(options ...oauth2.AuthCodeOption) url.Values {
	p.t.Helper()
	return callback(p.t, get(p.t, p.browser, p.authURL(options...)))
}

// login comes back with tokens.
func (p *party) login(options ...oauth2.AuthCodeOption) *oauth2.Token {
	p.t.Helper()
	token, err := p.exchange(p.authorize(options...).Get("code"))
	if err != nil {
		p.t.Fatal(err)
	}
	return token
}

func (p *party) exchange(code string) (*oauth2.Token, error) {
	return p.oauth.Exchange(p.ctx, code, oauth2.VerifierOption(verifier))
}

func (p *party) refresh(token string) (*oauth2.Token, error) {
	return p.oauth.TokenSource(p.ctx, &oauth2.Token{RefreshToken: token}).Token()
}

// verify checks the ID token, by the keys of now.
func (p *party) verify(token *oauth2.Token) (*oidc.IDToken, error) {
	raw, _ := token.Extra("id_token").(string)
	return p.provider.VerifierContext(p.ctx, &oidc.Config{ClientID: "app"}).Verify(p.ctx, raw)
}

// claims returns those of a verified ID token.
func (p *party) claims(token *oauth2.Token) map[string]any {
	p.t.Helper()
	verified, err := p.verify(token)
	if err != nil {
		p.t.Fatal(err)
	}
	claims := map[string]any{}
	if err := verified.Claims(&claims); err != nil {
		p.t.Fatal(err)
	}
	return claims
}

// get returns a response whose body has been read.
func get(t *testing.T, client *http.Client, address string) *http.Response {
	t.Helper()
	r, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	return drained(t, r)
}

func post(t *testing.T, client *http.Client, address string, form url.Values) *http.Response {
	t.Helper()
	r, err := client.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	return drained(t, r)
}

func drained(t *testing.T, r *http.Response) *http.Response {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return r
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// callback returns the parameters that r sends the browser back with.
func callback(t *testing.T, r *http.Response) url.Values {
	t.Helper()
	location, err := r.Location()
	if err != nil || !strings.HasPrefix(location.String(), redirectURL) {
		t.Fatalf("no redirect to the callback: %s %v: %s", r.Status, location, text(t, r))
	}
	return location.Query()
}
