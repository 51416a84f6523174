//go:build !unix

package interop

import (
	"net"
	"testing"
)

// Port returns a port of 127.0.0.1 that was free a moment ago.
func Port(t testing.TB) (address string) {
	t.Helper()
	address, err := hold(nil)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func hold(func(release func())) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
