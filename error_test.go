package gatehouse_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

func TestErrorHandler(t *testing.T) {
	var handled []error
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		c.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
			handled = append(handled, err)
			w.WriteHeader(http.StatusTeapot)
		}
	}})
	b := w.browser()
	res := b.fetch("/me").want(t, http.StatusTeapot)
	for _, name := range []string{"Cache-Control", "X-Content-Type-Options", "Content-Security-Policy", "WWW-Authenticate"} {
		if res.Header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	b.get("/auth/callback").want(t, http.StatusTeapot)
	if len(handled) != 2 || !strings.Contains(handled[0].Error(), "401") {
		t.Errorf("handled %v", handled)
	}
}

// TestErrorSaysBothFaces: to the log, in one line.
func TestErrorSaysBothFaces(t *testing.T) {
	cause := errors.New("the disk is full")
	for want, err := range map[string]*gatehouse.Error{
		"500 Internal Server Error":                   {},
		"500 Internal Server Error: the disk is full": {Cause: cause},
		"409 Taken.: the disk is full":                {Status: http.StatusConflict, Message: "Taken.", Cause: cause},
	} {
		if got := err.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestErrorHandlerIsTold: what reaches the handler can be written as it is.
func TestErrorHandlerIsTold(t *testing.T) {
	errTaken := &gatehouse.Error{Status: http.StatusConflict, Message: "Taken."}
	failures := map[string]error{
		"/plain": errors.New("canary"), "/zero": &gatehouse.Error{}, "/odd": &gatehouse.Error{Status: 42, Message: "Odd.", Cause: errTaken},
		"/silent": &gatehouse.Error{Status: http.StatusGone, Link: "/new"}, "/wrapped": fmt.Errorf("more: %w", errTaken),
	}
	w := newWorld(t, setup{
		gate: func(c *gatehouse.Config) {
			c.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
				var told *gatehouse.Error
				if !errors.As(err, &told) {
					t.Fatalf("%T", err)
				}
				if r.URL.Path == "/odd" && !errors.Is(err, errTaken) {
					t.Error("the cause is lost")
				}
				w.WriteHeader(told.Status)
				fmt.Fprint(w, told.Message, " ", told.Link)
			}
		},
		routes: func(g *gatehouse.Gate) http.Handler {
			return g.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Fail(w, r, failures[r.URL.Path]) }))
		},
	})
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/plain": {500, "Internal Server Error. "}, "/zero": {500, "Internal Server Error. "}, "/odd": {500, "Odd. "},
		"/silent": {410, "Gone. /new"}, "/wrapped": {409, "Taken. "},
	} {
		if res := w.browser().get(path); res.StatusCode != want.status || res.body != want.body {
			t.Errorf("%s: %d %q, want %d %q", path, res.StatusCode, res.body, want.status, want.body)
		}
	}
}

// TestErrorHandlerForPages: a handler that leaves an answer to the library, as one
// for pages does with those for programs, has the built-in one sent.
func TestErrorHandlerForPages(t *testing.T) {
	w := newWorld(t, setup{
		gate: func(c *gatehouse.Config) {
			c.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
				w.Header().Set("Content-Security-Policy", "default-src 'self'")
				w.Header().Set("Content-Length", "5")
				if told := err.(*gatehouse.Error); told.Page {
					w.WriteHeader(told.Status)
					fmt.Fprint(w, "house")
				}
			}
		},
		routes: func(g *gatehouse.Gate) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/", g.Wrap(g.Require(rbac.Role("admin"))(http.NotFoundHandler())))
			mux.Handle("/fail", g.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				g.Fail(w, r, &gatehouse.Error{Status: http.StatusConflict, Message: "Taken."})
			})))
			mux.Handle("/api", g.API(g.RequireLogin(http.NotFoundHandler())))
			return mux
		},
	})
	b := w.browser()
	for name, c := range map[string]struct {
		got    answer
		status int
		page   bool
	}{
		"a page":                    {b.get("/fail"), http.StatusConflict, true},
		"a callback":                {b.get("/auth/callback"), http.StatusBadRequest, true},
		"a script":                  {b.fetch("/fail"), http.StatusConflict, false},
		"a script without a person": {b.fetch("/me"), http.StatusUnauthorized, false},
		"a visit to an API":         {b.get("/api"), http.StatusUnauthorized, false},
	} {
		header, policy := c.got.Header, "default-src 'self'"
		if !c.page {
			policy = "default-src 'none'"
		}
		if c.got.StatusCode != c.status || (c.got.body == "house") != c.page || json.Valid([]byte(c.got.body)) == c.page {
			t.Errorf("%s: %d %s", name, c.got.StatusCode, c.got.body)
		}
		if header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(header.Get("Content-Security-Policy"), policy) {
			t.Errorf("%s: header %v", name, header)
		}
	}
}

func TestFail(t *testing.T) {
	w := newWorld(t, setup{routes: func(g *gatehouse.Gate) http.Handler {
		return g.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/plain":
				g.Fail(w, r, fmt.Errorf("canary"))
			case "/wrapped":
				g.Fail(w, r, fmt.Errorf("more: %w", &gatehouse.Error{Status: 409, Message: "Somebody else was <b>faster</b>.", Cause: fmt.Errorf("canary")}))
			case "/odd":
				g.Fail(w, r, &gatehouse.Error{Status: 200})
			case "/elsewhere":
				g.Fail(w, r, &gatehouse.Error{Status: 403, Message: "Register first.", Link: "/register"})
			case "/incomplete":
				g.Fail(w, r, &gatehouse.Error{Status: 400, Message: "Fill in the form.", Link: "/form"})
			case "/again":
				g.Fail(w, r, &gatehouse.Error{Status: 403, Message: "Not you.", Link: "/auth/login?prompt=login"})
			}
		}))
	}})
	b := w.browser()
	for path, want := range map[string]struct {
		status int
		text   string
	}{"/plain": {500, "Internal Server Error"}, "/wrapped": {409, "Somebody else was &lt;b&gt;faster&lt;/b&gt;."}, "/odd": {500, ""}} {
		res := b.get(path).want(t, want.status, want.text)
		if strings.Contains(res.body, "canary") {
			t.Errorf("%s shows its cause", path)
		}
	}
	for path, button := range map[string]string{ // a link is a sign-in only where it leads to one
		"/elsewhere": `href="/register">Continue<`, "/incomplete": `href="/form">Continue<`, "/again": `href="/auth/login?prompt=login">Sign in again<`,
	} {
		if res := b.get(path); !strings.Contains(res.body, button) || strings.Contains(res.body, "The sign-in did not work") {
			t.Errorf("%s: no %s: %s", path, button, res.body)
		}
	}
	b.fetch("/wrapped").want(t, 409, `"title":"Conflict"`, `"status":409`)
	if strings.Count(w.log.String(), "canary") < 2 {
		t.Error("the log doesn't hold the cause")
	}
}
