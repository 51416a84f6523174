package gatehouse_test

import (
	"fmt"
	"io"
	stdlog "log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// ofCaches are fields that some caches heed before Cache-Control, however they are
// spelt: those of RFC 9213, of CDNs and of nginx.
var ofCaches = []string{"CDN-Cache-Control", "cdn-cache-control", "Cloudflare-Cdn-Cache-Control", "Surrogate-Control", "Edge-Control", "X-Accel-Expires"}

// TestNoStoreWins: an answer that sets a cookie is never cached, whatever the
// handler says and however it writes.
func TestNoStoreWins(t *testing.T) {
	for name, write := range map[string]func(http.ResponseWriter){
		"Write":       func(w http.ResponseWriter) { fmt.Fprint(w, "x") },
		"WriteHeader": func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) },
		"nothing":     func(http.ResponseWriter) {},
		"http.Error":  func(w http.ResponseWriter) { http.Error(w, "no", http.StatusNotFound) },
		"Flush":       func(w http.ResponseWriter) { w.(http.Flusher).Flush(); fmt.Fprint(w, "x") },
		"controller":  func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
		"copy":        func(w http.ResponseWriter) { _, _ = strings.NewReader("x").WriteTo(w) },
		"ReadFrom":    func(w http.ResponseWriter) { _, _ = io.Copy(w, io.LimitReader(strings.NewReader("x"), 1)) },
		"early hints": func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints); fmt.Fprint(w, "x") },
		"early hints, and what they don't say": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Set("Cache-Control", "public, max-age=3600")
			fmt.Fprint(w, "x")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{routes: func(g *gatehouse.Gate) http.Handler {
				mux := g.Mux()
				mux.HandleFunc("/me", rbac.SignedIn(), func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Cache-Control", "public, max-age=3600")
					for _, field := range ofCaches {
						w.Header()[field] = []string{"max-age=3600"}
					}
					write(w)
				})
				return g.Wrap(mux)
			}})
			b := w.browser()
			b.get(b.callback("/me"))
			fresh := b.get("/me")
			if got := fresh.Header.Get("Cache-Control"); got != "public, max-age=3600" && name != "http.Error" {
				t.Errorf("without a cookie the handler's word counts, not %q", got)
			}
			w.clock.advance(due)
			res := b.get("/me")
			if got := res.Header.Values("Cache-Control"); len(res.Cookies()) != 1 || len(got) != 1 || got[0] != "no-store" {
				t.Errorf("cookies %v, Cache-Control %q", res.Cookies(), got)
			}
			for _, field := range ofCaches {
				if fresh.Header.Get(field) == "" || res.Header.Get(field) != "" {
					t.Errorf("%s: %q, with a cookie %q", field, fresh.Header.Get(field), res.Header.Get(field))
				}
			}
		})
	}
}

// TestHandlersKeepTheRenewedSession: what handlers and the wrappers around them
// do to the header takes the new session from nobody. A refresh token that was
// rotated, and whose successor never arrives, would sign somebody out.
func TestHandlersKeepTheRenewedSession(t *testing.T) {
	own := func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "own", Value: "1"})
		w.Header().Set("Cache-Control", "public, max-age=3600")
		fmt.Fprint(w, "x")
	}
	upstream := httptest.NewServer(http.HandlerFunc(own))
	defer upstream.Close()
	timeout := func(d time.Duration, h http.HandlerFunc) http.HandlerFunc {
		return http.TimeoutHandler(h, d, "too late").ServeHTTP
	}
	recovering := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if recover() != nil {
					w.WriteHeader(http.StatusInternalServerError)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		around  func(http.Handler) http.Handler // of Wrap
	}{
		"a cookie of its own": {handler: own},
		"Header().Set":        {handler: func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Set-Cookie", "own=1") }},
		"Header().Del":        {handler: func(w http.ResponseWriter, r *http.Request) { w.Header().Del("Set-Cookie") }},
		"a cleared header":    {handler: func(w http.ResponseWriter, r *http.Request) { clear(w.Header()); own(w, r) }},
		"TimeoutHandler":      {handler: timeout(time.Minute, own)},
		"TimeoutHandler, too late": {handler: timeout(time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Set-Cookie", "own=1")
			<-r.Context().Done()
		})},
		"ReverseProxy": {handler: httputil.NewSingleHostReverseProxy(parse(t, upstream.URL)).ServeHTTP},
		"ReverseProxy, upstream away": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=3600")
			away := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
			away.ErrorLog = stdlog.New(io.Discard, "", 0)
			away.ServeHTTP(w, r)
		}},
		"FileServer, no such file": {handler: http.FileServer(http.Dir(t.TempDir())).ServeHTTP},
		"redirect":                 {handler: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }},
		"panic, recovered outside": {around: recovering, handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=3600")
			panic("oops")
		}},
		"panic, recovered inside": {handler: recovering(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=3600")
			panic("oops")
		})).ServeHTTP},
	} {
		t.Run(name, func(t *testing.T) {
			if c.around == nil {
				c.around = func(h http.Handler) http.Handler { return h }
			}
			w := newWorld(t, setup{routes: func(g *gatehouse.Gate) http.Handler {
				mux := g.Mux()
				mux.HandleFunc("/me", rbac.SignedIn(), me)
				mux.HandleFunc("/page", rbac.SignedIn(), c.handler)
				return c.around(g.Wrap(mux))
			}})
			b := w.browser().signIn()
			old := sessionCookies(b.cookies())
			w.clock.advance(due)
			res := b.get("/page")
			if got := res.Header.Values("Cache-Control"); len(got) != 1 || got[0] != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
			if kept := sessionCookies(res.Cookies()); len(kept) != 1 || kept[0].Value == old[0].Value {
				t.Errorf("the answer sets %v", res.Header["Set-Cookie"])
			}
			b.get("/me").want(t, http.StatusOK, "alice")
		})
	}
}

// TestErrorHandlerCannotCache: an answer of the callback clears a cookie.
func TestErrorHandlerCannotCache(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		c.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.Header().Set("Cache-Control", "public, max-age=3600")
			w.WriteHeader(http.StatusTeapot)
		}
	}})
	w.provider.OnCallback(func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") })
	b := w.browser()
	res := b.get(b.callback("/me")).want(t, http.StatusTeapot)
	if got := res.Header.Get("Cache-Control"); len(res.Cookies()) != 1 || got != "no-store" {
		t.Errorf("cookies %v, Cache-Control %q", res.Cookies(), got)
	}
}
