package origin

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzOf: however an address of http or https is spelt, its origin reads back as the same origin, of
// the same host and port, and holds nothing else of the address.
func FuzzOf(f *testing.F) {
	f.Fuzz(func(t *testing.T, address string) {
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" || !strings.EqualFold(u.Scheme, "https") && !strings.EqualFold(u.Scheme, "http") {
			return
		}
		its := Of(u)
		again, err := url.Parse(its)
		if err != nil || Of(again) != its {
			t.Fatalf("%q is of %q: %v", address, its, err)
		}
		if again.User != nil || again.Path != "" || again.RawQuery != "" || again.Fragment != "" || !strings.EqualFold(again.Hostname(), strings.ToLower(u.Hostname())) {
			t.Fatalf("%q is of %q", address, its)
		}
		port := func(u *url.URL) string {
			if port := u.Port(); port != "" {
				return port
			}
			return map[string]string{"https": "443", "http": "80"}[strings.ToLower(u.Scheme)]
		}
		if port(again) != port(u) || again.Scheme != strings.ToLower(u.Scheme) {
			t.Fatalf("%q is of %q", address, its)
		}
	})
}
