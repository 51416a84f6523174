package redisstore

import (
	"net"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// TestAnotherConnection: a client makes one before it says that the last one broke, and
// what is at its other end may have forgotten every lease. Nobody who asks on it leads
// before that is known.
func TestAnotherConnection(t *testing.T) {
	server := redistest.Start(t)
	s, err := New(Config{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, breaks := s.link.mayLead()
	conn, err := s.link.option.DialCtxFn(t.Context(), server.Addr(), &net.Dialer{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if s.link.isSteady(breaks) {
		t.Error("a lease that was asked for before is taken at its word")
	}
	for range 1000 { // it is looked into
		if free, _ := s.link.mayLead(); free {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("nobody leads any more")
}
