package gatetest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/gatetest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

func newGate(t testing.TB) *gatehouse.Gate {
	t.Helper()
	gate, err := gatehouse.New(gatehouse.Config{
		Issuer: "https://idp.example.com", ClientID: "shop", BaseURL: "https://shop.example.com", SessionKeys: []cookie.Key{cookie.NewKey()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gate.Close() })
	return gate
}

// verdicts keeps what a test would have failed with.
type verdicts []string

func (v *verdicts) Helper() {}
func (v *verdicts) Errorf(format string, args ...any) {
	*v = append(*v, fmt.Sprintf(format, args...))
}

// closedApp has a rule everywhere, by all the ways in which one can be given.
func closedApp(t testing.TB, gate *gatehouse.Gate) *http.ServeMux {
	inside := func(http.ResponseWriter, *http.Request) { t.Error("a handler behind a rule ran") }
	pages, api := gate.Mux(), gate.Mux()
	pages.HandleFunc("GET /{$}", rbac.Public(), inside)
	pages.HandleFunc("/admin/", rbac.Role("admin"), inside)
	pages.HandleFunc("GET /items/{id}", rbac.Not(rbac.SignedIn()), inside)
	api.HandleFunc("/api/{path...}", rbac.SignedIn(), inside)
	root := http.NewServeMux()
	root.Handle("/", gate.Wrap(pages))
	root.Handle("/api/", gate.API(api))
	root.Handle("/auth/", gate.Endpoints())
	root.Handle("/auth/login", gate.Endpoints())
	root.Handle("POST /orders", gate.Identify(gate.RequireLogin(http.HandlerFunc(inside))))
	root.Handle("/static/", gate.Wrap(gate.Require(rbac.Public())(http.FileServerFS(fstest.MapFS{}))))
	root.Handle("admin.example.com/", gate.Wrap(gate.Require(rbac.Role("admin"))(http.HandlerFunc(inside))))
	root.Handle("/metrics", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	return root
}

func TestClosed(t *testing.T) {
	gate := newGate(t)
	app := closedApp(t, gate)
	gatetest.Closed(t, app, "/items/7", "GET /admin/users", "DELETE /nothing", "/auth/callback", "/api")
	gatetest.Closed(t, gate.Wrap(app), "/", "/api/me", "POST /orders", "/nothing", "/admin")
}

func TestOpen(t *testing.T) {
	gate := newGate(t)
	answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "inside") }
	for name, c := range map[string]struct {
		open func(mux *http.ServeMux)
		want []string
	}{
		"beside the Mux":   {func(m *http.ServeMux) { m.HandleFunc("GET /debug/vars", answer) }, []string{"GET /debug/vars is reached"}},
		"any method":       {func(m *http.ServeMux) { m.HandleFunc("/debug/", answer) }, []string{"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS /debug/ is reached"}},
		"only wrapped":     {func(m *http.ServeMux) { m.Handle("GET /wrapped", gate.Wrap(http.HandlerFunc(answer))) }, []string{"GET /wrapped is reached"}},
		"only identified":  {func(m *http.ServeMux) { m.Handle("POST /x", gate.Identify(http.HandlerFunc(answer))) }, []string{"POST /x is reached"}},
		"only an API":      {func(m *http.ServeMux) { m.Handle("POST /x", gate.API(http.HandlerFunc(answer))) }, []string{"POST /x is reached"}},
		"a wildcard":       {func(m *http.ServeMux) { m.HandleFunc("GET /users/{id}/{rest...}", answer) }, []string{"GET /users/x/x is reached"}},
		"another host":     {func(m *http.ServeMux) { m.HandleFunc("GET debug.example.com/", answer) }, []string{"GET debug.example.com/ is reached"}},
		"files":            {func(m *http.ServeMux) { m.Handle("GET /files/", http.FileServerFS(fstest.MapFS{})) }, []string{"GET /files/ is reached without a rule (pattern \"GET /files/\"): it answered 404"}},
		"a redirect":       {func(m *http.ServeMux) { m.Handle("GET /r", http.RedirectHandler("/elsewhere", http.StatusFound)) }, []string{"it answered 302"}},
		"a silent handler": {func(m *http.ServeMux) { m.HandleFunc("GET /s", func(http.ResponseWriter, *http.Request) {}) }, []string{"it answered 200"}},
		"a panic": {func(m *http.ServeMux) {
			m.HandleFunc("GET /p", func(http.ResponseWriter, *http.Request) { panic("canary") })
		}, []string{"it panicked with a string"}},
		"500": {func(m *http.ServeMux) {
			m.Handle("GET /e", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
		}, []string{"it answered 500"}},
		"an inner mux": {func(m *http.ServeMux) {
			inner := http.NewServeMux()
			inner.HandleFunc("/in/open", answer)
			m.Handle("/in/", gate.Wrap(inner))
		}, []string{"/in/ is reached"}},
	} {
		app := closedApp(t, gate)
		c.open(app)
		var v verdicts
		gatetest.Closed(&v, app)
		said := strings.Join(v, "\n")
		for _, want := range c.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: said %q, not %q", name, said, want)
			}
		}
		if len(v) != 1 {
			t.Errorf("%s: said %q", name, said)
		}
	}
}

