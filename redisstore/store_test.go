package redisstore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// open opens a store that is closed with the test. A machine that is busy takes longer
// than people wait.
func open(t testing.TB, config redisstore.Config) *redisstore.Store {
	t.Helper()
	config.Timeout = cmp.Or(config.Timeout, 30*time.Second)
	s, err := redisstore.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Close()
		showsNoSecret(t, "a store", s)
	})
	return s
}

// eventually waits for what another process or a server has to do first, as long as
// that takes on a machine that is busy.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func save(t testing.TB, s *redisstore.Store, id string, previous, value []byte) {
	t.Helper()
	if saved, err := s.Save(t.Context(), id, previous, value, time.Now().Add(time.Hour)); !saved || err != nil {
		t.Fatalf("saving %s: %v, %v", id, saved, err)
	}
}

// TestReadsOwnWrites: nothing that was cached outlives a change by this process.
func TestReadsOwnWrites(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL()})
	var kept []byte
	for i := range 2000 {
		value := fmt.Append(nil, "value ", i)
		save(t, s, "a", kept, value)
		if got, err := s.Load(t.Context(), "a"); string(got) != string(value) || err != nil {
			t.Fatalf("change %d: %q, %v", i, got, err)
		}
		kept = value
		if i%10 == 0 {
			if err := s.Delete(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Load(t.Context(), "a"); got != nil || err != nil {
				t.Fatalf("deletion %d: %q, %v", i, got, err)
			}
			kept = nil
		}
	}
}

// TestSteadyState counts commands: what was read once costs none, there or not.
func TestSteadyState(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL()})
	told := &ear{}
	defer s.Watch(told.hear)()
	save(t, s, "here", nil, make([]byte, 2000))
	if err := s.Revoke(t.Context(), "revoked", time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	request := func() {
		for id, want := range map[string]int{"here": 2000, "gone": 0} {
			if value, err := s.Load(t.Context(), id); len(value) != want || err != nil {
				t.Fatalf("%s: %d bytes, %v", id, len(value), err)
			}
		}
		before, err := s.Revoked(t.Context(), "revoked", "free", "another")
		if err != nil || before[0].IsZero() || !before[1].IsZero() || !before[2].IsZero() {
			t.Fatalf("%v, %v", before, err)
		}
	}
	eventually(t, "what was revoked is told and read here, too", func() bool {
		before := server.Commands()
		request()
		return told.heard("revoked") && maps.Equal(server.Commands(), before)
	})
	first := server.Commands()
	for range 1000 {
		request()
	}
	for name, calls := range server.Commands() {
		if calls != first[name] {
			t.Errorf("%s was called %d times, and %d before", name, calls, first[name])
		}
	}
}

func TestUnreachable(t *testing.T) {
	server := redistest.Start(t)
	server.Stop()
	s := open(t, redisstore.Config{URL: server.URL()})
	for name, do := range map[string]func() error{
		"Load": func() error { _, err := s.Load(t.Context(), "a"); return err },
		"Save": func() error {
			_, err := s.Save(t.Context(), "a", nil, []byte("x"), time.Now().Add(time.Hour))
			return err
		},
		"Delete":  func() error { return s.Delete(t.Context(), "a") },
		"Revoke":  func() error { return s.Revoke(t.Context(), "a", time.Now(), time.Now().Add(time.Hour)) },
		"Revoked": func() error { _, err := s.Revoked(t.Context(), "b"); return err },
		"Enter":   func() error { return s.Enter(t.Context(), "a", "b", nil, time.Now().Add(time.Hour)) },
		"List":    func() error { _, err := s.List(t.Context(), "a"); return err },
		"Leave":   func() error { return s.Leave(t.Context(), "a", "b") },
		"Join":    func() error { _, _, err := s.Join(t.Context(), "a"); return err },
		"Shorten": func() error { return s.Shorten(t.Context(), "a", time.Now()) },
		"Forget":  func() error { return s.Forget(t.Context(), "a") },
		"Ready":   func() error { return s.Ready(t.Context()) },
	} {
		if err := do(); !errors.Is(err, redisstore.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if before, _ := s.Revoked(t.Context(), "a"); before[0].IsZero() {
		t.Error("what this process revoked itself it obeys only with Redis")
	}
	server.Restart()
	eventually(t, "ready", func() bool { return s.Ready(t.Context()) == nil })
	other := open(t, redisstore.Config{URL: server.URL()})
	if before, err := other.Revoked(t.Context(), "a"); err != nil || before[0].IsZero() {
		t.Errorf("what was revoked while Redis was away isn't published: %v, %v", before, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Load(context.Background(), "a"); err != redisstore.ErrClosed {
		t.Errorf("closed: %v", err)
	}
}
