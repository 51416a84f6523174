package replicas

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
	"github.com/gatehouse-go/gatehouse/refresh"
	"github.com/gatehouse-go/gatehouse/storetest"
)

// one value is all of it.
var (
	_ gatehouse.Store       = (*redisstore.Store)(nil)
	_ gatehouse.Revocations = (*redisstore.Store)(nil)
	_ gatehouse.Directory   = (*redisstore.Store)(nil)
	_ gatehouse.Watcher     = (*redisstore.Store)(nil)
	_ refresh.Coordinator   = (*redisstore.Store)(nil)
)

// busy is how long a machine that has much else to do may let a process stand still, and
// Redis be silent, without that being what a test is about.
const busy = 30 * time.Second

func open(t testing.TB, url string) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(redisstore.Config{URL: url, Timeout: busy, Lease: busy})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// two stores on one empty server, each with connections of its own.
func two(t testing.TB) (here, there *redisstore.Store) {
	t.Helper()
	server := redistest.Start(t)
	return open(t, server.URL()), open(t, server.URL())
}

func TestConformance(t *testing.T) {
	t.Run("sessions", func(t *testing.T) {
		storetest.Store(t, func(t testing.TB) (storetest.Sessions, storetest.Sessions) { return two(t) })
	})
	t.Run("revocations", func(t *testing.T) {
		storetest.Revocations(t, func(t testing.TB) (storetest.Denials, storetest.Denials) { return two(t) })
	})
	t.Run("directory", func(t *testing.T) {
		storetest.Directory(t, func(t testing.TB) (storetest.Lists, storetest.Lists) { return two(t) })
	})
	t.Run("coordinator", func(t *testing.T) {
		storetest.Coordinator(t, func(t testing.TB) (storetest.Renewals, storetest.Renewals) { return two(t) })
	})
}
