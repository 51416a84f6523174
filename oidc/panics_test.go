package oidc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// panicking is a transport that panics at one path, or while its answer is read.
type panicking struct {
	path string
	late bool
}

func (p panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == p.path && !p.late {
		panic("oops")
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && r.URL.Path == p.path {
		res.Body = panickingBody{res.Body}
	}
	return res, err
}

type panickingBody struct{ io.ReadCloser }

func (panickingBody) Read([]byte) (int, error) { panic("oops") }

// TestPanickingTransports are providers that are away: what is read of them in the
// background doesn't end the process.
func TestPanickingTransports(t *testing.T) {
	for path, ask := range map[string]func(b *bench) error{
		"/.well-known/openid-configuration": func(b *bench) error { return b.verifier.Ready(b.Context()) },
		"/jwks":                             func(b *bench) error { return b.verifier.Ready(b.Context()) },
		"/introspect": func(b *bench) error {
			_, err := b.verifier.Verify(b.Context(), b.issue())
			return err
		},
	} {
		for _, late := range []bool{false, true} {
			b := opaqueBench(t, func(c *oidc.VerifierConfig) { c.HTTPClient = &http.Client{Transport: panicking{path, late}} })
			if err := ask(b); !errors.Is(err, oidc.ErrUnavailable) {
				t.Errorf("%s, late %v: %v", path, late, err)
			}
		}
	}
}

// TestPanickingSpendProof: a proof that can't be spent is neither refused as wrong
// nor let in.
func TestPanickingSpendProof(t *testing.T) {
	b := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) {
		c.SpendProof = func(context.Context, string, time.Time) (bool, error) { panic("oops") }
	})
	key := oidctest.NewKey("ES256")
	_, err := b.verifier.Authenticate(b.prove(httptest.NewRequest(http.MethodGet, "/orders", nil), key, b.bound(key), nil))
	if !errors.Is(err, oidc.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}
