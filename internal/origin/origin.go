// Package origin writes origins in the one way in which they can be compared.
package origin

import (
	"net"
	"net/url"
	"strings"
)

// Of returns the origin of an address as browsers serialise it (RFC 6454 §6.2):
// scheme and host in lower case, and the port unless it is the scheme's own. It
// reads back as the same origin, also where the host is an address with a zone (RFC
// 6874 §2).
func Of(u *url.URL) string {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if strings.ContainsAny(host, "% ") {
		host = strings.NewReplacer("%", "%25", " ", "%20").Replace(host)
	}
	if port == "" || port == "443" && scheme == "https" || port == "80" && scheme == "http" {
		if strings.Contains(host, ":") { // an IPv6 address
			host = "[" + host + "]"
		}
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
