// Package outbound makes the transports of calls to other servers.
package outbound

import "net/http"

// Transport returns a transport like [http.DefaultTransport], with connections of its
// own, changed as told. Where somebody has replaced that, what they want is what they
// get.
func Transport(change func(*http.Transport)) http.RoundTripper {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	transport = transport.Clone()
	change(transport)
	return transport
}
