package gatetest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/probe"
)

// TB is what is needed of a [testing.TB].
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// methods are tried for a pattern that names none.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Closed fails the test for every route of app that a stranger gets to without
// any rule having decided about it: a pattern of an [http.ServeMux] that was
// registered beside a [gatehouse.Mux] rather than on it, or a handler whose
// [gatehouse.Gate.Require] was forgotten. A page for everybody has the rule
// rbac.Public, and what another middleware answers with 401 or 403 is closed too.
//
// It tries the patterns of app, where that is an [http.ServeMux], and those given
// besides, as a ServeMux has them ("GET /items/{id}"): name the routes of other
// routers, and what [Patterns] says of a ServeMux inside of app. Each is tried
// with its method, or with every usual one. Nothing behind a rule runs; what is
// behind none does, and any answer of it counts, a 404 included: it may have been
// for the path alone. So does a route that isn't there, whose name is a mistake.
func Closed(t TB, app http.Handler, patterns ...string) {
	t.Helper()
	tried := slices.Clone(patterns)
	if mux, ok := app.(*http.ServeMux); ok {
		own, err := Patterns(mux)
		if err != nil {
			t.Errorf("gatetest: %v", err)
		}
		tried = append(own, tried...)
	}
	if len(tried) == 0 {
		t.Errorf("gatetest: there is nothing to try: name patterns, or pass a *http.ServeMux that has some")
	}
	for _, pattern := range tried {
		target, err := parse(pattern)
		if err != nil {
			t.Errorf("gatetest: %v", err)
			continue
		}
		if reached, answer := target.try(app); len(reached) > 0 {
			t.Errorf("gatetest: %s %s%s is reached without a rule (pattern %q): %s",
				strings.Join(reached, ", "), target.host, target.path, pattern, answer)
		}
	}
}

// try returns the methods by which nothing decides. A router's own 404 or 405 looks
// like a handler's, and so counts unless another method comes to a rule.
func (t target) try(app http.Handler) (reached []string, answer string) {
	var missing []string
	var none string
	decided := false
	for _, method := range t.methods {
		switch found, nothing := open(app, method, t); {
		case nothing:
			missing, none = append(missing, method), found
		case found != "":
			reached, answer = append(reached, method), found
		default:
			decided = true
		}
	}
	if len(reached) == 0 && !decided {
		return missing, none + ", which may be its router's: then there is no such route"
	}
	return reached, answer
}

// target is a request that comes to a pattern.
type target struct {
	methods    []string
	host, path string
}

// parse fills the wildcards of a pattern.
func parse(pattern string) (target, error) {
	if err := register(pattern); err != nil {
		return target{}, err
	}
	filled := target{methods: methods}
	rest := pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		filled.methods, rest = []string{pattern[:i]}, strings.TrimLeft(pattern[i:], " \t")
	}
	slash := strings.IndexByte(rest, '/')
	filled.host = rest[:slash]
	segments := strings.Split(rest[slash:], "/")
	for i, segment := range segments {
		switch {
		case segment == "{$}":
			segments[i] = ""
		case strings.HasPrefix(segment, "{"):
			segments[i] = "x"
		}
	}
	filled.path = strings.Join(segments, "/")
	return filled, nil
}

// register tries what a ServeMux makes of a pattern.
func register(pattern string) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%q is no pattern: %v", pattern, cause)
		}
	}()
	http.NewServeMux().Handle(pattern, http.NotFoundHandler())
	return nil
}

// request is what a server makes of one that comes to t.
func (t target) request(method string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Method, r.URL = method, &url.URL{Path: t.path}
	if unescaped, err := url.PathUnescape(t.path); err == nil {
		r.URL.Path, r.URL.RawPath = unescaped, t.path
	}
	r.RequestURI = r.URL.EscapedPath()
	if t.host != "" {
		r.Host = t.host
	}
	return r
}

// open says what a stranger came to; empty where something decides. nothing says
// that there may be no route.
func open(app http.Handler, method string, to target) (found string, nothing bool) {
	r := to.request(method)
	ctx, p := probe.With(r.Context())
	r = r.WithContext(ctx)
	w := httptest.NewRecorder()
	defer func() {
		if cause := recover(); cause != nil && !p.Stopped() {
			found, nothing = fmt.Sprintf("it panicked with a %T", cause), false
		}
	}()
	app.ServeHTTP(w, r)
	refused := w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden
	if p.Stopped() || refused || cleaned(w, to.path) {
		return "", false
	}
	nothing = r.Pattern == "" && (w.Code == http.StatusNotFound || w.Code == http.StatusMethodNotAllowed)
	return fmt.Sprintf("it answered %d", w.Code), nothing
}

// cleaned reports whether a router sends to the same path, spelt as it likes.
func cleaned(w *httptest.ResponseRecorder, from string) bool {
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code < 300 || w.Code > 399 || to.Path == from || to.Host != "" {
		return false
	}
	return path.Clean(to.Path) == path.Clean(from)
}
