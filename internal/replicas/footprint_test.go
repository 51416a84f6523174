package replicas

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// quiet repeats what is to cost Redis nothing, until it doesn't, several times in a row:
// until then something was still told in the background.
func (f *fleet) quiet(do func()) {
	f.Helper()
	deadline := time.Now().Add(time.Minute)
	for rounds := 0; rounds < 5; rounds++ {
		before := f.redis.Commands()
		do()
		time.Sleep(20 * time.Millisecond)
		if !maps.Equal(f.redis.Commands(), before) {
			rounds = -1
		}
		if time.Now().After(deadline) {
			f.Fatal("Redis has something to do all the time")
		}
	}
}

// counted runs do and returns the commands that Redis has run meanwhile, and until all
// was quiet: those of scripts count like those that were sent, and so do MULTI and EXEC
// around reads that are remembered.
func (f *fleet) counted(do func()) (total int, listed string) {
	f.Helper()
	before := f.redis.Commands()
	do()
	f.quiet(func() {})
	after := f.redis.Commands()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if more := after[name] - before[name]; more > 0 {
			total += more
			list = append(list, fmt.Sprint(name, " ", more))
		}
	}
	return total, strings.Join(list, ", ")
}

func (f *fleet) memory() int {
	f.Helper()
	_, rest, _ := strings.Cut(f.redis.Do("INFO", "memory"), "used_memory:")
	text, _, _ := strings.Cut(rest, "\r\n")
	used, err := strconv.Atoi(text)
	if err != nil {
		f.Fatal(err)
	}
	return used
}

// TestFootprint prints what sessions cost Redis: memory for each, and commands
// for what people do. No command looks through the keys, and each is gone by
// itself.
func TestFootprint(t *testing.T) {
	const people = 200
	eachMode(t, func(t *testing.T, m mode) {
		f := newFleet(t, m)
		f.signIn() // connections, and whatever is there once
		began := f.memory()
		for i := range people {
			f.provider.SignIn(oidctest.User{Subject: fmt.Sprint("person-", i), Claims: map[string]any{"name": "A Person", "email": fmt.Sprintf("person-%d@example.com", i)}})
			f.signInAs(fmt.Sprint("person-", i))
		}
		t.Logf("%s: %d bytes of Redis's memory for each session", m, (f.memory()-began)/people)
		if forever := f.redis.Do("EVAL", "local n = 0; for _, k in ipairs(redis.call('KEYS', '*')) do if redis.call('TTL', k) < 0 then n = n + 1 end end; return tostring(n)", "0"); forever != "0" && forever != "1" {
			t.Errorf("%s keys never expire", forever) // one says whether Redis has lost its memory
		}

		f.provider.SignIn(oidctest.User{Subject: "alice"})
		f.quiet(func() {})
		var p *person
		for _, c := range []struct {
			name string
			most int
			do   func()
		}{
			{"a sign-in, and the page after it", 30, func() { p = f.signIn() }},
			{"a request", 0, func() { p.want(0, http.StatusOK) }},
			{"the first request at another replica", 25, func() { p.want(1, http.StatusOK) }},
			{"a renewal", 25, func() { f.advance(dead); p.want(0, http.StatusOK) }},
			{"a sign-out", 45, func() { p.do(0, http.MethodPost, "/auth/logout") }},
		} {
			total, listed := f.counted(c.do)
			t.Logf("%s: %s takes %d commands: %s", m, c.name, total, listed)
			if total > c.most || strings.Contains(listed, "keys") || strings.Contains(listed, "scan") {
				t.Errorf("%s takes %d commands, want at most %d: %s", c.name, total, c.most, listed)
			}
		}
	})
}
