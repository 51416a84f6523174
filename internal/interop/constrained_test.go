package interop_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/interop"
)

// TestConstrained: at providers that take nothing but pushed requests and proofs,
// people sign in, are renewed, and sign out.
func TestConstrained(t *testing.T) {
	for _, p := range []interop.Provider{interop.GoOIDC(), interop.GoOIDCKeepingTokens(), interop.OIDCProvider(), interop.Keycloak(), interop.KeycloakRotating()} {
		for _, auth := range []string{interop.AuthBasic, interop.AuthNone, interop.AuthKey} {
			p := p.Constrained().Authenticating(auth)
			t.Run(p.Name+" "+auth, func(t *testing.T) {
				w := newWorld(t, p, func(c *gatehouse.Config) { c.DPoP, c.PushedRequests = true, p.Traits.Unannounced })
				b := w.browser()
				// Proofs of the future are refused, so the past is where it begins.
				w.clock.Advance(-p.Traits.AccessLifetime * 9 / 10)
				page := b.wantAsked(b.open("/me"))
				pushed, err := url.Parse(page.Trail[1])
				if err != nil {
					t.Fatal(err)
				}
				if query := pushed.Query(); !query.Has("request_uri") || len(query) != 2 {
					t.Errorf("the browser is sent with %v", query)
				}
				before := b.read(b.answer(page, "/me", interop.Alice))
				if name, _ := before.Claims["name"].(string); !strings.HasPrefix(name, interop.Alice.Name) {
					t.Errorf("claims %v", before.Claims)
				}
				w.clock.Advance(p.Traits.AccessLifetime * 9 / 10)
				after := b.renewed(before)
				w.wantRenewals(1)
				if after.Token == before.Token || after.Sub != before.Sub {
					t.Errorf("%+v, was %+v", after, before)
				}
				for _, r := range w.server.TokenRequests() {
					if r.Status == 200 && r.TokenType != "DPoP" {
						t.Errorf("tokens of type %q", r.TokenType)
					}
				}
			})
		}
	}
}

// TestConstrainedWithoutProofs: who asks such a provider for bearer tokens isn't
// signed in, and is told why.
func TestConstrainedWithoutProofs(t *testing.T) {
	for _, p := range []interop.Provider{interop.GoOIDC(), interop.OIDCProvider(), interop.Keycloak()} {
		p := p.Constrained()
		t.Run(p.Name, func(t *testing.T) {
			w := newWorld(t, p, func(c *gatehouse.Config) { c.PushedRequests = p.Traits.Unannounced })
			b := w.browser()
			page, err := w.server.SignIn(b.Browser, b.open("/me"), interop.Alice)
			if err != nil {
				t.Fatal(err)
			}
			if page.Status < 400 {
				t.Errorf("signed in without a proof: %v", page)
			}
		})
	}
}
