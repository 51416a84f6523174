package oidc_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestNoDiscoveryDocument: who mistyped the issuer is told where nothing was found, and
// with what status, and nothing of what was found in its place.
func TestNoDiscoveryDocument(t *testing.T) {
	for name, c := range map[string]struct {
		fault  oidctest.Fault
		status int
		says   string
	}{
		"nothing there":     {oidctest.Body(http.StatusNotFound, "text/html", "<h1>canary</h1>"), http.StatusNotFound, "(status 404): no document at ISSUER/.well-known/openid-configuration"},
		"a page":            {oidctest.Body(http.StatusOK, "text/html", "<h1>canary</h1>"), http.StatusOK, "(status 200): no document at ISSUER/.well-known/openid-configuration"},
		"elsewhere":         {oidctest.Redirect(http.StatusFound, "https://canary.example"), http.StatusFound, "(status 302): no document at"},
		"a failing server":  {oidctest.Status(http.StatusBadGateway), http.StatusBadGateway, "(status 502): no document at"},
		"no answer":         {oidctest.Drop(), 0, "the provider is unavailable: EOF"},
		"more than is read": {oidctest.Endless(), http.StatusOK, "(status 200): no document at"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParty(t, oidctest.Config{}, nil)
			p.provider.Intercept(oidctest.Discovery, c.fault)
			_, err := p.client.AuthCodeURL(t.Context(), request)
			var failure *oidc.Error
			if !errors.As(err, &failure) || !errors.Is(err, oidc.ErrUnavailable) || failure.Status != c.status {
				t.Fatalf("%v", err)
			}
			says := strings.ReplaceAll(c.says, "ISSUER", p.provider.Issuer())
			if !strings.HasSuffix(err.Error(), says) && !strings.Contains(err.Error(), says+" ") || strings.Contains(err.Error()+p.log.String(), "canary") {
				t.Errorf("%v, want %s", err, says)
			}
		})
	}
}

// saying is a provider of whom nothing but its discovery document is heard.
type saying map[string]any

func (s saying) RoundTrip(*http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	err := json.NewEncoder(w).Encode(s)
	return w.Result(), err
}

// TestEndpointsOnLoopback: plain http is for a provider on this machine. The document of
// one elsewhere can't have services here called.
func TestEndpointsOnLoopback(t *testing.T) {
	for _, endpoint := range []string{
		"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "revocation_endpoint",
		"introspection_endpoint", "pushed_authorization_request_endpoint", "end_session_endpoint",
	} {
		for issuer, refused := range map[string]bool{"https://idp.example": true, "http://localhost:1": false, "https://127.0.0.1": false} {
			t.Run(endpoint+" of "+issuer, func(t *testing.T) {
				document := saying{
					"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys",
					endpoint: "http://127.0.0.1:6379/",
				}
				client, err := oidc.NewClient(oidc.Config{
					Issuer: issuer, ClientID: "app", RedirectURL: "https://app.example/callback", HTTPClient: &http.Client{Transport: document},
				})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = client.Close() })
				if _, err := client.AuthCodeURL(t.Context(), request); errors.Is(err, oidc.ErrToken) != refused {
					t.Errorf("%v, want it refused: %v", err, refused)
				}
			})
		}
	}
}
