package gatehouse

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
)

// FuzzMeanings: however a path is spelt, each reading of it is a clean path, and a
// path that has but one reading is it.
func FuzzMeanings(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL = u
		before := *u
		all := meanings(r)
		if *u != before {
			t.Fatalf("%q was changed", raw)
		}
		if all == nil && (path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") && u.Path != "/" || strings.ContainsAny(u.Path, `;\`)) {
			t.Fatalf("%q has more than one reading", raw)
		}
		for _, read := range all {
			text := read.URL.Path
			if !strings.HasPrefix(text, "/") && text != "" || strings.Contains(text, "//") || read.Method != r.Method || read.URL.RawPath != "" {
				t.Fatalf("%q is read as %q", raw, text)
			}
			if rest := strings.TrimSuffix(text, "/"); rest != "" && path.Clean(rest) != rest {
				t.Fatalf("%q is read as %q", raw, text)
			}
		}
	})
}
