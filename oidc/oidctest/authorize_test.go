package oidctest_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestCallback(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	values := p.authorize()
	if values.Get("state") != "the state" || values.Get("iss") != p.server.Issuer() || values.Get("code") == "" || len(values) != 3 {
		t.Errorf("callback with %v", values)
	}
	p.server.Configure(func(c *oidctest.Config) { c.OmitCallbackIss = true })
	if values := p.authorize(); values.Has("iss") {
		t.Errorf("callback with %v", values)
	}
	remove := p.server.OnCallback(func(v url.Values) { v.Set("state", "another") })
	if values := p.authorize(); values.Get("state") != "another" {
		t.Errorf("callback with %v", values)
	}
	remove()
	if values := p.authorize(); values.Get("state") != "the state" {
		t.Errorf("callback with %v", values)
	}
}

// The query that a redirect URI was registered with stays (RFC 6749 §3.1.2).
func TestCallbackQuery(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	p.oauth.RedirectURL += "?tenant=a"
	if values := p.authorize(); values.Get("tenant") != "a" || values.Get("state") != "the state" {
		t.Errorf("callback with %v", values)
	}
}

func TestFormPost(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	page := text(t, get(t, p.browser, p.authURL(oauth2.SetAuthURLParam("response_mode", "form_post"), oauth2.SetAuthURLParam("state", `"><b>`))))
	if !strings.Contains(page, `action="`+redirectURL+`"`) || !strings.Contains(page, `name="state" value="&#34;&gt;&lt;b&gt;"`) {
		t.Errorf("page %s", page)
	}
	code := regexp.MustCompile(`name="code" value="([^"]+)"`).FindStringSubmatch(page)
	if code == nil {
		t.Fatalf("no code in %s", page)
	}
	if _, err := p.exchange(code[1]); err != nil {
		t.Error(err)
	}
}

func TestAuthorizationErrors(t *testing.T) {
	set := oauth2.SetAuthURLParam
	p := signedIn(t, oidctest.Config{})
	for want, options := range map[string][]oauth2.AuthCodeOption{
		"unsupported_response_type: only code is supported":   {set("response_type", "token")},
		"invalid_request: response_mode is not supported":     {set("response_mode", "fragment")},
		"invalid_request: prompt=none stands alone":           {set("prompt", "none login")},
		"invalid_request: code_challenge is required":         {set("code_challenge", "")},
		"invalid_request: code_challenge_method must be S256": {set("code_challenge_method", "plain")},
		"invalid_request: max_age is not a number of seconds": {set("max_age", "-1")},
		"login_required: nobody is signed in":                 {set("prompt", "none"), set("max_age", "0")},
	} {
		p.server.SignIn(oidctest.User{Subject: "alice", AuthTime: time.Now().Add(-time.Hour)})
		values := p.authorize(options...)
		if got := values.Get("error") + ": " + values.Get("error_description"); got != want || values.Has("code") ||
			values.Get("state") != "the state" || values.Get("iss") != p.server.Issuer() {
			t.Errorf("%v, want %s", values, want)
		}
	}
}

// Nothing is sent to an address that isn't the client's.
func TestAuthorizationNowhere(t *testing.T) {
	p := signedIn(t, oidctest.Config{Clients: []oidctest.Client{{ID: "app", RedirectURIs: []string{redirectURL}}}})
	for name, option := range map[string]oauth2.AuthCodeOption{
		"unknown client":   oauth2.SetAuthURLParam("client_id", "nobody"),
		"longer redirect":  oauth2.SetAuthURLParam("redirect_uri", redirectURL+"/x"),
		"foreign redirect": oauth2.SetAuthURLParam("redirect_uri", "https://evil.example/"),
	} {
		if r := get(t, p.browser, p.authURL(option)); r.StatusCode != 400 || r.Header.Get("Location") != "" {
			t.Errorf("%s: %s %v", name, r.Status, r.Header)
		}
	}
	if r := get(t, p.browser, p.authURL()+"&state=twice"); r.StatusCode != 400 {
		t.Errorf("repeated parameter: %s", r.Status)
	}
}

func TestPKCEOptional(t *testing.T) {
	p := signedIn(t, oidctest.Config{PKCEOptional: true})
	code := p.authorize(oauth2.SetAuthURLParam("code_challenge", "")).Get("code")
	if _, err := p.exchange(code); errorCode(err) != "invalid_grant" {
		t.Errorf("a verifier without a challenge: %v", err)
	}
	code = p.authorize(oauth2.SetAuthURLParam("code_challenge", "")).Get("code")
	if _, err := p.oauth.Exchange(p.ctx, code); err != nil {
		t.Error(err)
	}
	if _, err := p.oauth.Exchange(p.ctx, p.authorize().Get("code")); errorCode(err) != "invalid_grant" {
		t.Errorf("a challenge without a verifier: %v", err)
	}
}

