package redisstore_test

import (
	"errors"
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
