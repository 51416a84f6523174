package gatehouse

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzCrossOrigin: a page of another origin that sends anything but GET or HEAD, or
// opens a WebSocket, is found out, unless what it asks for was excepted; nothing
// else that it says, and no spelling of the path, makes a difference.
func FuzzCrossOrigin(f *testing.F) {
	fz := newFuzzed(f, func(c *Config) { c.InsecureCrossOriginPatterns = []string{"/hooks/"} })
	f.Fuzz(func(t *testing.T, method, raw, site, from, upgrade string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Method, r.URL = method, u
		for name, value := range map[string]string{"Sec-Fetch-Site": site, "Origin": from, "Upgrade": upgrade} {
			if value != "" {
				r.Header[name] = []string{value}
			}
		}
		if fz.foreign.check(r) != nil {
			return
		}
		safe := method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
		socket := strings.Contains(strings.ToLower(upgrade), "websocket")
		if safe && !socket || u.Path == "/hooks" || strings.HasPrefix(u.Path, "/hooks/") && !strings.ContainsAny(u.Path, `;\`) && !strings.Contains(u.Path, "/.") {
			return
		}
		ours := site == "same-origin" || site == "none" || site == "" && (from == "" || strings.EqualFold(from, fuzzBase))
		if socket {
			ours = from == "" || strings.EqualFold(from, fuzzBase) || safe && upgrade != "websocket"
		}
		if !ours {
			t.Errorf("%s %q from %q (%q, upgrade to %q) counts as the visitor's own", method, raw, from, site, upgrade)
		}
	})
}
