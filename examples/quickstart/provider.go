package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/luikyv/go-oidc/pkg/goidc"
	op "github.com/luikyv/go-oidc/pkg/provider"
)

// provider is an OpenID Provider that knows one client, the site. go-oidc has
// the protocol; the people and the pages are in accounts.go.
type provider struct {
	http.Handler
	issuer, baseURL string
	clientSecret    string
}

const clientID = "quickstart"

func newProvider(issuer, baseURL string, tokenLifetime time.Duration) (*provider, error) {
	if tokenLifetime < time.Second {
		return nil, fmt.Errorf("access tokens must live for a second at least, not %v", tokenLifetime)
	}
	keys, err := newKeys()
	if err != nil {
		return nil, err
	}
	p := &provider{issuer: issuer, baseURL: baseURL, clientSecret: rand.Text()}
	accounts := newAccounts(issuer, baseURL)
	protocol, err := op.New(
		op.Config{Issuer: issuer, JWKS: keys, IDTokenAlgs: []goidc.SignatureAlgorithm{goidc.SigAlgES256}},
		op.WithScopes(goidc.ScopeOpenID, goidc.ScopeProfile, goidc.ScopeEmail, goidc.ScopeOfflineAccess),
		op.WithStaticClients(p.client()),
		op.WithSecretBasicAuthn(),
		op.WithAuthCodeGrant(
			op.AuthCodeGrantConfig{ResponseTypes: []goidc.ResponseType{goidc.ResponseTypeCode}},
			op.WithPKCE([]goidc.CodeChallengeMethod{goidc.CodeChallengeMethodSHA256}, op.WithPKCERequired()),
			op.WithIssuerResponseParameter(),
			op.WithAuthPolicies(goidc.NewPolicy("password", accounts.beginSignIn, accounts.signIn)),
		),
		op.WithRefreshTokenGrant(nil, op.WithRefreshTokenRotation(), op.WithRefreshTokenShouldIssue(wantsOffline)),
		op.WithTokenRevocation(func(context.Context, *goidc.Client) bool { return true }),
		op.WithTokenOptions(func(context.Context, *goidc.Grant, *goidc.Client) goidc.TokenOptions {
			return goidc.NewJWTTokenOptions(goidc.SigAlgES256, int(tokenLifetime/time.Second))
		}),
		// The site shows its ID token when it signs people out, however late.
		op.WithIDTokenLifetime(int(24*time.Hour/time.Second)),
		op.WithIDTokenClaims(claimsOf),
		op.WithUserInfoClaims(claimsOf),
		op.WithLogout(
			op.LogoutConfig{HandleFunc: accounts.signedOut},
			op.WithLogoutPolicies(goidc.NewLogoutPolicy("ask", accounts.beginSignOut, accounts.signOut)),
		),
		op.WithErrorRenderer(accounts.fail),
		op.WithJTIConsumer(func(context.Context, string) error { return nil }), // no client here signs JWTs
	)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", protocol.Handler())
	mux.Handle("GET /style.css", static)
	mux.Handle("GET /anchor.svg", static)
	p.Handler = mux
	return p, nil
}

// client is the site as the provider knows it.
func (p *provider) client() *goidc.Client {
	return &goidc.Client{
		ID:     clientID,
		Secret: p.clientSecret,
		ClientMeta: goidc.ClientMeta{
			RedirectURIs:           []string{p.baseURL + "/auth/callback"},
			PostLogoutRedirectURIs: []string{p.baseURL + "/"},
			GrantTypes:             []goidc.GrantType{goidc.GrantAuthorizationCode, goidc.GrantRefreshToken},
			ResponseTypes:          []goidc.ResponseType{goidc.ResponseTypeCode},
			ScopeIDs:               "openid profile email offline_access",
			TokenAuthnMethod:       goidc.AuthnMethodSecretBasic,
		},
	}
}

// gateConfig is the provider as the site knows it.
func (p *provider) gateConfig() gatehouse.Config {
	return gatehouse.Config{
		Issuer:       p.issuer,
		ClientID:     clientID,
		ClientSecret: p.clientSecret,
		BaseURL:      p.baseURL,
		SessionKeys:  []cookie.Key{cookie.NewKey()},
	}
}

func newKeys() (goidc.JWKSFunc, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	keys := goidc.JSONWebKeySet{Keys: []goidc.JSONWebKey{{
		Key: key, KeyID: rand.Text(), Algorithm: string(goidc.SigAlgES256), Use: "sig",
	}}}
	return func(context.Context) (goidc.JSONWebKeySet, error) { return keys, nil }, nil
}

// wantsOffline gives a refresh token to those who ask for one (OpenID Connect
// Core 1.0 §11).
func wantsOffline(_ context.Context, _ *goidc.Client, grant *goidc.Grant) bool {
	return slices.Contains(strings.Fields(grant.Scopes), goidc.ScopeOfflineAccess.ID)
}

// claimsOf is what the ID token and the UserInfo endpoint say of a person.
func claimsOf(_ context.Context, grant *goidc.Grant) map[string]any {
	who, _ := personBySubject(grant.Subject)
	return map[string]any{
		"auth_time":          grant.Store["auth_time"],
		"name":               who.Name,
		"preferred_username": who.Login,
		"email":              who.Email,
		"roles":              []string{who.Role},
	}
}
