package gatehouse_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestMintedToken(t *testing.T) {
	key := oidc.NewSigningKey()
	for name, c := range map[string]struct {
		down   gatehouse.Downstream
		signed bool // somebody is signed in
		status int
		sub    string
		level  any
	}{
		"a user's":               {gatehouse.Downstream{Claims: func(who *gatehouse.Identity) map[string]any { return map[string]any{"level": len(who.Subject())} }}, true, 200, "alice", 5.0},
		"without claims":         {gatehouse.Downstream{}, true, 200, "alice", nil},
		"somebody else's":        {gatehouse.Downstream{Claims: func(*gatehouse.Identity) map[string]any { return map[string]any{"sub": "mallory"} }}, true, 200, "alice", nil},
		"nobody's":               {gatehouse.Downstream{}, false, 500, "", nil},
		"our own":                {gatehouse.Downstream{Own: true, Claims: func(who *gatehouse.Identity) map[string]any { return map[string]any{"level": 1} }}, false, 200, "https://shop.internal", 1.0},
		"claims of the minter's": {gatehouse.Downstream{Claims: func(*gatehouse.Identity) map[string]any { return map[string]any{"aud": "everybody"} }}, true, 500, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			api := newService(t)
			w := calling(t, setup{}, func() string { return api.URL }, func(g *gatehouse.Gate) http.RoundTripper {
				minter, err := oidc.NewMinter(oidc.MinterConfig{Issuer: "https://shop.internal", Keys: []oidc.SigningKey{key}})
				if err != nil {
					t.Fatal(err)
				}
				c.down.Origins, c.down.Audience, c.down.Minter = []string{api.URL}, "orders", minter
				transport, err := g.Downstream(c.down)
				if err != nil {
					t.Fatal(err)
				}
				return transport
			})
			b := w.browser()
			if c.signed {
				b.signIn()
			}
			b.get("/call").want(t, c.status)
			if c.status != http.StatusOK {
				if len(api.received()) != 0 {
					t.Error("the service was called")
				}
				return
			}
			jwks := httptest.NewServer(c.down.Minter)
			defer jwks.Close()
			verifier, err := oidc.NewVerifier(oidc.VerifierConfig{Audience: []string{"orders"}, Issuers: []oidc.TrustedIssuer{{Issuer: "https://shop.internal", JWKS: jwks.URL}}})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", api.received()[0].Authorization)
			token, err := verifier.Authenticate(r)
			if err != nil {
				t.Fatal(err)
			}
			if token.Subject() != c.sub || token.Claims()["level"] != c.level {
				t.Errorf("the token says %v", token.Claims())
			}
		})
	}
}

// TestMintedTokenPassesNobodyOffAsTheApplication: a person at the provider may be
// called what the application is, in whose own name tokens are minted too.
func TestMintedTokenPassesNobodyOffAsTheApplication(t *testing.T) {
	api := newService(t)
	w := calling(t, setup{}, func() string { return api.URL }, func(g *gatehouse.Gate) http.RoundTripper {
		minter, err := oidc.NewMinter(oidc.MinterConfig{Issuer: "https://shop.internal", Keys: []oidc.SigningKey{oidc.NewSigningKey()}})
		if err != nil {
			t.Fatal(err)
		}
		transport, err := g.Downstream(gatehouse.Downstream{Origins: []string{api.URL}, Audience: "orders", Minter: minter})
		if err != nil {
			t.Fatal(err)
		}
		return transport
	})
	w.provider.SignIn(oidctest.User{Subject: "https://shop.internal"})
	w.browser().signIn().get("/call").want(t, http.StatusInternalServerError)
	if len(api.received()) != 0 {
		t.Error("the service was called in the application's name")
	}
}

func TestMinterMistakes(t *testing.T) {
	gate := exampleGate()
	t.Cleanup(func() { _ = gate.Close() })
	minter, err := oidc.NewMinter(oidc.MinterConfig{Issuer: "https://shop.internal", Keys: []oidc.SigningKey{oidc.NewSigningKey()}})
	if err != nil {
		t.Fatal(err)
	}
	for field, down := range map[string]gatehouse.Downstream{
		"Minter: ": {Minter: minter},
		"Minter":   {Minter: minter, Audience: "orders", Scopes: []string{"a"}},
		"Claims: ": {Claims: func(*gatehouse.Identity) map[string]any { return nil }},
	} {
		down.Origins = []string{"https://orders.internal"}
		if _, err := gate.Downstream(down); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestSignInWithAClientKey(t *testing.T) {
	key := oidc.NewSigningKey()
	w := newWorld(t, setup{
		provider: func(c *oidctest.Config) { c.Clients = []oidctest.Client{{ID: "app", PublicKey: key.Public()}} },
		gate:     func(c *gatehouse.Config) { c.ClientSecret, c.ClientKey = "", key },
	})
	b := w.browser().signIn()
	w.clock.advance(due)
	b.get("/me").want(t, http.StatusOK)
	for _, r := range w.provider.Requests(oidctest.Token) {
		if r.Form.Get("client_assertion") == "" {
			t.Error("asked without an assertion")
		}
	}
}
