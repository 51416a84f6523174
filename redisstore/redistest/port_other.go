//go:build !unix

package redistest

import (
	"net"
	"testing"
)

// Port returns a port of 127.0.0.1 that was free a moment ago.
func Port(t testing.TB) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
