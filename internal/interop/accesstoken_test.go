package interop_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
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

// TestBoundAccessTokens: a session whose tokens are bound to its key at a real
// provider, and an API that wants to see proofs, with nonces.
func TestBoundAccessTokens(t *testing.T) {
	for _, p := range []interop.Provider{interop.GoOIDC(), interop.Keycloak()} {
		t.Run(p.Name, func(t *testing.T) { boundAccessTokens(t, p.Constrained()) })
	}
}

func boundAccessTokens(t *testing.T, p interop.Provider) {
	w := newWorld(t, p, func(c *gatehouse.Config) { c.DPoP, c.PushedRequests = true, p.Traits.Unannounced })
	if p.Traits.NoAudience {
		w.audience(interop.Resource)
	}
	w.clock.Advance(-w.server.Traits.AccessLifetime * 9 / 10) // the provider's own refuses proofs of the future
	var handler http.Handler
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(service.Close)
	api, err := gatehouse.NewResourceServer(gatehouse.Config{
		Issuer: w.server.Issuer, BaseURL: service.URL, Clock: w.clock.Now,
		Logger: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		API:    gatehouse.API{Audience: []string{interop.Resource}, RequireBinding: true, RequireNonce: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	handler = api.API(api.RequireLogin(http.HandlerFunc(me)))

	orders := w.gate.Client(service.URL)
	w.pages.Handle("/downstream", w.gate.Wrap(w.gate.RequireLogin(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked, err := http.NewRequestWithContext(r.Context(), http.MethodGet, service.URL+"/orders?page=1", nil)
		if err != nil {
			t.Error(err)
			return
		}
		res, err := orders.Do(asked)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		rw.WriteHeader(res.StatusCode)
		_, _ = io.Copy(rw, res.Body)
	}))))

	b := w.browser()
	who := b.read(b.signIn("/me", interop.Alice))
	for range 2 {
		if seen := b.read(b.want(b.open("/downstream"), http.StatusOK, "/downstream")); seen.Sub != who.Sub || seen.Token != who.Token {
			t.Errorf("the API sees %+v", seen)
		}
	}
	w.clock.Advance(w.server.Traits.AccessLifetime * 9 / 10)
	b.renewed(who)
	if seen := b.read(b.want(b.open("/downstream"), http.StatusOK, "/downstream")); seen.Sub != who.Sub || seen.Token == who.Token {
		t.Errorf("after a renewal the API sees %+v", seen)
	}
	stolen, err := http.NewRequest(http.MethodGet, service.URL+"/orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"Bearer ", "DPoP "} {
		stolen.Header.Set("Authorization", scheme+b.me().Token)
		res, err := service.Client().Do(stolen)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%swithout the key: %d", scheme, res.StatusCode)
		}
	}
}
