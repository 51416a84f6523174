package gatehouse_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
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

// renewing is a world whose page /page is handler's, and a browser whose next request
// has its session renewed, and so gets a cookie.
func renewing(t *testing.T, handler http.HandlerFunc, around func(http.Handler) http.Handler) (*world, *browser) {
	t.Helper()
	w := newWorld(t, setup{routes: func(g *gatehouse.Gate) http.Handler {
		mux := g.Mux()
		mux.HandleFunc("/me", rbac.SignedIn(), me)
		mux.HandleFunc("/page", rbac.SignedIn(), handler)
		if around == nil {
			return g.Wrap(mux)
		}
		return around(g.Wrap(mux))
	}})
	w.provider.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"much": random(6000)}})
	b := w.browser().signIn()
	if len(sessionCookies(b.cookies())) < 2 {
		t.Fatal("the session fits into one cookie")
	}
	w.clock.advance(due)
	return w, b
}

// TestEveryPieceIsKept: a session in several cookies is lost with any of them, and what
// a handler calls its own cookie isn't one.
func TestEveryPieceIsKept(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"all taken out": func(w http.ResponseWriter, _ *http.Request) { w.Header().Del("Set-Cookie") },
		"some taken out": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Set-Cookie"] = w.Header()["Set-Cookie"][1:]
		},
		"overwritten in place": func(w http.ResponseWriter, _ *http.Request) {
			for i := range w.Header()["Set-Cookie"] {
				w.Header()["Set-Cookie"][i] = "own=1"
			}
		},
		"names that begin like ours": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Del("Set-Cookie")
			for _, c := range r.Cookies() {
				w.Header().Add("Set-Cookie", c.Name+"x=1")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := renewing(t, handler, nil)
			if set := sessionCookies(b.get("/page").want(t, http.StatusOK).Cookies()); len(set) < 2 {
				t.Errorf("it sets %d cookies", len(set))
			}
			b.get("/me").want(t, http.StatusOK, "alice")
			if w.provider.Reuses() != 0 {
				t.Error("the old session is renewed once more")
			}
		})
	}
}

// TestCookiesOfMiddleware: what something in front of the gate sets is its own affair:
// it makes no answer uncacheable, and isn't put back.
func TestCookiesOfMiddleware(t *testing.T) {
	handler := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Del("Set-Cookie")
		w.Header().Set("Cache-Control", "public, max-age=3600")
	}
	_, b := renewing(t, handler, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "front", Value: "1"})
			next.ServeHTTP(w, r)
		})
	})
	for _, want := range []string{"no-store", "public, max-age=3600"} {
		res := b.get("/page").want(t, http.StatusOK)
		front := strings.Contains(strings.Join(res.Header["Set-Cookie"], ","), "front=")
		if got := res.Header.Get("Cache-Control"); got != want || front {
			t.Errorf("Cache-Control %q, want %q; put back: %v", got, want, front)
		}
	}
}

// readerFrom is a ResponseWriter that notices how it is written to.
type readerFrom struct {
	http.ResponseWriter
	read *atomic.Int64
}

func (w readerFrom) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.read.Add(n)
	return n, err
}

func (w readerFrom) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// TestWritersOfRenewedSessions: where an answer sets a cookie, handlers get another
// ResponseWriter than their own, and can do with it what they could.
func TestWritersOfRenewedSessions(t *testing.T) {
	raw := func(conn net.Conn, rw *bufio.ReadWriter, err error) {
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhijacked")
		_ = rw.Flush()
	}
	var read atomic.Int64
	arrived := make(chan struct{})
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		says    string
	}{
		"Hijack":            {func(w http.ResponseWriter, _ *http.Request) { raw(w.(http.Hijacker).Hijack()) }, "hijacked"},
		"Hijack, otherwise": {func(w http.ResponseWriter, _ *http.Request) { raw(http.NewResponseController(w).Hijack()) }, "hijacked"},
		"a deadline": {func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
				t.Error(err)
			}
			fmt.Fprint(w, "set")
		}, "set"},
		"a file": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, io.LimitReader(strings.NewReader("contents"), 8))
			if read.Load() != 8 {
				t.Errorf("%d bytes are read by the writer below", read.Load())
			}
		}, "contents"},
		"Flush": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "fl")
			w.(http.Flusher).Flush()
			select {
			case <-arrived:
				fmt.Fprint(w, "ushed")
			case <-r.Context().Done():
			}
		}, "flushed"},
		"a trailer": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "first")
			_ = http.NewResponseController(w).Flush()                   // without it there are no trailers
			w.Header().Set(http.TrailerPrefix+"X-Cache-Control", "own") // once the header is written it isn't looked at again
			fmt.Fprint(w, ", then")
		}, "first, then"},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := renewing(t, c.handler, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(readerFrom{w, &read}, r) })
			})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // instead of for ever
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.app.URL+"/page", nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := b.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			start := make([]byte, 2)
			if _, err := io.ReadFull(res.Body, start); err != nil {
				t.Fatal(err)
			}
			if name == "Flush" {
				close(arrived)
			}
			rest, err := io.ReadAll(res.Body)
			if text := string(start) + string(rest); err != nil || text != c.says {
				t.Errorf("it says %q: %v", text, err)
			}
			if got := res.Trailer.Get("X-Cache-Control"); (got != "") != (name == "a trailer") {
				t.Errorf("trailer %q", got)
			}
		})
	}
}

// TestUpgradesOfRenewedSessions: what becomes another protocol has a header, too.
func TestUpgradesOfRenewedSessions(t *testing.T) {
	w, b := renewing(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Upgrade", "own")
		w.Header().Set("Connection", "Upgrade")
		w.Header().Del("Set-Cookie")
		w.WriteHeader(http.StatusSwitchingProtocols)
	}, nil)
	res := w.raw("GET /page", strings.TrimPrefix(w.app.URL, "http://"), sessionCookies(b.cookies()))
	if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Cache-Control") != "no-store" || len(sessionCookies(res.Cookies())) < 2 {
		t.Errorf("%d, Cache-Control %q, %d cookies", res.StatusCode, res.Header.Get("Cache-Control"), len(res.Cookies()))
	}
}
