package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// start runs the application on a free port, as its environment says.
func start(t *testing.T, provider *oidctest.Server) (baseURL string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	for name, value := range map[string]string{
		"LISTEN_ADDR": addr, "BASE_URL": "http://" + addr, "OIDC_ISSUER": provider.Issuer(), "OIDC_CLIENT_ID": "app",
		"OIDC_CLIENT_SECRET": "secret", "SESSION_KEYS": cookie.NewKey().Encode(),
		"OIDC_SCOPES": "", "OIDC_PROMPT": "", "OIDC_SKIP_CONSENT": "",
	} {
		t.Setenv(name, value)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, slog.New(slog.NewTextHandler(io.Discard, nil))) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for range 100 {
		if res, err := http.Get("http://" + addr + "/healthz"); err == nil {
			res.Body.Close()
			return "http://" + addr
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the application doesn't listen")
	return ""
}

func get(t *testing.T, client *http.Client, address, accept string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestWebapp(t *testing.T) {
	provider := oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256"})
	provider.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"roles": []string{"admin"}}})
	base := start(t, provider)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	const html = "text/html"

	for _, c := range []struct {
		path, accept string
		status       int
		says         string
	}{
		{"/", html, 200, "stranger"},
		{"/healthz", "*/*", 200, "ok"},
		{"/readyz", "*/*", 200, "ready"},
		{"/api/me", html, 401, "login_url"},
		{"/me", "*/*", 401, "login_url"},
		{"/me", html, 200, `"sub":"alice"`},
		{"/", html, 200, "signed in"},
		{"/api/me", "*/*", 200, `"token"`},
		{"/admin", html, 200, "admin ok"},
		{"/auth/session", "*/*", 200, `"logout_url"`},
		{"/nothing", html, 404, ""},
	} {
		status, body := get(t, browser, base+c.path, c.accept)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s, want %d and %q", c.path, status, body, c.status, c.says)
		}
	}
	_, body := get(t, browser, base+"/me", "*/*")
	var me struct {
		Sub       string
		Token     string
		Claims    map[string]any
		ExpiresIn int `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(body), &me); err != nil {
		t.Fatal(err)
	}
	if me.Sub != "alice" || me.Token == "" || me.Claims["iss"] != provider.Issuer() || me.ExpiresIn < 200 || me.ExpiresIn > 300 {
		t.Errorf("/me says %s", body)
	}
	provider.Server.Close()
	if status, _ := get(t, browser, base+"/me", html); status != http.StatusOK {
		t.Errorf("/me while the provider is away: %d", status)
	}
}

func TestConfigurationMistakes(t *testing.T) {
	for _, name := range []string{"OIDC_ISSUER", "OIDC_CLIENT_ID", "BASE_URL", "SESSION_KEYS"} {
		t.Setenv(name, "")
	}
	err := run(t.Context(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err == nil || !strings.Contains(err.Error(), "SESSION_KEYS") || !strings.Contains(err.Error(), "OIDC_ISSUER") {
		t.Errorf("%v", err)
	}
}
