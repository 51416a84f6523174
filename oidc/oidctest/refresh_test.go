package oidctest_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/oauth2"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestRotation(t *testing.T) {
	for name, c := range map[string]struct {
		rotation  oidctest.Rotation
		old, next string // errors of the old token and of its successor, once the old was used
		reuses    int
	}{
		"revoke": {oidctest.RotateAndRevoke, "invalid_grant", "invalid_grant", 1},
		"refuse": {oidctest.RotateAndRefuse, "invalid_grant", "", 1},
		"never":  {oidctest.RotateNever, "", "", 0},
	} {
		p := signedIn(t, oidctest.Config{Rotation: c.rotation})
		old := p.login().RefreshToken
		renewed, err := p.refresh(old)
		if err != nil {
			t.Fatal(err)
		}
		if (renewed.RefreshToken != old) != (c.rotation != oidctest.RotateNever) {
			t.Errorf("%s: from %s to %s", name, old, renewed.RefreshToken)
		}
		if _, err := p.refresh(old); errorCode(err) != c.old {
			t.Errorf("%s: the old token: %v", name, err)
		}
		if _, err := p.refresh(renewed.RefreshToken); errorCode(err) != c.next {
			t.Errorf("%s: the new token: %v", name, err)
		}
		if p.server.Reuses() != c.reuses {
			t.Errorf("%s: %d reuses", name, p.server.Reuses())
		}
	}
}

func TestRotationAtOnce(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	token := p.login().RefreshToken
	var renewed atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := p.refresh(token); err == nil {
				renewed.Add(1)
			}
		})
	}
	all.Wait()
	if renewed.Load() != 1 || p.server.Reuses() != 19 {
		t.Errorf("%d renewed, %d reuses", renewed.Load(), p.server.Reuses())
	}
}

func TestRefreshedIDToken(t *testing.T) {
	for kind, nonce := range map[oidctest.RefreshedIDToken]any{
		oidctest.WithNonce:    "the nonce",
		oidctest.WithoutNonce: nil,
		oidctest.NoIDToken:    nil,
	} {
		p := signedIn(t, oidctest.Config{RefreshedIDToken: kind})
		first := p.login()
		token, err := p.refresh(first.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		if kind == oidctest.NoIDToken {
			if token.Extra("id_token") != nil {
				t.Error("an ID token")
			}
			continue
		}
		before, after := p.claims(first), p.claims(token)
		if after["nonce"] != nonce || before["nonce"] != "the nonce" || after["sid"] != before["sid"] {
			t.Errorf("%v: from %v to %v", kind, before, after)
		}
	}
}

// What is known of the user is what the next token says.
func TestRefreshedClaims(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	token := p.login()
	if roles := p.claims(token)["roles"].([]any); len(roles) != 1 || roles[0] != "admin" {
		t.Errorf("roles %v", roles)
	}
	p.server.PutUser(oidctest.User{Subject: "alice", Claims: map[string]any{"roles": []string{}}})
	token, err := p.refresh(token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if roles := p.claims(token)["roles"].([]any); len(roles) != 0 {
		t.Errorf("roles %v", roles)
	}
}

func TestRefreshScope(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	refresh := func(token, scope string) (*oauth2.Token, error) {
		return p.oauth.Exchange(p.ctx, "", oauth2.SetAuthURLParam("grant_type", "refresh_token"),
			oauth2.SetAuthURLParam("refresh_token", token), oauth2.SetAuthURLParam("scope", scope))
	}
	token := p.login()
	if _, err := refresh(token.RefreshToken, "openid admin"); errorCode(err) != "invalid_scope" {
		t.Errorf("a wider scope: %v", err)
	}
	narrow, err := refresh(token.RefreshToken, "openid")
	if err != nil || narrow.Extra("scope") != "openid" {
		t.Fatalf("a narrower scope: %v %v", err, narrow)
	}
	// It narrows one answer, not the grant.
	if whole, err := p.refresh(narrow.RefreshToken); err != nil || whole.Extra("scope") != "openid offline_access" {
		t.Errorf("the next renewal: %v", err)
	}
}

func TestRevokeUser(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	token := p.login()
	p.server.RevokeUser("bob")
	if _, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token)); err != nil {
		t.Error(err)
	}
	p.server.RevokeUser("alice")
	if _, err := p.refresh(token.RefreshToken); errorCode(err) != "invalid_grant" || p.server.Reuses() != 0 {
		t.Errorf("refresh: %v", err)
	}
	if _, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token)); err == nil {
		t.Error("userinfo")
	}
}
