package useragent

import (
	"slices"
	"strings"
	"testing"
)

// FuzzDescribe: whatever a client calls itself, only our own words come of it.
func FuzzDescribe(f *testing.F) {
	for _, seed := range []string{
		"", "Firefox/1 Windows", "<script>Chrome/</script>", "Edg/\r\nSet-Cookie: a=b", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36",
		"\xff\x00curl/", strings.Repeat("Android", 1000), " on ",
	} {
		f.Add(seed)
	}
	known := func(labels []label, text string) bool {
		return slices.ContainsFunc(labels, func(l label) bool { return l.name == text })
	}
	f.Fuzz(func(t *testing.T, header string) {
		described := Describe(header)
		browser, system, both := strings.Cut(described, " on ")
		if both && known(browsers, browser) && known(systems, system) || described == "" || known(browsers, described) || known(systems, described) {
			return
		}
		t.Fatalf("Describe(%q) = %q", header, described)
	})
}
