package oidc_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// benchToken is an access token of about 1.1 kB.
func (b *bench) benchToken() string {
	token := b.token()
	token.Claims["roles"], token.Claims["pad"] = []string{"admin", "editor"}, strings.Repeat("x", 300)
	return token.Sign()
}

// TestRememberedTokenAllocates nothing, for a request that carries one.
func TestRememberedTokenAllocates(t *testing.T) {
	b := newBench(t, oidctest.Config{}, nil)
	r := request1(http.MethodGet, "/orders", "Bearer "+b.benchToken())
	if allocs := testing.AllocsPerRun(200, func() {
		if _, err := b.verifier.Authenticate(r); err != nil {
			t.Fatal(err)
		}
	}); allocs > 0 {
		t.Errorf("%v allocations, want none", allocs)
	}
}

// BenchmarkBearer compares what a token costs with the bare signature check, and
// with go-oidc.
func BenchmarkBearer(b *testing.B) {
	run := func(name string, remembered int) {
		bench := newBench(b, oidctest.Config{}, func(c *oidc.VerifierConfig) { c.RememberedTokens = remembered; c.Clock = nil })
		r := request1(http.MethodGet, "/orders", "Bearer "+bench.benchToken())
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bench.verifier.Authenticate(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("first seen", -1)
	run("seen before", 0)
	bench := newBench(b, oidctest.Config{}, nil)
	token := bench.benchToken()
	b.Run("bare RSA verification", func(b *testing.B) {
		parts := strings.Split(token, ".")
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil {
			b.Fatal(err)
		}
		public := rsaKey().Public().(*rsa.PublicKey)
		for b.Loop() {
			sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
			if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("go-oidc Verify and Claims", func(b *testing.B) {
		provider, err := gooidc.NewProvider(b.Context(), bench.provider.Issuer())
		if err != nil {
			b.Fatal(err)
		}
		verifier := provider.Verifier(&gooidc.Config{ClientID: api})
		b.ReportAllocs()
		for b.Loop() {
			verified, err := verifier.Verify(b.Context(), token)
			if err != nil {
				b.Fatal(err)
			}
			var said map[string]any
			if err := verified.Claims(&said); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRememberedTokens is how the cost of a token seen before grows with how
// many are.
func BenchmarkRememberedTokens(b *testing.B) {
	for _, count := range []int{1, 100, 10_000} {
		bench := newBench(b, oidctest.Config{Keys: []*oidctest.Key{oidctest.NewKey("EdDSA")}}, func(c *oidc.VerifierConfig) { c.RememberedTokens = 2 * count })
		texts := make([]string, count)
		for i := range texts {
			token := bench.token()
			token.Claims["jti"] = fmt.Sprint(i)
			texts[i] = token.Sign()
			if _, err := bench.verifier.Verify(context.Background(), texts[i]); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, err := bench.verifier.Verify(context.Background(), texts[i%count]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkProof is what a token that is bound to a key costs, seen before, with a
// new proof.
func BenchmarkProof(b *testing.B) {
	bench := newBench(b, oidctest.Config{}, nil)
	key := oidctest.NewKey("ES256")
	token := bench.bound(key)
	var requests []*http.Request
	for b.Loop() {
		if len(requests) == 0 {
			b.StopTimer()
			for range 500 {
				requests = append(requests, bench.prove(httptest.NewRequest(http.MethodGet, "/orders", nil), key, token, nil))
			}
			b.StartTimer()
		}
		if _, err := bench.verifier.Authenticate(requests[0]); err != nil {
			b.Fatal(err)
		}
		requests = requests[1:]
	}
}
