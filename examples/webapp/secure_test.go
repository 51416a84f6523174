package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/gatetest"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

const html = "text/html"

// TestSecure: a provider that honours acr_values leads to the page, one that ignores
// them to a reason, and neither round in circles.
func TestSecure(t *testing.T) {
	for name, c := range map[string]struct {
		acr, maxAge string
		ignores     bool
		status      int
		says        string
	}{
		"honoured":           {"", "", false, 200, "secure ok: mfa"},
		"another class":      {"phr phrh", "", false, 200, "secure ok: phr"},
		"honoured, and just": {"phr", "5m", false, 200, "secure ok: phr"},
		"ignored":            {"", "", true, 403, "did not confirm"},
		"ignored, and just":  {"", "5m", true, 403, "did not confirm"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("STEPUP_ACR", c.acr)
			t.Setenv("STEPUP_MAX_AGE", c.maxAge)
			provider := oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256", IgnoreACR: c.ignores})
			provider.SignIn(oidctest.User{Subject: "alice"})
			base := start(t, provider)
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			browser := &http.Client{Jar: jar}
			for range 2 {
				if status, body := get(t, browser, base+"/secure", html); status != c.status || !strings.Contains(body, c.says) {
					t.Errorf("/secure: %d %s, want %d and %q", status, body, c.status, c.says)
				}
			}
			if status, _ := get(t, browser, base+"/me", html); status != http.StatusOK {
				t.Errorf("/me: %d", status)
			}
			if got := provider.Calls(oidctest.Token); got != 2 {
				t.Errorf("%d sign-ins", got)
			}
		})
	}
}

func TestPolicy(t *testing.T) {
	provider := oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256"})
	base := start(t, provider)
	for role, want := range map[string]int{"admin": 200, "editor": 403} {
		provider.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"roles": []string{role}}})
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		status, body := get(t, &http.Client{Jar: jar}, base+"/policy", html)
		if status != want || want == 200 && (!strings.Contains(body, "/api/orders") || !strings.Contains(body, "GET /policy")) {
			t.Errorf("%s: %d %s", role, status, body)
		}
	}
}

// TestNothingIsOpen: every page has a rule.
func TestNothingIsOpen(t *testing.T) {
	gate, err := gatehouse.New(gatehouse.Config{
		Issuer: "https://idp.example.com", ClientID: "app", BaseURL: "https://app.example.com", SessionKeys: []cookie.Key{cookie.NewKey()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	gatetest.Closed(t, routes(gate, rbac.ACR("mfa"), http.NotFound), "/me", "/admin", "/secure", "/policy", "/downstream", "/api/me", "/api/admin", "/auth/login", "/nothing")
}

func TestSecureConfiguration(t *testing.T) {
	provider := oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256"})
	start(t, provider)
	for _, text := range []string{"5", "soon", "-5m", "0s", "1ms"} {
		t.Setenv("STEPUP_MAX_AGE", text)
		if err := run(t.Context(), slog.New(slog.NewTextHandler(io.Discard, nil))); err == nil || !strings.Contains(err.Error(), "STEPUP_MAX_AGE") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
