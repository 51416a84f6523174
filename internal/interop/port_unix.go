//go:build unix

package interop

import (
	"net"
	"strconv"
	"syscall"
	"testing"
)

// Port returns a port of 127.0.0.1 that is the test's until it ends: nobody gets it who
// asks for any, and whoever is told of it may listen there, again and again. It is bound
// to, without listening.
func Port(t testing.TB) (address string) {
	t.Helper()
	address, err := hold(func(release func()) { t.Cleanup(release) })
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// hold is Port, for as long as keep wants.
func hold(keep func(release func())) (address string, err error) {
	syscall.ForkLock.RLock()
	held, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(held)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return "", err
	}
	keep(func() { _ = syscall.Close(held) })
	if err := syscall.SetsockoptInt(held, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return "", err
	}
	if err := syscall.Bind(held, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", err
	}
	name, err := syscall.Getsockname(held)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port)), nil
}
