package redisstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// ear counts what a watcher hears.
type ear struct {
	mu    sync.Mutex
	names []string
	any   int
}

func (e *ear) hear(names []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.names = append(e.names, names...)
	if names == nil {
		e.any++
	}
}

func (e *ear) heardAny() int { e.mu.Lock(); defer e.mu.Unlock(); return e.any }

func (e *ear) heard(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Contains(e.names, name)
}

func revoke(t testing.TB, s *redisstore.Store, name string) time.Time {
	t.Helper()
	before := time.Now().Truncate(time.Millisecond)
	if err := s.Revoke(t.Context(), name, before, before.Add(time.Hour)); err != nil {
		t.Fatalf("revoking %s: %v", name, err)
	}
	return before
}

func isRevoked(t testing.TB, s *redisstore.Store, name string) bool {
	before, err := s.Revoked(t.Context(), name)
	return err == nil && !before[0].IsZero()
}

// lose lets a server lose all that it was told, in various ways.
var lose = map[string]func(server *redistest.Server){
	"restarted":   func(server *redistest.Server) { server.Stop(); server.Restart() },
	"killed":      func(server *redistest.Server) { server.Kill(); server.Restart() },
	"flushed":     func(server *redistest.Server) { server.Do("FLUSHALL") },
	"flushed, db": func(server *redistest.Server) { server.Do("FLUSHDB") },
}

// TestRedisComesBackEmpty: who has heard of a revocation publishes it again,
// also those of a process that is no more.
func TestRedisComesBackEmpty(t *testing.T) {
	for name, lose := range lose {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			gone, here := open(t, redisstore.Config{URL: server.URL()}), open(t, redisstore.Config{URL: server.URL()})
			told := &ear{}
			defer here.Watch(told.hear)()
			if err := here.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := range 1000 {
				revoke(t, gone, fmt.Sprint("n", i))
			}
			revoke(t, here, "own")
			save(t, here, "session", nil, []byte("x"))
			if value, err := here.Load(t.Context(), "session"); string(value) != "x" || err != nil {
				t.Errorf("before: %q, %v", value, err)
			}
			eventually(t, "all are heard of", func() bool { return told.heard("n999") && told.heard("own") })
			eventually(t, "what was heard of is read", func() bool {
				for i := range 1000 {
					if !here.Knows(fmt.Sprint("n", i)) {
						return false
					}
				}
				return here.Knows("own")
			})
			if err := gone.Close(); err != nil {
				t.Fatal(err)
			}
			before := told.heardAny()
			lose(server)
			eventually(t, "the session is gone", func() bool {
				value, err := here.Load(t.Context(), "session")
				return value == nil && err == nil && told.heardAny() > before
			})
			fresh := open(t, redisstore.Config{URL: server.URL()})
			eventually(t, "all are revoked again", func() bool {
				for i := range 1000 {
					if !isRevoked(t, fresh, fmt.Sprint("n", i)) {
						return false
					}
				}
				return isRevoked(t, fresh, "own")
			})
			eventually(t, "ready again", func() bool { return here.Ready(t.Context()) == nil })
		})
	}
}

// TestRedisComesBackAsItWas keeps everything.
func TestRedisComesBackAsItWas(t *testing.T) {
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	s := open(t, redisstore.Config{URL: server.URL()})
	save(t, s, "session", nil, []byte("x"))
	before := revoke(t, s, "name")
	if _, err := s.Load(t.Context(), "session"); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	eventually(t, "away", func() bool {
		_, err := s.Load(t.Context(), "session")
		return errors.Is(err, redisstore.ErrUnavailable)
	})
	if err := s.Ready(t.Context()); !errors.Is(err, redisstore.ErrUnavailable) || strings.Contains(err.Error(), "\n") {
		t.Errorf("Ready: %v", err) // in one line of a log
	}
	server.Restart()
	eventually(t, "ready again", func() bool { return s.Ready(t.Context()) == nil })
	if value, err := s.Load(t.Context(), "session"); string(value) != "x" || err != nil {
		t.Errorf("%q, %v", value, err)
	}
	if at, err := s.Revoked(t.Context(), "name"); err != nil || at[0].UnixMilli() != before.UnixMilli() {
		t.Errorf("%v, %v", at, err)
	}
}

// TestCutConnections: what was cached on a connection is gone with it, and
// nobody notices otherwise.
func TestCutConnections(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	behind, direct := open(t, redisstore.Config{URL: proxy.URL()}), open(t, redisstore.Config{URL: server.URL()})
	told := &ear{}
	defer behind.Watch(told.hear)()
	kept := []byte("0")
	save(t, direct, "a", nil, kept)
	for i := range 30 {
		if value, err := behind.Load(t.Context(), "a"); string(value) != string(kept) || err != nil {
			t.Fatalf("cut %d: %q, %v, want %q", i, value, err, kept)
		}
		if isRevoked(t, behind, fmt.Sprint("n", i)) {
			t.Fatalf("cut %d: revoked too early", i)
		}
		if i%2 == 0 {
			proxy.Cut()
		} else {
			server.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		}
		next := fmt.Append(nil, i+1)
		eventually(t, "saved", func() bool {
			saved, err := direct.Save(t.Context(), "a", kept, next, time.Now().Add(time.Hour))
			return saved && err == nil
		})
		kept = next
		revoke(t, direct, fmt.Sprint("n", i))
		eventually(t, "the change arrives", func() bool {
			value, err := behind.Load(t.Context(), "a")
			return err == nil && string(value) == string(kept) && isRevoked(t, behind, fmt.Sprint("n", i))
		})
	}
	if told.heardAny() < 10 {
		t.Error("nobody heard that anything may have changed")
	}
}

// TestSilence: packets are dropped, and no connection ends. Nothing is believed
// for long, and everybody gets an answer.
func TestSilence(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	s := open(t, redisstore.Config{URL: proxy.URL(), Timeout: 2 * time.Second})
	save(t, s, "a", nil, []byte("x"))
	if _, err := s.Load(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	proxy.Silence(true)
	if _, err := s.Save(t.Context(), "b", nil, []byte("x"), time.Now().Add(time.Hour)); !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("Save: %v", err)
	}
	eventually(t, "what was cached isn't believed", func() bool {
		_, err := s.Load(t.Context(), "a")
		return errors.Is(err, redisstore.ErrUnavailable)
	})
	proxy.Silence(false)
	eventually(t, "back", func() bool {
		value, err := s.Load(t.Context(), "a")
		return string(value) == "x" && err == nil
	})
}

// TestSlowRedis works, slowly.
func TestSlowRedis(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	proxy.Delay(100 * time.Millisecond)
	s := open(t, redisstore.Config{URL: proxy.URL()})
	save(t, s, "a", nil, []byte("x"))
	for range 100 { // only the first takes a round trip
		if value, err := s.Load(t.Context(), "a"); string(value) != "x" || err != nil {
			t.Fatalf("%q, %v", value, err)
		}
	}
	revoke(t, s, "b")
	if !isRevoked(t, s, "b") {
		t.Error("not revoked")
	}
}