// With nobody signed in there is a form, and a session of that browser's own.
func TestSignInForm(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	p.server.SignOut()
	none := oauth2.SetAuthURLParam("prompt", "none")
	if got := p.authorize(none).Get("error"); got != "login_required" {
		t.Errorf("error %q", got)
	}
	page := get(t, p.browser, p.authURL())
	body := text(t, page)
	if !strings.Contains(body, `name="subject"`) {
		t.Fatalf("%s: %s", page.Status, body)
	}
	form := url.Values{"subject": {"bob"}}
	for _, field := range regexp.MustCompile(`name="(\w+)" value="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		form.Set(field[1], strings.ReplaceAll(field[2], "&#43;", "+"))
	}
	values := callback(t, post(t, p.browser, p.oauth.Endpoint.AuthURL, form))
	token, err := p.exchange(values.Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	first := p.claims(token)
	if first["sub"] != "bob" {
		t.Errorf("signed in %v", first["sub"])
	}
	if again := p.claims(p.login(none)); again["sub"] != "bob" || again["sid"] != first["sid"] {
		t.Errorf("single sign-on gave %v, after %v", again, first)
	}
	p.browser = newBrowser(t, p.server)
	if got := p.authorize(none).Get("error"); got != "login_required" {
		t.Errorf("in another browser: error %q", got)
	}
}

func TestAuthenticationRequested(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	hourAgo := time.Now().Add(-time.Hour)
	p.server.SignIn(oidctest.User{Subject: "alice", AuthTime: hourAgo, AMR: []string{"pwd"}})
	maxAge := func(seconds string) oauth2.AuthCodeOption { return oauth2.SetAuthURLParam("max_age", seconds) }

	token := p.login(maxAge("86400"))
	claims := p.claims(token)
	if claims["auth_time"] != float64(hourAgo.Unix()) || claims["acr"] != nil {
		t.Errorf("claims %v", claims)
	}
	if !slices.Equal(claims["amr"].([]any), []any{"pwd"}) {
		t.Errorf("amr %v", claims["amr"])
	}
	if renewed, err := p.refresh(token.RefreshToken); err != nil || p.claims(renewed)["auth_time"] != claims["auth_time"] {
		t.Errorf("auth_time changed at renewal: %v", err)
	}
	claims = p.claims(p.login(maxAge("60"), oauth2.SetAuthURLParam("acr_values", "mfa pwd")))
	if claims["auth_time"].(float64) < float64(time.Now().Unix()-60) || claims["acr"] != "mfa" {
		t.Errorf("claims %v", claims)
	}
	p.server.SignIn(oidctest.User{Subject: "alice", AuthTime: hourAgo, ACR: "pwd"})
	claims = p.claims(p.login(maxAge("86400"), oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("acr_values", "mfa")))
	if claims["auth_time"].(float64) < float64(time.Now().Unix()-60) || claims["acr"] != "pwd" {
		t.Errorf("claims %v", claims)
	}
}

func TestOfflineAccess(t *testing.T) {
	consent := oauth2.SetAuthURLParam("prompt", "consent")
	for name, c := range map[string]struct {
		config  oidctest.Config
		scopes  []string
		options []oauth2.AuthCodeOption
		refresh bool
		scope   string
	}{
		"asked":           {oidctest.Config{}, []string{"openid", "offline_access"}, nil, true, "openid offline_access"},
		"not asked":       {oidctest.Config{}, []string{"openid"}, nil, false, "openid"},
		"always":          {oidctest.Config{RefreshTokens: oidctest.RefreshAlways}, []string{"openid"}, nil, true, "openid"},
		"never":           {oidctest.Config{RefreshTokens: oidctest.RefreshNever}, []string{"openid", "offline_access"}, nil, false, "openid"},
		"without consent": {oidctest.Config{OfflineNeedsConsent: true}, []string{"openid", "offline_access"}, nil, false, "openid"},
		"with consent":    {oidctest.Config{OfflineNeedsConsent: true}, []string{"openid", "offline_access"}, []oauth2.AuthCodeOption{consent}, true, "openid offline_access"},
	} {
		p := signedIn(t, c.config)
		p.oauth.Scopes = c.scopes
		token := p.login(c.options...)
		if (token.RefreshToken != "") != c.refresh || token.Extra("scope") != c.scope {
			t.Errorf("%s: refresh token %q, scope %q", name, token.RefreshToken, token.Extra("scope"))
		}
	}
}

func TestDiscovery(t *testing.T) {
	p := signedIn(t, oidctest.Config{RefreshTokens: oidctest.RefreshNever, OmitCallbackIss: true, Clients: []oidctest.Client{
		{ID: "app"}, {ID: "web", Secret: "s", Auth: "client_secret_post"},
	}})
	var metadata map[string]any
	if err := p.provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]any{
		"scopes_supported":                      {"openid", "profile", "email"},
		"token_endpoint_auth_methods_supported": {"client_secret_post", "none"},
		"id_token_signing_alg_values_supported": {"ES256"},
	} {
		if got, _ := metadata[name].([]any); !slices.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if metadata["authorization_response_iss_parameter_supported"] != false {
		t.Error("iss is offered")
	}

	p.server.OnAnswer(oidctest.Discovery, func(d map[string]any) { d["issuer"] = "https://evil.example" })
	if _, err := oidc.NewProvider(p.ctx, p.server.Issuer()); err == nil {
		t.Error("another issuer was accepted")
	}
}
