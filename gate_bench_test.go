package gatehouse_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// authenticated is a handler behind the gate and a request with a live session.
func authenticated(t testing.TB, guard func(*gatehouse.Gate) func(http.Handler) http.Handler) (http.Handler, *http.Request) {
	t.Helper()
	w := newWorld(t, setup{})
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

func TestAuthenticatedRequestAllocations(t *testing.T) {
	handler, r := authenticated(t, func(g *gatehouse.Gate) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler { return next }
	})
	if allocs := testing.AllocsPerRun(200, func() {
		w := &quiet{header: http.Header{}}
		handler.ServeHTTP(w, r)
		if w.status != http.StatusNoContent {
			t.Fatal(w.status)
		}
	}); allocs > 24 {
		t.Errorf("%v allocations for an authenticated request, want at most 24", allocs)
	}
}

func BenchmarkAuthenticatedRequest(b *testing.B) {
	for _, c := range []struct {
		name  string
		guard func(*gatehouse.Gate) func(http.Handler) http.Handler
	}{
		{"establish", func(*gatehouse.Gate) func(http.Handler) http.Handler {
			return func(next http.Handler) http.Handler { return next }
		}},
		{"role", func(g *gatehouse.Gate) func(http.Handler) http.Handler { return g.Require(rbac.Role("admin")) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			handler, r := authenticated(b, c.guard)
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
