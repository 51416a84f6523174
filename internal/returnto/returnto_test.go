package returnto

import (
	"strings"
	"testing"
)

func TestLocal(t *testing.T) {
	for raw, want := range map[string]string{
		"/":                                    "/",
		"/orders":                              "/orders",
		"/orders/":                             "/orders/",
		"/orders/7?tab=a&x=1#row":              "/orders/7?tab=a&x=1#row",
		"/?":                                   "/?",
		"/#":                                   "/#",
		"/a//b":                                "/a//b",
		"/a///":                                "/a///",
		"/%2f/evil.example":                    "/%2f/evil.example",
		"/%2F%2Fevil.example":                  "/%2F%2Fevil.example",
		"/%5cevil.example":                     "/%5cevil.example",
		"/%09/evil.example":                    "/%09/evil.example",
		"/%0d%0aSet-Cookie:x":                  "/%0d%0aSet-Cookie:x",
		"/%00":                                 "/%00",
		"/%252e%252e//evil.example":            "/%252e%252e//evil.example",
		"/..%2f/evil.example":                  "/..%2f/evil.example",
		"/%2e%2e%5cevil.example":               "/%2e%2e%5cevil.example",
		"/?next=//evil.example":                "/?next=//evil.example",
		"/?next=https://evil.example/":         "/?next=https://evil.example/",
		"/?../..//evil.example":                "/?../..//evil.example",
		`/?q=\`:                                "/?q=%5C",
		`/#\\evil.example`:                     "/#%5C%5Cevil.example",
		"/?a=%zz":                              "/?a=%zz",
		"/?a#b?c#d":                            "/?a#b?c#d",
		"/#//evil.example":                     "/#//evil.example",
		"/#/../..//evil.example":               "/#/../..//evil.example",
		"/@evil.example":                       "/@evil.example",
		"/user:pw@evil.example":                "/user:pw@evil.example",
		"/:80":                                 "/:80",
		"/https://evil.example":                "/https://evil.example",
		"/javascript:alert(1)":                 "/javascript:alert(1)",
		"/[::1]":                               "/[::1]",
		"/a b":                                 "/a%20b",
		"/?a b#c d":                            "/?a%20b#c%20d",
		"/über?ü=ß#ö":                          "/%C3%BCber?%C3%BC=%C3%9F#%C3%B6",
		"/／evil.example":                       "/%EF%BC%8Fevil.example", // FULLWIDTH SOLIDUS
		"/＼evil.example":                       "/%EF%BC%BCevil.example",
		"/。。/evil":                             "/%E3%80%82%E3%80%82/evil",
		"/\u2028/\u202egnp.exe":                "/%E2%80%A8/%E2%80%AEgnp.exe",
		"/\u0085/\u00a0":                       "/%C2%85/%C2%A0",
		"/\ufeff/x":                            "/%EF%BB%BF/x",
		"/...":                                 "/...",
		"/.../x":                               "/.../x",
		"/.well-known/x":                       "/.well-known/x",
		"/..;/x":                               "/..;/x",
		"/a;/b":                                "/a;/b",
		"/;//evil.example":                     "/;//evil.example",
		"/<script>":                            "/%3Cscript%3E",
		`/"onmouseover="x`:                     "/%22onmouseover=%22x",
		"/it's?it's":                           "/it's?it's",
		"/{id}^`|":                             "/%7Bid%7D%5E%60%7C",
		"/" + strings.Repeat("a", maxLength-1): "/" + strings.Repeat("a", maxLength-1),
	} {
		if got, ok := Local(raw); got != want || !ok {
			t.Errorf("Local(%q) = %q, %v, want %q", raw, got, ok, want)
		}
	}
}

func TestNotLocal(t *testing.T) {
	for _, raw := range []string{
		"", "orders", "orders/7", "?a=b", "#a", ".", "..", "./", "../", "@evil.example", ":80", ";/", "%2f", "%2fevil.example",
		"／evil.example", "／／evil.example",
		// Authorities.
		"//", "//evil.example", "///evil.example", "////evil.example", "//evil.example/..", "//user@evil.example", "//evil.example:80",
		"//app.example/", "//[::1]/", "//?a", "//#a",
		`\`, `\evil.example`, `/\`, `/\evil.example`, `\\evil.example`, `\/evil.example`, `/\/evil.example`, `/a\b`, `/a/\evil.example`, `//\evil.example`,
		// Schemes.
		"https://evil.example", "https:evil.example", "https:/evil.example", "http:///evil.example", "HTTPS://evil.example", `https:\\evil.example`,
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "mailto:a@b", "blob:x", "file:///etc/passwd", "about:blank",
		"view-source:/", "x:/", "javascript://%0aalert(1)",
		// What browsers drop, within and at the ends.
		"/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "/\r\n/evil.example", "\t//evil.example", "/\t\\evil.example", "/x\t", "/?\t", "/#\n",
		"/\x00/evil.example", "/\x00", "\x00/", "\x01/", "/\x0b/x", "/\x0c/x", "/\x1b/x", "/\x1f/x", "/\x7f/evil.example", "/?\x7f", "/#\x00",
		" /", " //evil.example", "/ ", "/a ", "/?a ", "/#a ", "\u00a0/", "\ufeff/", "/a\r\nSet-Cookie: x=y", "/?a\n",
		// Dot segments.
		"/.", "/..", "/./", "/../", "/a/.", "/a/..", "/a/./b", "/a/../b", "/.//evil.example", "/..//evil.example", "/x/..//evil.example",
		"/./\\evil.example", "/%2e", "/%2e%2E", "/%2e//evil.example", "/%2E%2e//evil.example", "/.%2e//evil.example", "/%2e.//evil.example",
		"/a/b/../..//evil.example", "/.//.//evil.example", "/..?a", "/.#a",
		// What doesn't parse.
		"/%zz", "/%", "/%2", "/#%zz", "/\xff", "/\xc0\xaf/evil.example", "/\xed\xa0\x80", "/?\xff", "/#\xff",
		// Too long, before or after escaping.
		"/" + strings.Repeat("a", maxLength),
		"/" + strings.Repeat(" ", maxLength/2) + "a",
	} {
		if got, ok := Local(raw); ok || got != "" {
			t.Errorf("Local(%.80q) = %.80q, %v, want it refused", raw, got, ok)
		}
	}
}
