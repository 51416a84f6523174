package oidctest_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestLogin(t *testing.T) {
	server := oidctest.NewServer(t, oidctest.Config{})
	server.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"roles": []string{"admin"}}})
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
	renewed, err := p.refresh(token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if p.claims(renewed)["sub"] != "alice" || renewed.RefreshToken == token.RefreshToken {
		t.Error("not a renewal with rotation")
	}
	if server.Calls(oidctest.Token) != 2 || server.Reuses() != 0 {
		t.Errorf("%d calls, %d reuses", server.Calls(oidctest.Token), server.Reuses())
	}
}
