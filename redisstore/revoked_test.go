package redisstore_test

import (
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// TestToldAndAskedAtOnce: many ask for a name at the very moment at which this
// process is told of it. From then on it is revoked for every one of them.
func TestToldAndAskedAtOnce(t *testing.T) {
	server := redistest.Start(t)
	revoker, s := open(t, redisstore.Config{URL: server.URL()}), open(t, redisstore.Config{URL: server.URL()})
	told := make(chan string, 10)
	defer s.Watch(func(names []string) {
		for _, name := range names {
			told <- name
		}
	})()
	for k := range 1000 {
		if isRevoked(t, s, name("s", k)) {
			t.Fatal("revoked too early")
		}
		revoke(t, revoker, name("s", k))
		for <-told != name("s", k) { // may be told twice of an earlier one
			continue
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 5 {
					if before, err := s.Revoked(t.Context(), name("s", k)); before[0].IsZero() || err != nil {
						t.Errorf("%d: told, and not obeyed: %v", k, err)
					}
				}
			})
		}
		all.Wait()
	}
}

// TestWatchedBeforeRedisIsThere: what was revoked before the first connection
// can't be told by name.
func TestWatchedBeforeRedisIsThere(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	proxy.Silence(true)
	s := open(t, redisstore.Config{URL: proxy.URL(), Timeout: 200 * time.Millisecond})
	told := &ear{}
	defer s.Watch(told.hear)()
	revoke(t, open(t, redisstore.Config{URL: server.URL()}), "name")
	proxy.Silence(false)
	eventually(t, "anything may have changed", func() bool { return told.heardAny() > 0 })
	if !isRevoked(t, s, "name") {
		t.Error("not revoked")
	}
}
