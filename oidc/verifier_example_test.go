package oidc_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// An API that accepts the access tokens of one issuer, without the rest of the
// library.
func ExampleVerifier_Authenticate() {
	issuer := oidctest.NewServer(nil, oidctest.Config{Audience: "https://api.example.com"}) // a provider for this example
	defer issuer.Close()

	verifier, err := oidc.NewVerifier(oidc.VerifierConfig{
		Audience: []string{"https://api.example.com"},
		Issuers:  []oidc.TrustedIssuer{{Issuer: issuer.Issuer()}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := verifier.Authenticate(r)
		var refusal *oidc.Refusal
		switch {
		case errors.As(err, &refusal):
			w.Header()["Www-Authenticate"] = verifier.Challenges(err)
			http.Error(w, "an access token is needed", refusal.Status())
			return
		case err != nil:
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "the orders of %s", token.Subject())
	})

	ask := func(authorization string) {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		orders.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header()["Www-Authenticate"])
	}
	issued := issuer.Issue(oidctest.User{Subject: "alice"}, "app", "orders:read")
	ask("Bearer " + issued["access_token"].(string))
	ask("Bearer nonsense")
	ask("")
	// Output:
	// 200 []
	// 401 [Bearer realm="https://api.example.com", error="invalid_token"]
	// 401 [Bearer realm="https://api.example.com"]
}

// Services that share a secret need no provider.
func ExampleTrustedIssuer_hmac() {
	secret := []byte("of 32 random bytes, from a vault") // crypto/rand.Read, in earnest

	verifier, err := oidc.NewVerifier(oidc.VerifierConfig{
		Audience: []string{"billing"},
		Issuers:  []oidc.TrustedIssuer{{Issuer: "shop", HMACSecret: secret}},
	})
	fmt.Println(verifier != nil, err)

	_, err = oidc.NewVerifier(oidc.VerifierConfig{
		Audience: []string{"billing"},
		Issuers:  []oidc.TrustedIssuer{{Issuer: "shop", HMACSecret: secret[:31]}},
	})
	fmt.Println(err)
	// Output:
	// true <nil>
	// Issuers[0].HMACSecret: must have at least 32 bytes
}
