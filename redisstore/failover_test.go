package redisstore_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// TestAnotherTakesItsPlace: a server that still answers, and takes no changes any
// more, is left for the one that is there now.
func TestAnotherTakesItsPlace(t *testing.T) {
	old, next := redistest.Start(t), redistest.Start(t)
	proxy := redistest.NewProxy(t, old.Addr())
	s := open(t, redisstore.Config{URL: proxy.URL()})
	revoke(t, s, "name")
	save(t, s, "session", nil, []byte("x"))
	eventually(t, "ready", func() bool { return s.Ready(t.Context()) == nil })
	old.Do("REPLICAOF", "127.0.0.1", "1")
	if err := s.Delete(t.Context(), "session"); !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("deleted where nothing can be: %v", err)
	}
	if err := s.Ready(t.Context()); !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("Ready: %v", err)
	}
	proxy.Lead(next.Addr())
	eventually(t, "it takes changes", func() bool {
		saved, err := s.Save(t.Context(), "session", nil, []byte("y"), time.Now().Add(time.Hour))
		return saved && err == nil
	})
	eventually(t, "ready", func() bool { return s.Ready(t.Context()) == nil })
	fresh := open(t, redisstore.Config{URL: next.URL()})
	if !isRevoked(t, fresh, "name") {
		t.Error("the next one doesn't know what was revoked")
	}
}

// TestOneServerForAll: while some connections still lead to the server before and
// others to the one that took its place, neither is asked. A store that is ready
// keeps its sessions where it published what was revoked.
func TestOneServerForAll(t *testing.T) {
	for name, demote := range map[string]bool{"takes no changes any more": true, "was told nothing": false} {
		t.Run("the one before "+name, func(t *testing.T) {
			old, next := redistest.Start(t), redistest.Start(t)
			proxy := redistest.NewProxy(t, old.Addr())
			s := open(t, redisstore.Config{URL: proxy.URL()})
			revoke(t, s, "name")
			if demote {
				old.Do("REPLICAOF", "127.0.0.1", "1")
			}
			sessions := 0
			inOnePlace := func() bool {
				id := "session" + strconv.Itoa(sessions)
				sessions++
				if s.Ready(t.Context()) != nil {
					return false
				}
				if saved, err := s.Save(t.Context(), id, nil, []byte("x"), time.Now().Add(time.Hour)); !saved || err != nil {
					return false
				}
				for _, server := range []*redistest.Server{old, next} {
					if has(server, "s:{"+id+"}") && !has(server, "v:{name}") {
						t.Fatal("it is ready, and what was revoked is elsewhere")
					}
				}
				return true
			}
			for range 3 { // whichever connects first
				for _, turn := range [][]string{{old.Addr(), next.Addr()}, {next.Addr(), old.Addr()}} {
					proxy.Lead(turn...)
					proxy.Cut()
					for range 20 {
						inOnePlace()
						time.Sleep(5 * time.Millisecond)
					}
				}
			}
			proxy.Lead(next.Addr())
			proxy.Cut()
			eventually(t, "ready, at the one that is there now", inOnePlace)
			if !has(next, "v:{name}") {
				t.Error("it doesn't know what was revoked")
			}
		})
	}
}

func has(server *redistest.Server, key string) bool {
	return server.Do("EXISTS", "gatehouse:"+key) == "1"
}

// TestFullRedis: what is there is served, readiness says so, and all is well when
// there is room again.
func TestFullRedis(t *testing.T) {
	server := redistest.Start(t, "--maxmemory-policy", "noeviction")
	s := open(t, redisstore.Config{URL: server.URL()})
	save(t, s, "session", nil, []byte("x"))
	server.Do("CONFIG", "SET", "maxmemory", "1")
	if err := s.Ready(t.Context()); !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("Ready: %v", err)
	}
	if err := s.Revoke(t.Context(), "name", time.Now(), time.Now().Add(time.Hour)); !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("Revoke: %v", err)
	}
	if _, err := s.Save(t.Context(), "session", []byte("x"), []byte("y"), time.Now().Add(time.Hour)); !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("Save: %v", err)
	}
	if value, err := s.Load(t.Context(), "session"); string(value) != "x" || err != nil {
		t.Errorf("%q, %v", value, err)
	}
	if !isRevoked(t, s, "name") {
		t.Error("this process doesn't obey")
	}
	server.Do("CONFIG", "SET", "maxmemory", "0")
	save(t, s, "session", []byte("x"), []byte("y"))
	if err := s.Delete(t.Context(), "session"); err != nil {
		t.Error(err)
	}
}
