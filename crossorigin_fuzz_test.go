package gatehouse

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
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
		if safe && !socket || excepted(u.Path) {
			return
		}
		ours := site == "same-origin" || site == "none" || site == "" && from == "" || strings.EqualFold(from, fuzzBase)
		if socket {
			ours = from == "" || strings.EqualFold(from, fuzzBase) || safe && upgrade != "websocket"
		}
		if !ours {
			t.Errorf("%s %q from %q (%q, upgrade to %q) counts as the visitor's own", method, raw, from, site, upgrade)
		}
	})
}

// excepted reports whether a path is below /hooks, whoever reads it.
func excepted(read string) bool {
	parameters := regexp.MustCompile(`;[^/]*`)
	slashes := strings.ReplaceAll(read, `\`, "/")
	for _, one := range []string{read, slashes, parameters.ReplaceAllString(read, ""), parameters.ReplaceAllString(slashes, ""), strings.ReplaceAll(parameters.ReplaceAllString(read, ""), `\`, "/")} {
		if clean := path.Clean("/" + one); clean != "/hooks" && !strings.HasPrefix(clean, "/hooks/") {
			return false
		}
	}
	return true
}
