package interop_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/interop"
	"github.com/gatehouse-go/gatehouse/oidc"
)

// present calls the API with an access token, as a program does.
func (w *world) present(token string) (int, string) {
	w.Helper()
	r, err := http.NewRequest(http.MethodGet, w.app.URL+"/api/me", nil)
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := w.app.Client().Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode, strings.Join(res.Header.Values("WWW-Authenticate"), ", ")
}

// idToken is the last one that the provider has issued.
func (w *world) idToken() string {
	requests := w.server.TokenRequests()
	return requests[len(requests)-1].IDToken
}

// TestJWTAccessTokens: at+jwt of a real provider, and its ID tokens.
func TestJWTAccessTokens(t *testing.T) {
	w := newWorld(t, interop.GoOIDC(), func(c *gatehouse.Config) { c.API.Audience = []string{interop.Resource} })
	b := w.browser()
	token := b.read(b.signIn("/me", interop.Alice)).Token
	for range 2 {
		if status, challenge := w.present(token); status != http.StatusOK {
			t.Errorf("%d %s", status, challenge)
		}
	}
	for name, bad := range map[string]string{
		"its ID token": w.idToken(), "changed": token[:len(token)-4] + "AAAA", "nonsense": "nonsense",
	} {
		if status, challenge := w.present(bad); status != http.StatusUnauthorized || !strings.Contains(challenge, "invalid_token") {
			t.Errorf("%s: %d %s", name, status, challenge)
		}
	}
	w.server.Rekey(t)
	if status, _ := w.present(b.me().Token); status != http.StatusOK {
		t.Errorf("after a new key: %d", status)
	}
	w.clock.Advance(w.server.Traits.AccessLifetime + time.Minute)
	if status, _ := w.present(token); status != http.StatusUnauthorized {
		t.Errorf("expired: %d", status)
	}
}

// TestAccessTokensLikeIDTokens: dex's can't be told apart, and are refused.
func TestAccessTokensLikeIDTokens(t *testing.T) {
	w := newWorld(t, interop.Dex(), func(c *gatehouse.Config) { c.API.Audience = []string{c.ClientID} })
	b := w.browser()
	token := b.read(b.signIn("/me", interop.Alice)).Token
	for _, token := range []string{token, w.idToken()} {
		if status, _ := w.present(token); status != http.StatusUnauthorized {
			t.Errorf("%d", status)
		}
	}
}

// TestIntrospectedAccessTokens: those of a real provider that mean nothing to others.
func TestIntrospectedAccessTokens(t *testing.T) {
	w := newWorld(t, interop.Zitadel(), func(c *gatehouse.Config) {
		c.API.Audience = []string{c.ClientID}
		c.API.Issuers = []oidc.TrustedIssuer{{
			Issuer: c.Issuer, Introspection: &oidc.Introspection{ClientID: c.ClientID, ClientSecret: c.ClientSecret},
		}}
	})
	b := w.browser()
	token := b.read(b.signIn("/me", interop.Alice)).Token
	for range 2 {
		if status, challenge := w.present(token); status != http.StatusOK {
			t.Errorf("%d %s", status, challenge)
		}
	}
	for name, bad := range map[string]string{"its ID token": w.idToken(), "changed": token[:len(token)-4] + "AAAA", "nonsense": "nonsense"} {
		if status, challenge := w.present(bad); status != http.StatusUnauthorized || !strings.Contains(challenge, "invalid_token") {
			t.Errorf("%s: %d %s", name, status, challenge)
		}
	}
}
