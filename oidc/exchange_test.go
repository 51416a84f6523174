package oidc_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestTokenEndpoint: how failures are told apart.
func TestTokenEndpoint(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	grant, err := p.signIn(request)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		fault oidctest.Fault
		kind  error
	}{
		{"invalid_grant", oidctest.OAuthError(400, "invalid_grant", "canary"), oidc.ErrGrant},
		{"invalid_grant by 401", oidctest.OAuthError(401, "invalid_grant", "canary"), oidc.ErrGrant},
		{"dex", oidctest.OAuthError(400, "invalid_request", "canary"), oidc.ErrGrant},
		{"interaction_required", oidctest.OAuthError(400, "interaction_required", "canary"), oidc.ErrGrant},
		{"invalid_client", oidctest.OAuthError(401, "invalid_client", "canary"), oidc.ErrClient},
		{"unauthorized_client", oidctest.OAuthError(400, "unauthorized_client", "canary"), oidc.ErrClient},
		{"unknown code", oidctest.OAuthError(400, "<canary>", "canary"), oidc.ErrClient},
		{"Hydra under load", oidctest.OAuthError(500, "invalid_grant", "canary"), oidc.ErrUnavailable},
		{"503", oidctest.Status(503), oidc.ErrUnavailable},
		{"429", oidctest.OAuthError(429, "slow_down", "canary"), oidc.ErrUnavailable},
		{"400 without a code", oidctest.Body(400, "text/html", "canary"), oidc.ErrUnavailable},
		{"temporarily_unavailable", oidctest.OAuthError(400, "temporarily_unavailable", "canary"), oidc.ErrUnavailable},
		{"HTML", oidctest.Body(200, "text/html", "canary"), oidc.ErrUnavailable},
		{"no access token", oidctest.Body(200, "application/json", `{"token_type":"Bearer"}`), oidc.ErrUnavailable},
		{"MAC", oidctest.Body(200, "application/json", `{"access_token":"a","token_type":"mac"}`), oidc.ErrToken},
		{"connection", oidctest.Drop(), oidc.ErrUnavailable},
		{"307", oidctest.Redirect(307, p.provider.URL+"/stolen"), oidc.ErrUnavailable},
		{"302", oidctest.Redirect(302, p.provider.URL+"/stolen"), oidc.ErrUnavailable},
		{"gzip bomb", oidctest.GzipBomb(), oidc.ErrUnavailable},
		{"no ending", oidctest.Endless(), oidc.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer p.provider.Intercept(oidctest.Token, c.fault)()
			_, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims)
			if !errors.Is(err, c.kind) || strings.Contains(err.Error(), "canary") {
				t.Errorf("renewal: %v, want %v", err, c.kind)
			}
			if _, err := p.signIn(request); !errors.Is(err, c.kind) || strings.Contains(err.Error(), "canary") {
				t.Errorf("sign-in: %v, want %v", err, c.kind)
			}
		})
	}
	for _, seen := range p.provider.Requests(oidctest.Every) {
		if seen.URL.Path == "/stolen" {
			t.Errorf("a redirect was followed with %v", seen.Form)
		}
	}
	if strings.Contains(p.log.String(), "canary") {
		t.Errorf("the log holds the provider's text: %s", p.log)
	}
}

func TestExpiresIn(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  time.Duration
	}{
		"number":         {300, 5 * time.Minute},
		"string":         {"300", 5 * time.Minute},
		"null":           {nil, 10 * time.Minute}, // the JWT's own exp
		"zero":           {0, 10 * time.Minute},
		"negative":       {-300, 10 * time.Minute},
		"huge":           {600000000000, 24 * time.Hour},
		"huge string":    {"600000000000", 24 * time.Hour},
		"beyond 64 bits": {"-9999999999", 10 * time.Minute},
	} {
		p := newParty(t, oidctest.Config{AccessTokenLifetime: 10 * time.Minute}, nil)
		p.provider.OnAnswer(oidctest.Token, func(d map[string]any) { d["expires_in"] = c.value })
		grant, err := p.signIn(request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := grant.Tokens.Expires().Sub(p.clock()); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	p := newParty(t, oidctest.Config{OpaqueAccessTokens: true}, nil)
	p.provider.OnAnswer(oidctest.Token, func(d map[string]any) { delete(d, "expires_in") })
	if grant, err := p.signIn(request); err != nil || grant.Tokens.Expires().Sub(p.clock()) != time.Hour {
		t.Errorf("nothing said: %v", err)
	}
}

func TestExchangeNeedsItsRequest(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	for _, incomplete := range []oidc.AuthRequest{{}, {Nonce: "n"}, {CodeVerifier: "v"}} {
		if _, err := p.client.Exchange(t.Context(), "code", incomplete); err == nil {
			t.Error("exchanged without nonce or code_verifier")
		}
	}
	if p.provider.Calls(oidctest.Token) != 0 {
		t.Error("the provider was asked")
	}
}
