package oidctest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestAlgorithms(t *testing.T) {
	for _, algorithm := range []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
	} {
		p := signedIn(t, oidctest.Config{Algorithm: algorithm})
		token := p.login()
		verified, err := p.verify(token) // by what discovery announces
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		if err := verified.VerifyAccessToken(token.AccessToken); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

func TestHMAC(t *testing.T) {
	for _, algorithm := range []string{"HS256", "HS384", "HS512"} {
		p := signedIn(t, oidctest.Config{Algorithm: algorithm})
		token := p.login()
		_, err := jwt.Parse(token.Extra("id_token").(string), func(*jwt.Token) (any, error) { return []byte("secret"), nil },
			jwt.WithValidMethods([]string{algorithm}))
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		if access := header(t, token.AccessToken); access["alg"] != "ES256" || access["typ"] != "at+jwt" {
			t.Errorf("%s: access token with %v", algorithm, access)
		}
	}
}

func TestUnknownAlgorithm(t *testing.T) {
	for _, f := range []func(){
		func() { oidctest.NewProvider(oidctest.Config{Algorithm: "none"}) },
		func() { oidctest.NewKey("HS256") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		}()
	}
}

func TestRotateKeys(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	old := p.login()
	p.server.RotateKeys()
	young := p.login()
	if header(t, idToken(old))["kid"] == header(t, idToken(young))["kid"] {
		t.Error("the same key signs")
	}
	for _, token := range []string{idToken(old), idToken(young)} {
		if err := p.verifyAnew(token); err != nil {
			t.Errorf("while both are published: %v", err)
		}
	}
	p.server.RetireKeys()
	if err := p.verifyAnew(idToken(young)); err != nil {
		t.Error(err)
	}
	if err := p.verifyAnew(idToken(old)); err == nil {
		t.Error("the retired key verifies")
	}
}

// Keys may share a kid, or have none.
func TestKeyIDs(t *testing.T) {
	twin, other, nameless := oidctest.NewKey("ES256"), oidctest.NewKey("ES256"), oidctest.NewKey("ES256")
	twin.ID, other.ID, nameless.ID = "twin", "twin", ""

	p := signedIn(t, oidctest.Config{Keys: []*oidctest.Key{twin, other}})
	if err := p.verifyAnew(idToken(p.login())); err != nil {
		t.Errorf("a shared kid: %v", err)
	}
	p.server.SetKeys(nameless)
	token := idToken(p.login())
	if h := header(t, token); h["kid"] != nil {
		t.Errorf("header %v", h)
	}
	if err := p.verifyAnew(token); err != nil {
		t.Errorf("no kid: %v", err)
	}
	if keys := p.server.Keys(); len(keys) != 1 || keys[0] != nameless {
		t.Errorf("keys %v", keys)
	}
}

func TestOddKeys(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	p.server.OnAnswer(oidctest.JWKS, func(d map[string]any) {
		d["keys"] = append(oidctest.OddKeys(), d["keys"].([]any)...)
	})
	var set struct{ Keys []any }
	if err := json.Unmarshal([]byte(text(t, get(t, p.browser, p.server.Issuer()+"/jwks"))), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != len(oidctest.OddKeys())+1 {
		t.Errorf("%d keys", len(set.Keys))
	}
	// One odd entry voids the whole set for go-oidc: they are odd enough.
	if err := p.verifyAnew(idToken(p.login())); err == nil {
		t.Error("go-oidc has learned to skip keys")
	}
}

// A key that is a secret signs, and stays one.
func TestSecretIsNotPublished(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	p.server.SetKeys(oidctest.HMACKey("HS256", []byte("secret")), oidctest.NewKey("ES256"))
	if h := header(t, idToken(p.login())); h["alg"] != "HS256" || h["kid"] != nil {
		t.Errorf("header %v", h)
	}
	if set := text(t, get(t, p.browser, p.server.Issuer()+"/jwks")); strings.Count(set, "kty") != 1 || strings.Contains(set, "null") {
		t.Errorf("keys %s", set)
	}
}

// verifyAnew checks an ID token by keys fetched for the purpose.
func (p *party) verifyAnew(token string) error {
	set := oidc.NewRemoteKeySet(p.ctx, p.server.Issuer()+"/jwks")
	algorithms := []string{"RS256", "ES256"}
	_, err := oidc.NewVerifier(p.server.Issuer(), set, &oidc.Config{ClientID: "app", SupportedSigningAlgs: algorithms}).Verify(p.ctx, token)
	return err
}
