package useragent

import (
	"slices"
	"strings"
	"testing"
)

// FuzzDescribe: whatever a client calls itself, only our own words come of it.
func FuzzDescribe(f *testing.F) {
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
