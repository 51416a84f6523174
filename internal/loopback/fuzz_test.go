package loopback

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzHost: what never leaves this machine is an address of it or a name below
// localhost, and nothing that only looks like one.
func FuzzHost(f *testing.F) {
	f.Fuzz(func(t *testing.T, host string) {
		if !Host(host) {
			return
		}
		name := strings.ToLower(strings.TrimSuffix(host, "."))
		if name == "localhost" || strings.HasSuffix(name, ".localhost") {
			return
		}
		address, err := netip.ParseAddr(strings.Trim(name, "[]"))
		if err != nil || !address.Unmap().IsLoopback() {
			t.Fatalf("%q is %v, %v", host, address, err)
		}
	})
}
