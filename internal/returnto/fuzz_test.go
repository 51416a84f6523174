package returnto

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
)

// FuzzLocal reads what Local accepts as net/url does, as a browser does, and as
// what http.Redirect makes of it: each time it has to be the same path of the
// same origin.
func FuzzLocal(f *testing.F) {
	base, err := url.Parse("https://app.example/dir/page?q#f")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		local, ok := Local(raw)
		if !ok {
			return
		}
		if strings.ContainsFunc(local, func(r rune) bool { return r <= ' ' || r > '~' }) || len(local) > maxLength {
			t.Fatalf("Local(%q) = %q", raw, local)
		}
		if again, ok := Local(local); !ok || again != local {
			t.Fatalf("Local(%q) = %q, %v: not stable", local, again, ok)
		}
		resolved, err := base.Parse(local)
		if err != nil || resolved.Host != base.Host || resolved.Scheme != base.Scheme || resolved.User != nil {
			t.Fatalf("Local(%q) = %q resolves to %v, %v", raw, local, resolved, err)
		}
		if cleaned := path.Clean(resolved.Path); strings.HasPrefix(cleaned, "//") {
			t.Fatalf("Local(%q) = %q is cleaned to %q", raw, local, cleaned)
		}
		want, _, _ := strings.Cut(local, "#")
		want, _, _ = strings.Cut(want, "?")
		if got, here := browse(local); !here || got != want {
			t.Fatalf("Local(%q) = %q: a browser goes to %q, on this host: %v", raw, local, got, here)
		}
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest(http.MethodGet, "/dir/page", nil), local, http.StatusFound)
		if location := w.Header().Get("Location"); !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") {
			t.Fatalf("Local(%q) = %q: http.Redirect sends to %q", raw, local, location)
		}
		if got, here := browse(w.Header().Get("Location")); !here || strings.HasPrefix(got, "//") {
			t.Fatalf("Local(%q) = %q: http.Redirect sends a browser to %q", raw, local, got)
		}
	})
}

// TestBrowse makes sure that the fuzzing's browser would notice.
func TestBrowse(t *testing.T) {
	for reference, want := range map[string]string{
		"/a?b#c": "/a", "x": "/dir/x", "": "/dir/", "/a/./b/../c": "/a/c", "/a/..": "/", "/.//e": "//e", "/%2E%2e//e": "//e", `/a\b`: "/a/b",
		"//e": "", `/\e`: "", `\\e`: "", "/\t/e": "", " //e": "", "\x00//e": "", "https://e": "", "https:e": "", "java\nscript:x": "",
	} {
		if got, here := browse(reference); got != want || here != (want != "") {
			t.Errorf("browse(%q) = %q, %v, want %q", reference, got, here, want)
		}
	}
}

// browse is the basic URL parser of WHATWG URL §4.4 for a reference on a page
// of https://app.example/dir/: the path it leads to, and whether it stays on
// that host. A reference with a scheme counts as leaving.
func browse(reference string) (string, bool) {
	reference = strings.TrimFunc(reference, func(r rune) bool { return r <= ' ' })
	reference = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(reference)
	if hasScheme(reference) {
		return "", false
	}
	reference, _, _ = strings.Cut(reference, "#")
	reference, _, _ = strings.Cut(reference, "?")
	reference = strings.ReplaceAll(reference, `\`, "/") // https is special: §4.4, relative and path state
	if strings.HasPrefix(reference, "//") {
		return "", false // relative slash state
	}
	var segments []string
	rest, absolute := strings.CutPrefix(reference, "/")
	if !absolute {
		segments = []string{"dir"}
	}
	for more := true; more; { // path state
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		switch strings.ToLower(segment) {
		case "..", ".%2e", "%2e.", "%2e%2e":
			segments = segments[:max(len(segments)-1, 0)]
		case ".", "%2e":
		default:
			segments = append(segments, segment)
			continue
		}
		if !more {
			segments = append(segments, "")
		}
	}
	return "/" + strings.Join(segments, "/"), true
}

// hasScheme is the scheme start state and the scheme state.
func hasScheme(reference string) bool {
	scheme, _, found := strings.Cut(reference, ":")
	if !found || scheme == "" {
		return false
	}
	for i, c := range strings.ToLower(scheme) {
		switch {
		case 'a' <= c && c <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || strings.ContainsRune("+-.", c)):
		default:
			return false
		}
	}
	return true
}
