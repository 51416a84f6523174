package oidc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestRevokeAndEndSession(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	grant, err := p.signIn(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.client.Revoke(t.Context(), grant.Tokens); err != nil {
		t.Error(err)
	}
	if _, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims); !errors.Is(err, oidc.ErrGrant) {
		t.Errorf("after revocation: %v", err)
	}
	if err := p.client.Revoke(t.Context(), oidc.Tokens{}); err != nil {
		t.Errorf("without a refresh token: %v", err)
	}
	for fault, kind := range map[int]error{
		400: oidc.ErrClient, 401: oidc.ErrClient, 408: oidc.ErrUnavailable, 429: oidc.ErrUnavailable, 307: oidc.ErrUnavailable, 503: oidc.ErrUnavailable,
	} {
		remove := p.provider.Intercept(oidctest.Revocation, oidctest.Status(fault))
		if err := p.client.Revoke(t.Context(), grant.Tokens); !errors.Is(err, kind) {
			t.Errorf("%d: %v", fault, err)
		}
		remove()
	}
	address, ok, err := p.client.EndSessionURL(t.Context(), oidc.EndSession{IDToken: "a.b.c", PostLogoutRedirectURI: "https://app.example.com/", State: "s"})
	if err != nil || !ok || !strings.Contains(address, "id_token_hint=a.b.c") || !strings.Contains(address, "state=s") {
		t.Errorf("%s, %v, %v", address, ok, err)
	}
	address, ok, err = p.client.EndSessionURL(t.Context(), oidc.EndSession{IDToken: strings.Repeat("a", 8000)})
	if err != nil || !ok || strings.Contains(address, "id_token_hint") || !strings.Contains(address, "client_id=app") {
		t.Errorf("a long hint: %.80s, %v, %v", address, ok, err)
	}
	p = newParty(t, oidctest.Config{}, nil)
	p.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) { delete(d, "end_session_endpoint"); delete(d, "revocation_endpoint") })
	if _, ok, err := p.client.EndSessionURL(t.Context(), oidc.EndSession{}); ok || err != nil {
		t.Errorf("no endpoint: %v, %v", ok, err)
	}
	if err := p.client.Revoke(t.Context(), grant.Tokens); err != nil {
		t.Errorf("no endpoint: %v", err)
	}
}
