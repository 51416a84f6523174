// Package loopback says which hosts never leave this machine.
package loopback

import (
	"net/netip"
	"strings"
)

// Host reports whether host, without a port, is a loopback address or a
// localhost name (RFC 6761 §6.3). Browsers treat exactly these as trustworthy
// over plain http.
func Host(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}
