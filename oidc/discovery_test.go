package oidc_test

import (
	"errors"
	"net/http"
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
