package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// TestWebappWithRedis: where the sessions are makes no difference to anybody, but
// for the size of the cookie and what happens while Redis is away.
func TestWebappWithRedis(t *testing.T) {
	for _, only := range []string{"0", "1"} {
		t.Run("REDIS_COORDINATION_ONLY="+only, func(t *testing.T) {
			redis := redistest.Start(t)
			provider := oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256"})
			provider.SignIn(oidctest.User{Subject: "alice"})
			t.Setenv("REDIS_URL", redis.URL())
			t.Setenv("REDIS_COORDINATION_ONLY", only)
			base := startWithRedis(t, provider)
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			browser := &http.Client{Jar: jar}
			want := func(path, accept string, status int, says string) {
				t.Helper()
				if got, body := get(t, browser, base+path, accept); got != status || !strings.Contains(body, says) {
					t.Errorf("%s: %d %s, want %d and %q", path, got, body, status, says)
				}
			}
			const html = "text/html"
			want("/me", html, 200, `"sub":"alice"`)
			want("/readyz", "*/*", 200, "ready")
			want("/auth/sessions", "*/*", 200, `"current":true`)
			want("/auth/sessions", html, 200, "this browser")
			site, err := url.Parse(base)
			if err != nil {
				t.Fatal(err)
			}
			if size := len(jar.Cookies(site)[0].Value); (size < 300) != (only == "0") {
				t.Errorf("the cookie has %d bytes", size)
			}

			redis.Stop()
			want("/readyz", "*/*", 503, "Redis")
			if only == "0" { // its session is remembered nowhere else
				want("/api/me", "*/*", 503, "still signed in")
			}
			redis.Restart()
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) { // until the connection is there again
				status, body := get(t, browser, base+"/readyz", "*/*")
				if status == 200 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("/readyz: %d %s", status, body)
				}
			}
			if only == "0" {
				return // and Redis came back empty
			}
			want("/me", html, 200, `"sub":"alice"`)
			res, err := http.PostForm(base+"/auth/backchannel-logout", url.Values{"logout_token": {provider.LogoutToken("app", "alice", "").Sign()}})
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("the logout token: %d", res.StatusCode)
			}
			want("/api/me", "*/*", 401, "login_url")
		})
	}
}

func TestRedisMistakes(t *testing.T) {
	provider := oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256"})
	start(t, provider) // whose environment is right
	for _, c := range []struct{ address, only, says string }{
		{"http://localhost:6379", "", "REDIS_URL"},
		{"", "1", "REDIS_URL"},
		{"redis://localhost:6379", "yes", "REDIS_COORDINATION_ONLY"},
	} {
		t.Setenv("REDIS_URL", c.address)
		t.Setenv("REDIS_COORDINATION_ONLY", c.only)
		if err := run(t.Context(), slog.New(slog.NewTextHandler(io.Discard, nil))); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
