package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/canary"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

const (
	apiAudience  = "https://api.example.com"
	clientSecret = "the-secret-of-the-client-in-these-tests"
)

// start runs the application on a free port, as its environment says.
func start(t *testing.T, provider *oidctest.Server) (baseURL string) {
	t.Helper()
	t.Setenv("REDIS_URL", "")
	return startWithRedis(t, provider)
}

// watches are what looks for secrets, by test.
var watches sync.Map

func watchOf(t *testing.T) *canary.Watch {
	t.Helper()
	if watch, ok := watches.Load(t); ok {
		return watch.(*canary.Watch)
	}
	watch := canary.New(t)
	watches.Store(t, watch)
	return watch
}

// startWithRedis is start, where the environment says how Redis is used.
func startWithRedis(t *testing.T, provider *oidctest.Server) (baseURL string) {
	t.Helper()
	addr := redistest.Port(t)
	watch, key := watchOf(t), cookie.NewKey()
	provider.AddClient(oidctest.Client{ID: "app", Secret: clientSecret})
	watch.Secret(canary.SessionKey, key.Encode())
	provider.OnSecret(func(kind, secret string) { watch.Secret(canary.Kind(kind), secret) })
	if redis, err := url.Parse(os.Getenv("REDIS_URL")); err == nil {
		password, _ := redis.User.Password()
		watch.Secret(canary.Password, password)
	}
	for name, value := range map[string]string{
		"LISTEN_ADDR": addr, "BASE_URL": "http://" + addr, "OIDC_ISSUER": provider.Issuer(), "OIDC_CLIENT_ID": "app",
		"OIDC_CLIENT_SECRET": clientSecret, "SESSION_KEYS": key.Encode(),
		"OIDC_SCOPES": "", "OIDC_PROMPT": "", "OIDC_SKIP_CONSENT": "", "API_AUDIENCE": apiAudience, "API_ISSUERS": "",
	} {
		t.Setenv(name, value)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, watch.Logger(io.Discard)) }()
	t.Cleanup(cancel)
	for {
		if res, err := http.Get("http://" + addr + "/healthz"); err == nil {
			res.Body.Close()
			break
		}
		select {
		case err := <-done:
			t.Fatalf("the application doesn't listen: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + addr
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
	watchOf(t).Header(res.Request.Header)
	watchOf(t).Response("an answer", res.StatusCode, res.Header, string(body), canary.Shown()...)
	return res.StatusCode, string(body)
}

func TestWebapp(t *testing.T) {
	provider := oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256"})
	provider.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"roles": []string{"admin"}}})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "called at %s with %.6q", r.URL.Path, r.Header.Get("Authorization"))
	}))
	defer other.Close()
	t.Setenv("DOWNSTREAM_URL", other.URL+"/orders")
	base := start(t, provider)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}

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
		{"/downstream", html, 200, `called at /orders with "Bearer"`},
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

// TestDownstreamStaysThere: a service that sends elsewhere shows nobody what is there.
func TestDownstreamStaysThere(t *testing.T) {
	provider := oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256"})
	provider.SignIn(oidctest.User{Subject: "alice"})
	internal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "of nobody's business") }))
	defer internal.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/orders", http.StatusFound)
		case "/orders":
			http.Redirect(w, r, internal.URL, http.StatusFound)
		}
	}))
	defer other.Close()
	t.Setenv("DOWNSTREAM_URL", other.URL+"/moved")
	base := start(t, provider)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, &http.Client{Jar: jar}, base+"/downstream", "text/html"); status != http.StatusFound || strings.Contains(body, "business") {
		t.Errorf("%d %s", status, body)
	}
}

// TestAPI: programs come with access tokens, browsers with cookies, nobody with both.
func TestAPI(t *testing.T) {
	provider := oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256", Audience: apiAudience})
	base := start(t, provider)
	alice := oidctest.User{Subject: "alice", AccessClaims: map[string]any{"roles": []string{"admin"}}}
	provider.SignIn(alice)
	issue := func(user oidctest.User, scope ...string) string {
		token, _ := provider.Issue(user, "app", scope...)["access_token"].(string)
		return token
	}
	full, bare := issue(alice, "orders:read"), issue(oidctest.User{Subject: "bob"}, "openid")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	if status, body := get(t, browser, base+"/me", "text/html"); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	for _, c := range []struct {
		name         string
		client       *http.Client
		method, path string
		token        string
		status       int
		challenge    string
	}{
		{"GET with a token", http.DefaultClient, "GET", "/api/me", full, 200, ""},
		{"POST with a token", http.DefaultClient, "POST", "/api/me", full, 200, ""},
		{"GET with a cookie", browser, "GET", "/api/me", "", 200, ""},
		{"both", browser, "GET", "/api/me", full, 400, ""},
		{"nothing", http.DefaultClient, "POST", "/api/me", "", 401, "Bearer "},
		{"a preflight", http.DefaultClient, "OPTIONS", "/api/me", "", 401, "Bearer "},
		{"any other method", http.DefaultClient, "PATCH", "/api/me", "", 401, "Bearer "},
		{"where to get one", http.DefaultClient, "GET", "/api/me", "", 401, `resource_metadata="` + base + `/.well-known/oauth-protected-resource"`},
		{"and it is there", http.DefaultClient, "GET", "/.well-known/oauth-protected-resource", "", 200, ""},
		{"nonsense", http.DefaultClient, "GET", "/api/me", "nonsense", 401, `error="invalid_token"`},
		{"a page", http.DefaultClient, "GET", "/me", full, 401, ""},
		{"admin", http.DefaultClient, "GET", "/api/admin", full, 200, ""},
		{"no admin", http.DefaultClient, "GET", "/api/admin", bare, 403, ""},
		{"orders", http.DefaultClient, "GET", "/api/orders", full, 200, ""},
		{"no orders", http.DefaultClient, "GET", "/api/orders", bare, 403, `scope="orders:read"`},
	} {
		r, err := http.NewRequest(c.method, base+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		res, err := c.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if challenge := strings.Join(res.Header.Values("WWW-Authenticate"), ", "); res.StatusCode != c.status || !strings.Contains(challenge, c.challenge) {
			t.Errorf("%s: %d %s, want %d %s", c.name, res.StatusCode, challenge, c.status, c.challenge)
		}
	}
}

func TestConfigurationMistakes(t *testing.T) {
	for _, name := range []string{"OIDC_ISSUER", "OIDC_CLIENT_ID", "BASE_URL", "SESSION_KEYS", "API_AUDIENCE"} {
		t.Setenv(name, "")
	}
	t.Setenv("API_ISSUERS", "https://idp.example")
	err := run(t.Context(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err == nil || !strings.Contains(err.Error(), "SESSION_KEYS") || !strings.Contains(err.Error(), "OIDC_ISSUER") || !strings.Contains(err.Error(), "API_AUDIENCE") {
		t.Errorf("%v", err)
	}
}
