package oidctest_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func idToken(token *oauth2.Token) string {
	raw, _ := token.Extra("id_token").(string)
	return raw
}

// part is one decoded part of a compact JWS.
func part(t *testing.T, token string, i int) string {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts in %s", len(parts), token)
	}
	decoded, err := base64.RawURLEncoding.DecodeString(parts[i])
	if err != nil {
		t.Fatal(err)
	}
	return string(decoded)
}

func header(t *testing.T, token string) map[string]any {
	t.Helper()
	var h map[string]any
	if err := json.Unmarshal([]byte(part(t, token, 0)), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// What a careful client refuses, an independent one refuses.
func TestIDTokenFaults(t *testing.T) {
	foreign := oidctest.NewKey("ES256")
	p := signedIn(t, oidctest.Config{})
	for name, fault := range map[string]func(*oidctest.JWT){
		"issuer":          func(t *oidctest.JWT) { t.Claims["iss"] = "https://evil.example" },
		"audience":        func(t *oidctest.JWT) { t.Claims["aud"] = []string{"another"} },
		"expired":         func(t *oidctest.JWT) { t.Claims["exp"] = time.Now().Add(-time.Hour).Unix() },
		"no expiry":       func(t *oidctest.JWT) { delete(t.Claims, "exp") },
		"not yet":         func(t *oidctest.JWT) { t.Claims["nbf"] = time.Now().Add(time.Hour).Unix() },
		"none":            (*oidctest.JWT).Unsigned,
		"foreign key":     func(t *oidctest.JWT) { t.Key = foreign },
		"unknown key":     func(t *oidctest.JWT) { t.SignWith(foreign) },
		"key in header":   func(t *oidctest.JWT) { t.SignWith(foreign); t.Header["jwk"] = foreign.JWK() },
		"key confusion":   func(t *oidctest.JWT) { t.SignWith(oidctest.HMACKey("HS256", p.server.Keys()[0].PublicPEM())) },
		"critical header": func(t *oidctest.JWT) { t.Header["crit"] = []string{"exp"} },
		"not JSON":        func(t *oidctest.JWT) { t.Payload = []byte("{") },
	} {
		remove := p.server.OnIDToken(fault)
		if _, err := p.verify(p.login()); err == nil {
			t.Errorf("%s: accepted", name)
		}
		remove()
	}
	if _, err := p.verify(p.login()); err != nil {
		t.Errorf("without a fault: %v", err)
	}
}

func TestAppend(t *testing.T) {
	p := oidctest.NewProvider(oidctest.Config{Algorithm: "EdDSA"})
	token := p.NewJWT(map[string]any{"sub": "alice"})
	token.Append("sub", "mallory")
	token.Append("SUB", []int{1})
	if got, want := part(t, token.Sign(), 1), `{"sub":"alice","sub":"mallory","SUB":[1]}`; got != want {
		t.Errorf("payload %s, want %s", got, want)
	}
	token = p.NewJWT(nil)
	token.Append("sub", "mallory")
	if got, want := part(t, token.Sign(), 1), `{"sub":"mallory"}`; got != want {
		t.Errorf("payload %s, want %s", got, want)
	}
}

func TestUnsigned(t *testing.T) {
	token := oidctest.NewProvider(oidctest.Config{Algorithm: "EdDSA"}).NewJWT(nil)
	token.Unsigned()
	if got := token.Sign(); !strings.HasSuffix(got, ".") || part(t, got, 0) != `{"alg":"none","typ":"JWT"}` {
		t.Errorf("token %s with %s", got, part(t, got, 0))
	}
}

func TestAccessToken(t *testing.T) {
	p := signedIn(t, oidctest.Config{Audience: "https://api.example"})
	user := alice()
	user.AccessClaims = map[string]any{"realm_access": map[string]any{"roles": []string{"admin"}}}
	p.server.SignIn(user)

	claims := p.accessClaims()
	if claims["aud"] != "https://api.example" || claims["client_id"] != "app" || claims["scope"] != "openid offline_access" ||
		claims["realm_access"] == nil || claims["roles"] != nil {
		t.Errorf("claims %v", claims)
	}
	if claims := p.accessClaims(oauth2.SetAuthURLParam("resource", "https://orders.example")); claims["aud"] != "https://orders.example" {
		t.Errorf("claims %v", claims)
	}
	p.server.OnAccessToken(func(t *oidctest.JWT) { t.Claims["aud"] = []string{"a", "b"} })
	token := p.login()
	if got := part(t, token.AccessToken, 1); !strings.Contains(got, `"aud":["a","b"]`) {
		t.Errorf("claims %s", got)
	}
	if verified, err := p.verify(token); err != nil || verified.VerifyAccessToken(token.AccessToken) != nil {
		t.Error("at_hash is not of the changed token")
	}

	p.server.Configure(func(c *oidctest.Config) { c.OpaqueAccessTokens = true })
	if token := p.login(); strings.Contains(token.AccessToken, ".") {
		t.Errorf("access token %s", token.AccessToken)
	}
}

// Whoever changes a token changes that one alone.
func TestClaimsAreCopied(t *testing.T) {
	roles := []string{"admin"}
	p := signedIn(t, oidctest.Config{})
	p.server.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"roles": roles, "id": int64(1) << 60}})
	roles[0] = "changed by the test"
	remove := p.server.OnIDToken(func(t *oidctest.JWT) { t.Claims["roles"].([]any)[0] = "changed by a hook" })
	p.login()
	remove()
	if got := part(t, idToken(p.login()), 1); !strings.Contains(got, `"roles":["admin"]`) || !strings.Contains(got, `"id":1152921504606846976`) {
		t.Errorf("claims %s", got)
	}
}

func (p *party) accessClaims(options ...oauth2.AuthCodeOption) map[string]any {
	p.t.Helper()
	var claims map[string]any
	if err := json.Unmarshal([]byte(part(p.t, p.login(options...).AccessToken, 1)), &claims); err != nil {
		p.t.Fatal(err)
	}
	return claims
}
