package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwx "github.com/lestrrat-go/jwx/v3/jwt"
)

// bearers verify an access token of 1.1 kB, RS256, and read its claims.
func bearers(s signer) []contender {
	return []contender{withGoOIDC(s), withJWX(s), withGolangJWT(s)}
}

func withGoOIDC(s signer) contender {
	token := s.accessToken(1)
	ctx := oidc.ClientContext(context.Background(), (&provider{signer: s}).client())
	verifier := must(oidc.NewProvider(ctx, issuer)).VerifierContext(ctx, &oidc.Config{ClientID: audience})
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
