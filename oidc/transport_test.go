package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestCookiesOfProviders: whatever jar the given client has, one person's cookies at
// the provider are not sent along with the calls for another.
func TestCookiesOfProviders(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := newParty(t, oidctest.Config{}, func(c *oidc.Config) { c.HTTPClient = &http.Client{Jar: jar} })
	for _, endpoint := range []oidctest.Endpoint{oidctest.Discovery, oidctest.JWKS, oidctest.Token, oidctest.Userinfo} {
		p.provider.Intercept(endpoint, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if len(r.Cookies()) > 0 {
					t.Errorf("%s: %v", endpoint, r.Cookies())
				}
				http.SetCookie(w, &http.Cookie{Name: "session", Value: "alice", Path: "/"})
				next.ServeHTTP(w, r)
			})
		})
	}
	for range 2 {
		if _, err := p.signIn(request); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHangingRevocation: a call is bounded although its caller doesn't bound it.
func TestHangingRevocation(t *testing.T) {
	inBubble(t, func(t *testing.T, p *party) {
		grant, err := p.signIn(request)
		if err != nil {
			t.Fatal(err)
		}
		p.provider.Intercept(oidctest.Revocation, oidctest.Hang())
		began := time.Now()
		if err := p.client.Revoke(context.Background(), grant.Tokens); !errors.Is(err, oidc.ErrUnavailable) || time.Since(began) > 9*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
