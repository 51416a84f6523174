package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwx "github.com/lestrrat-go/jwx/v3/jwt"
)

// bearers verify an access token of 1.1 kB, RS256, and read its claims.
func bearers(s signer) []contender {
	return []contender{
		floorRSA(s),
		verifier("gatehouse, first seen", s, -1),
		verifier("gatehouse, seen before", s, 0),
		api("gatehouse, a whole request, first seen", s, -1),
		api("gatehouse, a whole request, seen before", s, 0),
		withGoOIDC(s), withJWX(s), withGolangJWT(s),
	}
}

// verifier reads whom a token stands for.
func verifier(name string, s signer, remembered int) contender {
	token := s.accessToken(1)
	v := must(oidc.NewVerifier(oidc.VerifierConfig{
		Audience: []string{audience}, Issuers: []oidc.TrustedIssuer{{Issuer: issuer}}, RememberedTokens: remembered,
		HTTPClient: (&provider{signer: s}).client(),
	}))
	ctx := context.Background()
	return contender{name: name, run: func(n int) {
		for range n {
			if must(v.Verify(ctx, token)).Subject() == "" {
				panic("nobody")
			}
		}
	}}
}

// api is a program's whole request, a role required.
func api(name string, s signer, remembered int) contender {
	g := must(gatehouse.NewResourceServer(gatehouse.Config{
		Issuer: issuer, API: gatehouse.API{Audience: []string{audience}, RememberedTokens: remembered},
		HTTPClient: (&provider{signer: s}).client(),
	}))
	handler, r := g.API(admins(g)(http.HandlerFunc(done))), request("")
	r.Header.Set("Authorization", "Bearer "+s.accessToken(1))
	return contender{name: name, run: func(n int) {
		for range n {
			serve(handler, r)
		}
	}}
}

func withGoOIDC(s signer) contender {
	token := s.accessToken(1)
	ctx := gooidc.ClientContext(context.Background(), (&provider{signer: s}).client())
	verifier := must(gooidc.NewProvider(ctx, issuer)).VerifierContext(ctx, &gooidc.Config{ClientID: audience})
	return contender{name: "go-oidc Verify and Claims", run: func(n int) {
		for range n {
			var claims map[string]any
			check(must(verifier.Verify(ctx, token)).Claims(&claims))
		}
	}}
}

func withJWX(s signer) contender {
	token := []byte(s.accessToken(1))
	keys := must(jwk.Parse(s.jwks()))
	return contender{name: "lestrrat jwx", run: func(n int) {
		for range n {
			must(jwx.Parse(token, jwx.WithKeySet(keys), jwx.WithIssuer(issuer), jwx.WithAudience(audience)))
		}
	}}
}

func withGolangJWT(s signer) contender {
	token := s.accessToken(1)
	keys := must(keyfunc.NewJWKSetJSON(json.RawMessage(s.jwks())))
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithLeeway(time.Minute))
	return contender{name: "golang-jwt with keyfunc", run: func(n int) {
		for range n {
			must(parser.Parse(token, keys.Keyfunc))
		}
	}}
}
