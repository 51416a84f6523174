package gatehouse_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// remembering so many sessions, in cookies.
func remembering(size int) func(*gatehouse.Config) {
	return func(c *gatehouse.Config) { c.RememberedSessions = size }
}

// inMemory keeps sessions in a store.
func inMemory(c *gatehouse.Config) {
	c.Store = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})
}

// authenticated is a handler behind the gate and a request with a live session.
func authenticated(t testing.TB, gate func(*gatehouse.Config), guard func(*gatehouse.Gate) func(http.Handler) http.Handler) (http.Handler, *http.Request) {
	t.Helper()
	w := newWorld(t, setup{gate: gate})
	b := w.browser().signIn()
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	for _, c := range sessionCookies(b.cookies()) {
		r.Header.Set("Cookie", strings.TrimPrefix(r.Header.Get("Cookie")+"; "+c.Name+"="+c.Value, "; "))
	}
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return w.gate.Wrap(guard(w.gate)(inner)), r
}

// quiet is a ResponseWriter that costs nothing.
type quiet struct {
	header http.Header
	status int
}

func (q *quiet) Header() http.Header         { return q.header }
func (q *quiet) Write(b []byte) (int, error) { return len(b), nil }
func (q *quiet) WriteHeader(status int)      { q.status = status }

func anybody(*gatehouse.Gate) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return next }
}

func admins(g *gatehouse.Gate) func(http.Handler) http.Handler { return g.Require(rbac.Role("admin")) }

// TestAuthenticatedRequestAllocations counts what the library adds to a request
// whose headers are allocated already, as net/http's are.
func TestAuthenticatedRequestAllocations(t *testing.T) {
	for _, c := range []struct {
		name  string
		gate  func(*gatehouse.Config)
		guard func(*gatehouse.Gate) func(http.Handler) http.Handler
		most  float64
	}{
		{"first seen", remembering(-1), anybody, 6},
		{"seen before", remembering(0), anybody, 2},
		{"seen before, a role required", remembering(0), admins, 2},
		{"in a store, seen before", inMemory, anybody, 3},
	} {
		handler, r := authenticated(t, c.gate, c.guard)
		header := http.Header{"Vary": {"Origin"}}
		if allocs := testing.AllocsPerRun(200, func() {
			w := quiet{header: header}
			clear(w.header)
			handler.ServeHTTP(&w, r)
			if w.status != http.StatusNoContent {
				t.Fatal(w.status)
			}
		}); allocs-1 > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, allocs-1, c.most)
		}
	}
}

func BenchmarkAuthenticatedRequest(b *testing.B) {
	for _, c := range []struct {
		name  string
		gate  func(*gatehouse.Config)
		guard func(*gatehouse.Gate) func(http.Handler) http.Handler
	}{
		{"first seen", remembering(-1), anybody},
		{"first seen, a role required", remembering(-1), admins},
		{"seen before", remembering(0), anybody},
		{"seen before, a role required", remembering(0), admins},
		{"in a store, seen before", inMemory, anybody},
	} {
		b.Run(c.name, func(b *testing.B) {
			handler, r := authenticated(b, c.gate, c.guard)
			b.ReportAllocs()
			for b.Loop() {
				w := &quiet{header: http.Header{}}
				handler.ServeHTTP(w, r)
				if w.status != http.StatusNoContent {
					b.Fatal(w.status)
				}
			}
		})
	}
}

// BenchmarkClientsAtOnce is sixteen clients for each processor, one of them as each
// other: run it with -cpu 1,2, and with -mutexprofile to see who waits for whom.
func BenchmarkClientsAtOnce(b *testing.B) {
	for _, c := range []struct {
		name string
		gate func(*gatehouse.Config)
	}{
		{"first seen", remembering(-1)},
		{"seen before", remembering(0)},
		{"in a store, seen before", inMemory},
	} {
		b.Run(c.name, func(b *testing.B) {
			handler, r := authenticated(b, c.gate, admins)
			b.SetParallelism(16)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					w := &quiet{header: http.Header{}}
					handler.ServeHTTP(w, r)
					if w.status != http.StatusNoContent {
						b.Error(w.status)
						return
					}
				}
			})
		})
	}
}
