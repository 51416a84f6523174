package oidctest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// alice is somebody to sign in.
func alice() oidctest.User {
	return oidctest.User{Subject: "alice", Claims: map[string]any{"roles": []string{"admin"}}}
}

// signedIn starts a fast provider at which alice is signed in.
func signedIn(t *testing.T, config oidctest.Config) *party {
	t.Helper()
	if config.Algorithm == "" && config.Keys == nil {
		config.Algorithm = "ES256"
	}
	server := oidctest.NewServer(t, config)
	server.SignIn(alice())
	return newParty(t, server)
}

// The zero configuration is a whole provider.
func TestLogin(t *testing.T) {
	server := oidctest.NewServer(t, oidctest.Config{})
	server.SignIn(alice())
	p := newParty(t, server)

	token := p.login()
	verified, err := p.verify(token)
	if err != nil {
		t.Fatal(err)
	}
	if verified.Subject != "alice" || verified.Nonce != "the nonce" {
		t.Errorf("ID token of %q with nonce %q", verified.Subject, verified.Nonce)
	}
	if err := verified.VerifyAccessToken(token.AccessToken); err != nil {
		t.Error(err)
	}
	if claims := p.claims(token); claims["sid"] == "" || claims["auth_time"] != nil {
		t.Errorf("claims %v", claims)
	}
	if left := time.Until(token.Expiry); left < 4*time.Minute || left > 5*time.Minute {
		t.Errorf("access token for %v", left)
	}
	renewed, err := p.refresh(token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if claims := p.claims(renewed); claims["sub"] != "alice" || claims["nonce"] != "the nonce" {
		t.Errorf("renewed claims %v", claims)
	}
	if server.Calls(oidctest.Token) != 2 || server.Reuses() != 0 {
		t.Errorf("%d calls, %d reuses", server.Calls(oidctest.Token), server.Reuses())
	}
}

func TestIssuers(t *testing.T) {
	for _, issuer := range []string{"", "/", "/realms/main", "/realms/main/"} {
		p := signedIn(t, oidctest.Config{Issuer: issuer})
		if want := p.server.URL + issuer; p.server.Issuer() != want {
			t.Errorf("issuer %q, want %q", p.server.Issuer(), want)
		}
		p.claims(p.login())
	}
	p := oidctest.NewProvider(oidctest.Config{Issuer: "https://idp.example/realms/main"})
	if p.Issuer() != "https://idp.example/realms/main" {
		t.Errorf("issuer %q", p.Issuer())
	}
}

func TestCode(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	exchange := func(change func(*oauth2.Config), verifier string) error {
		t.Helper()
		code, config := p.authorize().Get("code"), p.oauth
		change(&config)
		_, err := config.Exchange(p.ctx, code, oauth2.VerifierOption(verifier))
		return err
	}
	p.server.AddClient(oidctest.Client{ID: "other", Secret: "secret"})
	for name, err := range map[string]error{
		"wrong verifier":   exchange(func(*oauth2.Config) {}, verifier+"x"),
		"no verifier":      exchange(func(*oauth2.Config) {}, ""),
		"other redirect":   exchange(func(c *oauth2.Config) { c.RedirectURL += "x" }, verifier),
		"another's client": exchange(func(c *oauth2.Config) { c.ClientID = "other" }, verifier),
		"not a code":       second(p.exchange("not a code")),
	} {
		if code := errorCode(err); code != "invalid_grant" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A code that is used twice was stolen once: what was issued for it is void.
func TestCodeReplay(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	code := p.authorize().Get("code")
	token, err := p.exchange(code)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.exchange(code); errorCode(err) != "invalid_grant" {
		t.Errorf("second exchange: %v", err)
	}
	if _, err := p.refresh(token.RefreshToken); errorCode(err) != "invalid_grant" {
		t.Errorf("refresh after the replay: %v", err)
	}
	if _, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token)); err == nil {
		t.Error("userinfo after the replay")
	}
}

func TestClock(t *testing.T) {
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	p := signedIn(t, oidctest.Config{Clock: func() time.Time { return now }, AccessTokenLifetime: time.Minute})

	code := p.authorize().Get("code")
	now = now.Add(2 * time.Minute)
	if _, err := p.exchange(code); errorCode(err) != "invalid_grant" {
		t.Errorf("old code: %v", err)
	}

	token := p.login()
	raw := token.Extra("id_token").(string)
	verified, err := p.provider.VerifierContext(p.ctx, &oidc.Config{ClientID: "app", Now: func() time.Time { return now }}).Verify(p.ctx, raw)
	if err != nil || !verified.IssuedAt.Equal(now) || !verified.Expiry.Equal(now.Add(5*time.Minute)) {
		t.Errorf("%v %+v", err, verified)
	}
	source := oauth2.StaticTokenSource(token)
	if _, err := p.provider.UserInfo(p.ctx, source); err != nil {
		t.Error(err)
	}
	now = now.Add(time.Minute)
	if _, err := p.provider.UserInfo(p.ctx, source); err == nil {
		t.Error("userinfo for an expired access token")
	}
}

func TestClientAuthentication(t *testing.T) {
	p := signedIn(t, oidctest.Config{Clients: []oidctest.Client{
		{ID: "app", Secret: "p+ss w:rd/%"},
		{ID: "basic only", Secret: "secret", Auth: "client_secret_basic"},
		{ID: "post only", Secret: "secret", Auth: "client_secret_post"},
		{ID: "public"},
	}})
	for _, c := range []struct {
		id, secret string
		style      oauth2.AuthStyle
		want       string
	}{
		{"app", "p+ss w:rd/%", oauth2.AuthStyleInHeader, ""},
		{"app", "p+ss w:rd/%", oauth2.AuthStyleInParams, ""},
		{"app", "wrong", oauth2.AuthStyleInHeader, "invalid_client"},
		{"app", "", oauth2.AuthStyleInParams, "invalid_client"},
		{"basic only", "secret", oauth2.AuthStyleInHeader, ""},
		{"basic only", "secret", oauth2.AuthStyleInParams, "invalid_client"},
		{"post only", "secret", oauth2.AuthStyleInParams, ""},
		{"post only", "secret", oauth2.AuthStyleInHeader, "invalid_client"},
		{"public", "", oauth2.AuthStyleInParams, ""},
		{"public", "secret", oauth2.AuthStyleInParams, "invalid_client"},
		{"nobody", "secret", oauth2.AuthStyleInHeader, "invalid_client"},
	} {
		refresh, _ := p.server.Issue(alice(), "app", "offline_access")["refresh_token"].(string)
		if c.id != "nobody" {
			refresh, _ = p.server.Issue(alice(), c.id, "offline_access")["refresh_token"].(string)
		}
		p.oauth.ClientID, p.oauth.ClientSecret, p.oauth.Endpoint.AuthStyle = c.id, c.secret, c.style
		if _, err := p.refresh(refresh); errorCode(err) != c.want {
			t.Errorf("%s with %q by %v: %v", c.id, c.secret, c.style, err)
		}
	}
}

func TestTokenRequests(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	for name, c := range map[string]struct {
		form url.Values
		want string
	}{
		"unknown grant type": {url.Values{"grant_type": {"password"}, "client_id": {"app"}, "client_secret": {"secret"}}, "unsupported_grant_type"},
		"repeated parameter": {url.Values{"grant_type": {"refresh_token", "refresh_token"}}, "invalid_request"},
		"wrong secret":       {url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "client_secret": {"wrong"}}, "invalid_client"},
		"no client":          {url.Values{"grant_type": {"refresh_token"}}, "invalid_client"},
	} {
		if body := text(t, post(t, p.browser, p.oauth.Endpoint.TokenURL, c.form)); !strings.Contains(body, `"`+c.want+`"`) {
			t.Errorf("%s: %s", name, body)
		}
	}
	if r := get(t, p.browser, p.oauth.Endpoint.TokenURL); r.StatusCode != 405 {
		t.Errorf("GET: %s", r.Status)
	}
	for name, c := range map[string]struct {
		user, password, body string
		want                 string
	}{
		"two methods":   {"app", "secret", "client_secret=secret", "invalid_request"},
		"two clients":   {"app", "secret", "client_id=other", "invalid_client"},
		"not an escape": {"app", "%zz", "", "invalid_client"},
	} {
		r, err := http.NewRequest(http.MethodPost, p.oauth.Endpoint.TokenURL, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(c.user, c.password)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := p.browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if body := text(t, drained(t, response)); !strings.Contains(body, `"`+c.want+`"`) {
			t.Errorf("%s: %s", name, body)
		}
	}
}

func TestIssue(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	document := p.server.Issue(oidctest.User{Subject: "bob"}, "app", "openid", "offline_access")
	token := (&oauth2.Token{
		AccessToken:  document["access_token"].(string),
		RefreshToken: document["refresh_token"].(string),
	}).WithExtra(document)
	if p.claims(token)["sub"] != "bob" {
		t.Error("not bob's")
	}
	if renewed, err := p.refresh(token.RefreshToken); err != nil || p.claims(renewed)["sub"] != "bob" {
		t.Error(err)
	}
}

func second[A, B any](_ A, b B) B { return b }

// errorCode is the OAuth error that the token endpoint answered, empty for none.
func errorCode(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := err.(*oauth2.RetrieveError); ok {
		return e.ErrorCode
	}
	return err.Error()
}
