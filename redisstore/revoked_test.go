package redisstore_test

import (
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// word is what a watcher hears, name by name; "" stands for any.
type word chan string

func (w word) pass(names []string) {
	if names == nil {
		w <- ""
	}
	for _, name := range names {
		w <- name
	}
}

// await returns when s has heard of a name, which is revoked; another one may have been
// heard of twice. Where the connection broke, or was made just now, nobody knows what was
// heard of.
func (w word) await(t testing.TB, s *redisstore.Store, name string) {
	t.Helper()
	for {
		switch <-w {
		case name:
			return
		case "":
			eventually(t, name+" is revoked", func() bool { return isRevoked(t, s, name) })
			return
		}
	}
}

// TestToldAndAskedAtOnce: many ask for a name at the very moment at which this
// process is told of it. From then on it is revoked for every one of them.
func TestToldAndAskedAtOnce(t *testing.T) {
	server := redistest.Start(t)
	revoker, s := open(t, redisstore.Config{URL: server.URL()}), open(t, redisstore.Config{URL: server.URL()})
	told := make(word, 10)
	defer s.Watch(told.pass)()
	for k := range 1000 {
		if isRevoked(t, s, name("s", k)) {
			t.Fatal("revoked too early")
		}
		revoke(t, revoker, name("s", k))
		told.await(t, s, name("s", k))
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
	s := open(t, redisstore.Config{URL: proxy.URL()})
	told := &ear{}
	defer s.Watch(told.hear)()
	revoke(t, open(t, redisstore.Config{URL: server.URL()}), "name")
	proxy.Silence(false)
	eventually(t, "anything may have changed", func() bool { return told.heardAny() > 0 })
	if !isRevoked(t, s, "name") {
		t.Error("not revoked")
	}
}
