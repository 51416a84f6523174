package redisstore_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// name is as long as those that are used: a letter and 24 bytes in base64url.
func name(kind string, i int) string { return fmt.Sprintf("%s%032d", kind, i) }

// memory is what Redis has allocated.
func memory(t testing.TB, server *redistest.Server) int {
	t.Helper()
	for line := range strings.SplitSeq(server.Do("INFO", "memory"), "\r\n") {
		if text, ok := strings.CutPrefix(line, "used_memory:"); ok {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no used_memory")
	return 0
}

// together runs do for 0 to n-1, a few at the same time.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	for worker := range 32 {
		all.Go(func() {
			for i := worker; i < n; i += 32 {
				do(i)
			}
		})
	}
	all.Wait()
}

// TestFootprint says what one of each takes Redis, and holds it to that.
func TestFootprint(t *testing.T) {
	const n = 10_000
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL()})
	reader := open(t, redisstore.Config{URL: server.URL()})
	later := time.Now().Add(time.Hour)
	save(t, s, "first", nil, []byte("x")) // connections and scripts are there
	if err := reader.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		most int // bytes
		do   func(i int) error
	}{
		{"session of 2000 bytes", 2700, func(i int) error {
			_, err := s.Save(t.Context(), name("s", i), nil, make([]byte, 2000), later)
			return err
		}},
		{"session that a process has read", 250, func(i int) error { _, err := reader.Load(t.Context(), name("s", i)); return err }},
		{"revocation", 350, func(i int) error { return s.Revoke(t.Context(), name("s", i), time.Now(), later) }},
		{"name that was asked for in vain", 50, func(i int) error { _, err := reader.Revoked(t.Context(), name("u", i)); return err }},
		{"person with one entry of 200 bytes", 900, func(i int) error {
			return s.Enter(t.Context(), name("u", i), name("s", i), make([]byte, 200), later)
		}},
		{"renewal's result of 2000 bytes", 3000, func(i int) error {
			_, finish, err := s.Join(t.Context(), name("r", i))
			if err == nil {
				err = finish(t.Context(), make([]byte, 2000), name("r", n+i), later)
			}
			return err
		}},
	} {
		before := memory(t, server)
		together(n, func(i int) {
			if err := c.do(i); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		})
		each := (memory(t, server) - before) / n
		t.Logf("%-36s %5d bytes", c.name, each)
		if each > c.most {
			t.Errorf("a %s takes %d bytes, at most %d", c.name, each, c.most)
		}
	}
}

// TestCommands says what each operation has Redis do, the commands of scripts
// included.
func TestCommands(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(), Lease: time.Hour}) // keeping one that use leaves takes commands, too
	later := time.Now().Add(time.Hour)
	told := &ear{}
	defer s.Watch(told.hear)()
	use(t, s) // scripts are loaded
	eventually(t, "what was revoked is told and read here, too", func() bool {
		before := server.Commands()
		return isRevoked(t, s, "n") && told.heard("n") && maps.Equal(server.Commands(), before)
	})
	for _, c := range []struct {
		name string
		want string
		do   func() error
	}{
		{"Load, first", "client|caching exec get multi pttl", func() error { _, err := s.Load(t.Context(), "b"); return err }},
		{"Load, again", "", func() error { _, err := s.Load(t.Context(), "b"); return err }},
		{"Save", "evalsha exists get set", func() error { _, err := s.Save(t.Context(), "b", nil, []byte("x"), later); return err }},
		{"Revoked, first", "get", func() error { _, err := s.Revoked(t.Context(), "x"); return err }},
		{"Revoked, again", "", func() error { _, err := s.Revoked(t.Context(), "x"); return err }},
		{"Enter", "evalsha hgetall hset pexpire", func() error { return s.Enter(t.Context(), "b", "1", []byte("x"), later) }},
		{"List", "hgetall", func() error { _, err := s.List(t.Context(), "b"); return err }},
		{"Delete", "del exists", func() error { return s.Delete(t.Context(), "b") }},
		{"Join, result there", "evalsha get", func() error { _, _, err := s.Join(t.Context(), "r1"); return err }},
		{"Shorten, nothing there", "get", func() error { return s.Shorten(t.Context(), "r9", later) }},
		{"Shorten", "get pexpire pexpire", func() error { return s.Shorten(t.Context(), "r2", time.Now().Add(30*time.Second)) }},
	} {
		before := server.Commands()
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var ran []string
		for name, calls := range server.Commands() {
			for range calls - before[name] {
				ran = append(ran, name)
			}
		}
		slices.Sort(ran)
		t.Logf("%-24s %s", c.name, strings.Join(ran, " "))
		if got := strings.Join(ran, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestPropagation says how long others go on after a revocation, from the call
// to Revoke on. They are asked all the time, and are told besides.
func TestPropagation(t *testing.T) {
	const n = 500
	server := redistest.Start(t)
	revoker := open(t, redisstore.Config{URL: server.URL()})
	others := make([]*redisstore.Store, 3)
	told := make([]word, len(others))
	for i := range others {
		others[i], told[i] = open(t, redisstore.Config{URL: server.URL()}), make(word, n)
		defer others[i].Watch(told[i].pass)()
		for k := range n { // the answer that nobody is revoked is cached
			if isRevoked(t, others[i], name("s", k)) {
				t.Fatal("revoked too early")
			}
		}
	}
	var took []time.Duration
	for k := range n {
		began := time.Now()
		revoke(t, revoker, name("s", k))
		for i := range others {
			told[i].await(t, others[i], name("s", k))
			if !isRevoked(t, others[i], name("s", k)) {
				t.Errorf("process %d was told, and doesn't obey", i)
			}
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	t.Logf("%d revocations, %d processes: p50 %v, p99 %v, longest %v", n, len(others),
		took[len(took)/2].Round(time.Microsecond), took[len(took)*99/100].Round(time.Microsecond), took[len(took)-1].Round(time.Microsecond))
}
