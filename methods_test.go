package gatehouse_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
)

const metadataAddress = "/.well-known/oauth-protected-resource/v1"

// TestMethodsOfEndpoints: every endpoint says which methods it has, answers HEAD where
// that only looks, and does nothing by any other (RFC 9110 §15.5.6). Only the
// back-channel is bound to 400 (OpenID Connect Back-Channel Logout 1.0 §2.8).
func TestMethodsOfEndpoints(t *testing.T) {
	formPost := func(c *gatehouse.Config) { c.ResponseMode, c.BaseURL = "form_post", "https://app.example.com" }
	for _, c := range []struct {
		path   string
		change func(*gatehouse.Config)
		allow  string
	}{
		{"/auth/login", nil, "GET, HEAD, POST"},
		{"/auth/callback", nil, "GET"}, // to look is to use the code
		{"/auth/callback", formPost, "POST"},
		{"/auth/logout", nil, "GET, HEAD, POST"},
		{"/auth/session", nil, "GET, HEAD"},
		{"/auth/sessions", nil, "GET, HEAD, POST"},
		{"/auth/frontchannel-logout", nil, "GET"},
		{metadataAddress, nil, "GET, HEAD, OPTIONS"},
		{"/api" + metadataAddress, nil, "GET, HEAD, OPTIONS"}, // by API alone
	} {
		w := apiWorld(t, c.change)
		b := w.browser()
		if c.change == nil {
			b.signIn()
		}
		if path, ok := strings.CutPrefix(c.path, "/api"); ok {
			w.app.Config.Handler = w.gate.API(http.NotFoundHandler())
			c.path = path
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROB", "get"} {
			allowed := slices.Contains(strings.Split(c.allow, ", "), method)
			res := b.send(method, c.path, with(fetching, "Origin", w.app.URL), "")
			if (res.StatusCode == http.StatusMethodNotAllowed) == allowed {
				t.Errorf("%s %s: %d", method, c.path, res.StatusCode)
			}
			if !allowed && (res.Header.Get("Allow") != c.allow || res.Header["Set-Cookie"] != nil || res.Header.Get("Cache-Control") != "no-store") {
				t.Errorf("%s %s: %v, want Allow: %s", method, c.path, res.Header, c.allow)
			}
		}
	}
}

// TestHeads: HEAD says what GET would, and does nothing.
func TestHeads(t *testing.T) {
	w := apiWorld(t, nil)
	b := w.browser().signIn()
	for _, path := range []string{"/auth/session", "/auth/sessions", "/auth/logout", "/auth/logout?x", metadataAddress} {
		got, head := b.fetch(path), b.send(http.MethodHead, path, fetching, "")
		for _, name := range []string{"Content-Type", "Cache-Control", "Content-Security-Policy", "Access-Control-Allow-Origin", "Set-Cookie"} {
			if !slices.Equal(got.Header[name], head.Header[name]) {
				t.Errorf("%s: %s is %q by GET, and %q by HEAD", path, name, got.Header[name], head.Header[name])
			}
		}
		if got.StatusCode != http.StatusOK || head.StatusCode != http.StatusOK || head.body != "" {
			t.Errorf("%s: %d by GET, %d %q by HEAD", path, got.StatusCode, head.StatusCode, head.body)
		}
	}
	b.send(http.MethodHead, "/auth/logout", navigation, "").want(t, http.StatusOK)
	b.fetch("/me").want(t, http.StatusOK, "alice")
	if res := w.browser().send(http.MethodHead, "/auth/login", navigation, "").want(t, http.StatusUnauthorized); len(res.Cookies()) != 0 {
		t.Errorf("a sign-in that nobody sees begins: %v", res.Header)
	}
}

// TestPreflightOfMetadata: scripts of other origins may send headers of their own along,
// for which browsers ask first (Fetch §3.3.5).
func TestPreflightOfMetadata(t *testing.T) {
	w := apiWorld(t, nil)
	asks := with(fetching, "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site",
		"Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "mcp-protocol-version")
	res := w.browser().send(http.MethodOptions, metadataAddress, asks, "").want(t, http.StatusNoContent)
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*", "Access-Control-Allow-Credentials": "", "Allow": "GET, HEAD, OPTIONS",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if res.body != "" {
		t.Errorf("it says %q", res.body)
	}
}