// TestOpenBehindARouter: the routes of another router are named, and what answers
// them without a rule has been reached, whatever it answers.
func TestOpenBehindARouter(t *testing.T) {
	gate := newGate(t)
	for _, status := range []int{200, 404, 405, 500} {
		inner := http.NewServeMux()
		inner.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		inner.Handle("GET /guarded", gate.RequireLogin(http.NotFoundHandler()))
		var v verdicts
		gatetest.Closed(&v, gate.Wrap(inner), "GET /items/{id}", "GET /guarded", "/guarded")
		if len(v) != 1 || !strings.Contains(v[0], fmt.Sprintf("GET /items/x is reached without a rule (pattern \"GET /items/{id}\"): it answered %d", status)) {
			t.Errorf("%d: %q", status, v)
		}
	}
	var v verdicts // a name that is misspelt would be tried in vain for ever
	gatetest.Closed(&v, gate.Wrap(http.NewServeMux()), "GET /itmes/{id}")
	if len(v) != 1 {
		t.Errorf("nothing is there: %q", v)
	}
}

func TestNothingToTry(t *testing.T) {
	for name, c := range map[string]struct {
		app      http.Handler
		patterns []string
	}{
		"no patterns":  {http.NotFoundHandler(), nil},
		"an empty mux": {http.NewServeMux(), nil},
		"no path":      {http.NewServeMux(), []string{"GET example.com"}},
		"empty":        {http.NewServeMux(), []string{""}},
		"no method":    {http.NewServeMux(), []string{"G(ET /a"}},
		"no wildcard":  {http.NewServeMux(), []string{"/{a"}},
	} {
		var v verdicts
		gatetest.Closed(&v, c.app, c.patterns...)
		if len(v) == 0 {
			t.Errorf("%s: passed", name)
		}
	}
}

// TestOddPatterns come to their handlers, however they are spelt.
func TestOddPatterns(t *testing.T) {
	for _, pattern := range []string{"GET /a b/{c}", "/a%20b", "/a%2fb/c", "GET /ä", "PROPFIND /dav/", "/a%zz", "[::1]/x", "/{a}/{b...}", "CONNECT /x", "/a?b", "/;a", "/a\x00b"} {
		mux := http.NewServeMux()
		mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
		var v verdicts
		gatetest.Closed(&v, mux)
		if len(v) != 1 || !strings.Contains(v[0], "reached without a rule") {
			t.Errorf("%s: %q", pattern, v)
		}
	}
}

func FuzzClosed(f *testing.F) {
	f.Fuzz(func(t *testing.T, pattern string) {
		var v verdicts
		gatetest.Closed(&v, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), pattern)
		if len(v) != 1 {
			t.Fatalf("%q: %q", pattern, v)
		}
	})
}

func TestPatterns(t *testing.T) {
	mux := http.NewServeMux()
	want := []string{
		"/", "/a/{$}", "/a/{id}", "/a/{id}/b", "/deep/{rest...}", "GET /a/{id}/b", "POST example.com/x", "example.com/",
	}
	for i := range 40 { // long lists are kept otherwise
		want = append(want, fmt.Sprintf("/many/%d", i))
	}
	for _, pattern := range want {
		mux.Handle(pattern, http.StripPrefix("/a", http.NewServeMux()))
	}
	slices.Sort(want)
	got, err := gatetest.Patterns(mux)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %q", err, got)
	}
	if got, err := gatetest.Patterns(http.NewServeMux()); err != nil || len(got) != 0 {
		t.Errorf("%v, %q", err, got)
	}
}

func ExampleClosed() {
	gate, err := gatehouse.New(gatehouse.Config{
		Issuer: "https://idp.example.com", ClientID: "shop", BaseURL: "https://shop.example.com", SessionKeys: []cookie.Key{cookie.NewKey()},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	pages := gate.Mux()
	pages.HandleFunc("GET /admin", rbac.Role("admin"), func(http.ResponseWriter, *http.Request) {})
	app := http.NewServeMux()
	app.Handle("/", gate.Wrap(pages))
	app.HandleFunc("GET /debug/vars", func(http.ResponseWriter, *http.Request) {}) // forgotten

	var t verdicts // a *testing.T in a test
	gatetest.Closed(&t, app)
	fmt.Println(strings.Join(t, "\n"))
	// Output: gatetest: GET /debug/vars is reached without a rule (pattern "GET /debug/vars"): it answered 200
}
