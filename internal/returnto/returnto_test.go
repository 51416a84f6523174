package returnto

import (
	"net/url"
	"strings"
	"testing"
)

func TestLocal(t *testing.T) {
	for raw, want := range map[string]string{
		"/":                            "/",
		"/orders":                      "/orders",
		"/orders/7?tab=a&x=1#row":      "/orders/7?tab=a&x=1#row",
		"/a//b":                        "/a//b",
		"/%2f/evil.example":            "/%2f/evil.example",
		"/%5cevil.example":             "/%5cevil.example",
		"/?next=//evil.example":        "/?next=//evil.example",
		"/?next=https://evil.example/": "/?next=https://evil.example/",
		`/?q=\`:                        "/?q=%5C",
		"/#//evil.example":             "/#//evil.example",
		"/@evil.example":               "/@evil.example",
		"/:80":                         "/:80",
		"/a b":                         "/a%20b",
		"/über?ü=ß":                    "/%C3%BCber?%C3%BC=%C3%9F",
		"/...":                         "/...",
		"/.well-known/x":               "/.well-known/x",
		"/a;/b":                        "/a;/b",
		"/<script>":                    "/%3Cscript%3E",
	} {
		if got, ok := Local(raw); got != want || !ok {
			t.Errorf("Local(%q) = %q, %v, want %q", raw, got, ok, want)
		}
	}
}

func TestNotLocal(t *testing.T) {
	for _, raw := range []string{
		"", "orders", "?a=b", "#a", ".", "..",
		"//evil.example", "///evil.example", "////evil.example", "//evil.example/..",
		`/\evil.example`, `\\evil.example`, `\/evil.example`, `/\/evil.example`, `/a\b`, `//\evil.example`,
		"https://evil.example", "https:evil.example", "http:///evil.example", "HTTPS://evil.example",
		"javascript:alert(1)", "data:text/html,x", "mailto:a@b",
		"/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "\t//evil.example", "/\x00/evil.example",
		" //evil.example", " /", "\x01/", "/\x7f/evil.example", "/\x1f/x", "/a\r\nSet-Cookie: x=y", "/?a\n",
		"/.//evil.example", "/..//evil.example", "/x/..//evil.example", "/./\\evil.example", "/%2e//evil.example",
		"/%2E%2e//evil.example", "/.%2e//evil.example", "/a/./b", "/a/..",
		"/%zz", "/%", "/\xff", "/\xc0\xaf/evil.example",
		"/" + strings.Repeat("a", maxLength),
	} {
		if got, ok := Local(raw); ok {
			t.Errorf("Local(%q) = %q, want it refused", raw, got)
		}
	}
}

// FuzzLocal reads what Local accepts as a browser would, by an independent
// sketch of the WHATWG URL parser's way from a relative reference to an
// authority, and as net/url does.
func FuzzLocal(f *testing.F) {
	for _, seed := range []string{"/", "//e", `/\e`, "/\t/e", "/.//e", "/%2e//e", "/a?b#c", "/ü", "/x/..//e", "/%09/e"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://app.example/dir/page?q")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		local, ok := Local(raw)
		if !ok {
			return
		}
		if browserSeesAuthority(local) {
			t.Fatalf("Local(%q) = %q: a browser goes elsewhere", raw, local)
		}
		resolved, err := base.Parse(local)
		if err != nil || resolved.Host != base.Host || resolved.Scheme != base.Scheme || strings.HasPrefix(resolved.EscapedPath(), "//") {
			t.Fatalf("Local(%q) = %q resolves to %v, %v", raw, local, resolved, err)
		}
		for _, r := range local {
			if r <= ' ' || r > '~' {
				t.Fatalf("Local(%q) = %q holds %q", raw, local, r)
			}
		}
		if again, ok := Local(local); len(local) <= maxLength && (!ok || again != local) {
			t.Fatalf("Local(%q) = %q, %v: not stable", local, again, ok)
		}
	})
}

// browserSeesAuthority strips what browsers strip, and looks at what is left.
func browserSeesAuthority(reference string) bool {
	reference = strings.TrimFunc(reference, func(r rune) bool { return r <= ' ' })
	reference = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(reference)
	return !strings.HasPrefix(reference, "/") || strings.HasPrefix(reference, "//")
}
