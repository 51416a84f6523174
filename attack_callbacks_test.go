package gatehouse_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/rbac"
	"github.com/gorilla/securecookie"
)

// mine panics where it is told to. The zero mine doesn't.
type mine struct{ where atomic.Value }

func (m *mine) at(where string) {
	if m.where.Load() == where {
		panic("oops, and a secret")
	}
}

func (m *mine) lay(where string) { m.where.Store(where) }

// mined is a store with a mine in each of its methods.
type mined struct {
	*gatehouse.MemoryStore
	mine
}

func newMined(now func() time.Time) *mined {
	return &mined{MemoryStore: gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: now})}
}

func (m *mined) Load(ctx context.Context, id string) ([]byte, error) {
	m.at("Load")
	return m.MemoryStore.Load(ctx, id)
}

func (m *mined) Save(ctx context.Context, id string, previous, value []byte, expires time.Time) (bool, error) {
	m.at("Save")
	return m.MemoryStore.Save(ctx, id, previous, value, expires)
}

func (m *mined) Delete(ctx context.Context, id string) error {
	m.at("Delete")
	return m.MemoryStore.Delete(ctx, id)
}

func (m *mined) Revoke(ctx context.Context, name string, before, until time.Time) error {
	m.at("Revoke")
	return m.MemoryStore.Revoke(ctx, name, before, until)
}

func (m *mined) Revoked(ctx context.Context, names ...string) ([]time.Time, error) {
	m.at("Revoked")
	return m.MemoryStore.Revoked(ctx, names...)
}

func (m *mined) Enter(ctx context.Context, owner, id string, entry []byte, expires time.Time) error {
	m.at("Enter")
	return m.MemoryStore.Enter(ctx, owner, id, entry, expires)
}

func (m *mined) List(ctx context.Context, owner string) (map[string][]byte, error) {
	m.at("List")
	return m.MemoryStore.List(ctx, owner)
}

func (m *mined) Leave(ctx context.Context, owner, id string) error {
	m.at("Leave")
	return m.MemoryStore.Leave(ctx, owner, id)
}

func (m *mined) Ready(context.Context) error {
	m.at("Ready")
	return nil
}

func (m *mined) Join(ctx context.Context, name string) ([]byte, func(context.Context, []byte, string, time.Time) error, error) {
	m.at("Join")
	result, finish, err := m.MemoryStore.Join(ctx, name)
	if finish == nil {
		return result, nil, err
	}
	return result, func(ctx context.Context, result []byte, next string, until time.Time) error {
		m.at("finish")
		return finish(ctx, result, next, until)
	}, err
}

func (m *mined) Shorten(ctx context.Context, next string, until time.Time) error {
	m.at("Shorten")
	return m.MemoryStore.Shorten(ctx, next, until)
}

func (m *mined) Forget(ctx context.Context, name string) error {
	m.at("Forget")
	return m.MemoryStore.Forget(ctx, name)
}

// calm fails the test when a panic comes out of the handlers: net/http would cut the
// answer off, and clients would ask once more.
func calm(t *testing.T, routes func(*gatehouse.Gate) http.Handler) func(*gatehouse.Gate) http.Handler {
	return func(g *gatehouse.Gate) http.Handler {
		next := routes(g)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if cause := recover(); cause != nil {
					t.Errorf("%s %s panics: %v", r.Method, r.URL.Path, cause)
					panic(cause)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
}

// TestPanickingStores: whatever method of a store, a denylist, a directory or a
// coordinator panics, in a request or behind it, everybody has an answer that says
// nothing of it, nobody is let in by it, and afterwards all is well.
func TestPanickingStores(t *testing.T) {
	for _, method := range []string{
		"Load", "Save", "Delete", "Revoke", "Revoked", "Enter", "List", "Leave", "Ready", "Join", "finish", "Shorten", "Forget",
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel() // a coordinator is waited for
			var store *mined
			opened := make(chan error, 2)
			both(t, setup{routes: calm(t, streams(opened)), gate: func(c *gatehouse.Config) {
				store = newMined(c.Clock)
				c.Revocations = store
				if c.Store != nil {
					c.Store = store
				}
			}}, func(t *testing.T, w *world) { panickingStore(t, w, store, method, opened) })
		})
	}
}

func panickingStore(t *testing.T, w *world, store *mined, method string, opened chan error) {
	b, leaving := w.browser().signIn(), w.browser().signIn()
	var client sync.WaitGroup
	client.Go(func() { b.fetch("/stream") }) // a handler that lives long is looked up in the background
	<-opened
	if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: "somebody"}); err != nil {
		t.Fatal(err) // from now on the list is asked
	}
	store.lay(method)
	said := func(res answer) {
		t.Helper()
		if strings.Contains(res.body, "oops") || strings.Contains(res.body, "goroutine") {
			t.Errorf("%s %s: %s", res.Request.Method, res.Request.URL.Path, res.body)
		}
	}
	said(b.fetch("/me"))
	w.clock.advance(due)
	said(b.fetch("/me"))
	said(b.fetch("/me")) // with what the renewal brought
	said(b.get("/auth/sessions"))
	said(w.browser().visit("/me"))
	said(leaving.send(http.MethodPost, "/auth/logout", navigation, ""))
	said(w.deliver(w.provider.LogoutToken("app", "carol", "").Sign()))
	_ = w.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: "carol"})
	_, _ = w.gate.Sessions(t.Context(), "alice")
	if err := w.gate.Ready(t.Context()); (err != nil) != (method == "Ready") {
		t.Errorf("ready: %v", err)
	}
	if strings.Contains(w.log.String(), "oops") {
		t.Error("the log shows what was panicked with")
	}
	store.lay("")
	b.fetch("/me").want(t, http.StatusOK, `"alice"`)
	leaving.fetch("/me").want(t, http.StatusUnauthorized)
	b.send(http.MethodPost, "/auth/logout", navigation, "")
	if err := <-opened; !errors.Is(err, gatehouse.ErrSignedOut) {
		t.Errorf("the handler that lives long ended by %v", err)
	}
	client.Wait()
}

// watched counts who watches it.
type watched struct {
	*mined
	watchers atomic.Int32
}

func (w *watched) Watch(changed func(names []string)) (stop func()) {
	w.at("Watch")
	unwatch := w.MemoryStore.Watch(changed)
	w.watchers.Add(1)
	if w.where.Load() == "no stop" {
		return nil
	}
	return func() {
		unwatch()
		w.watchers.Add(-1)
		w.at("stop")
	}
}

// TestPanickingWatches: a store or denylist that panics as it is watched makes no Gate,
// and leaves nothing watched; one that panics later keeps nothing from being closed.
func TestPanickingWatches(t *testing.T) {
	for _, where := range []string{"Watch", "stop", "no stop", "nowhere"} {
		for _, c := range []struct {
			field string
			use   func(c *gatehouse.Config, store, other *watched)
		}{
			{"Store", func(c *gatehouse.Config, store, _ *watched) { c.Store = store }},
			{"Store", func(c *gatehouse.Config, store, other *watched) { c.Store, c.Revocations = store, other }},
			{"Revocations", func(c *gatehouse.Config, store, other *watched) { c.Store, c.Revocations = other, store }},
		} {
			store, other := &watched{mined: newMined(time.Now)}, &watched{mined: newMined(time.Now)}
			store.lay(where)
			config := gatehouse.Config{Issuer: "https://idp.example.com", ClientID: "app", BaseURL: "https://app.example.com", SessionKeys: []cookie.Key{cookie.NewKey()}}
			c.use(&config, store, other)
			gate, err := gatehouse.New(config)
			if (err != nil) != (where == "Watch") {
				t.Fatalf("%s, %s: %v", c.field, where, err)
			}
			if err == nil {
				err = gate.Close()
			}
			text := fmt.Sprint(err)
			if (where == "nowhere") != (err == nil) || err != nil && !strings.Contains(text, c.field+": ") || strings.Contains(text, "oops") {
				t.Errorf("%s, %s: %v", c.field, where, err)
			}
			if store.watchers.Load() != 0 && where != "no stop" || other.watchers.Load() != 0 {
				t.Errorf("%s, %s: still watched", c.field, where)
			}
		}
	}
}

// RoundTrip implements http.RoundTripper.
func (m *mine) RoundTrip(r *http.Request) (*http.Response, error) {
	m.at("call")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		res.Body = minedBody{res.Body, m}
	}
	return res, err
}

type minedBody struct {
	io.ReadCloser
	*mine
}

func (b minedBody) Read(p []byte) (int, error) {
	b.at("answer")
	return b.ReadCloser.Read(p)
}

// minedLog is a handler of slog's.
type minedLog struct {
	slog.Handler
	*mine
}

func (l minedLog) Enabled(ctx context.Context, level slog.Level) bool {
	l.at("Enabled")
	return l.Handler.Enabled(ctx, level)
}

func (l minedLog) Handle(ctx context.Context, record slog.Record) error {
	l.at("Handle")
	return l.Handler.Handle(ctx, record)
}

// minedCodec seals session cookies.
type minedCodec struct {
	securecookie.Codec
	*mine
}

func (c minedCodec) Encode(name string, value any) (string, error) {
	c.at("Encode")
	return c.Codec.Encode(name, value)
}

func (c minedCodec) Decode(name, text string, into any) error {
	c.at("Decode")
	return c.Codec.Decode(name, text, into)
}

// TestPanickingCallbacks: the same for whatever else an application hands over, at
// a sign-in and at a request that has to renew its session.
func TestPanickingCallbacks(t *testing.T) {
	for name, c := range map[string]struct {
		signIn  int // what a sign-in ends with
		request int // and the request of who is signed in
		then    int // and that once all is well; the session may be lost with its tokens
	}{
		"call":    {http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.StatusOK},
		"answer":  {http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.StatusUnauthorized},
		"Enabled": {http.StatusOK, http.StatusOK, http.StatusOK},
		"Handle":  {http.StatusOK, http.StatusOK, http.StatusOK},
		"Clock":   {http.StatusOK, http.StatusOK, http.StatusOK},
		"Encode":  {http.StatusInternalServerError, http.StatusInternalServerError, http.StatusUnauthorized},
		"Decode":  {http.StatusInternalServerError, http.StatusUnauthorized, http.StatusOK},
		"Admit":   {http.StatusInternalServerError, http.StatusOK, http.StatusOK}, // no decision: the last one stands
		"rule":    {http.StatusForbidden, http.StatusForbidden, http.StatusOK},
	} {
		for _, first := range []bool{true, false} { // when nothing is known of the provider, and when all is
			t.Run(fmt.Sprintf("%s, first %v", name, first), func(t *testing.T) {
				var m mine
				codec, err := cookie.NewCodec([]cookie.Key{cookie.NewKey()}, "mine")
				if err != nil {
					t.Fatal(err)
				}
				w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
					c.HTTPClient = &http.Client{Transport: &m}
					c.Logger = slog.New(minedLog{c.Logger.Handler(), &m})
					c.CookieCodec = minedCodec{codec, &m}
					c.RememberedSessions = -1
					c.Admit = func(context.Context, *gatehouse.Admission) error { m.at("Admit"); return nil }
					now := c.Clock
					c.Clock = func() time.Time { m.at("Clock"); return now() }
				}, routes: calm(t, func(g *gatehouse.Gate) http.Handler {
					rule := rbac.Func("mined", func(*rbac.Subject) bool { m.at("rule"); return true })
					return g.Wrap(g.Require(rule)(http.HandlerFunc(me)))
				})})
				var b *browser
				if !first {
					b = w.browser().signIn()
				}
				m.lay(name)
				stranger := w.browser()
				res := stranger.visit("/me").want(t, c.signIn)
				if got := len(sessionCookies(stranger.cookies())); (got > 0) != (c.signIn == http.StatusOK || name == "rule") {
					t.Errorf("%d with %d cookies of a session", res.StatusCode, got)
				}
				if strings.Contains(res.body, "oops") || strings.Contains(w.log.String(), "oops") {
					t.Errorf("it shows what was panicked with: %s", res.body)
				}
				if !first {
					w.clock.advance(dead)
					b.fetch("/me").want(t, c.request)
				}
				m.lay("")
				w.clock.advance(2 * time.Second) // a failure is remembered for one
				if !first {
					b.fetch("/me").want(t, c.then)
				}
				w.browser().signIn()
			})
		}
	}
}

// TestPanickingErrorHandler: one that has written nothing yet is replaced by the
// built-in answer, headers and all. What it has begun to write is cut off, and so is
// what it means to.
func TestPanickingErrorHandler(t *testing.T) {
	for name, c := range map[string]struct {
		handler func(http.ResponseWriter)
		cut     bool
	}{
		"at once": {func(http.ResponseWriter) { panic("oops") }, false},
		"behind headers": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "3")
			w.Header().Set("Cache-Control", "public")
			panic("oops")
		}, false},
		"behind a status": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot); panic("oops") }, true},
		"half-way":        {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "hello "); panic("oops") }, true},
		"behind a flush":  {func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush(); panic("oops") }, true},
		"on purpose":      {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{gate: func(config *gatehouse.Config) {
				config.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, _ error) { c.handler(rw) }
			}})
			w.app.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
			r, err := http.NewRequest(http.MethodGet, w.app.URL+"/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = fetching.Clone()
			res, err := w.browser().client.Do(r)
			var body []byte
			if err == nil {
				defer res.Body.Close()
				body, err = io.ReadAll(res.Body)
			}
			if c.cut {
				if err == nil {
					t.Errorf("a whole answer: %d %s", res.StatusCode, body)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != http.StatusUnauthorized || !json.Valid(body) || strings.Contains(string(body), "oops") {
				t.Errorf("%d %s", res.StatusCode, body)
			}
			if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("header %v", res.Header)
			}
			if strings.Contains(w.log.String(), "oops") || !strings.Contains(w.log.String(), "ErrorHandler panicked with a string at attack_callbacks_test.go") {
				t.Errorf("the log says %s", w.log)
			}
		})
	}
}

// TestAbortedHandlers: a handler's own panic goes through whatever of ours is in
// front of it, as it was, for net/http to cut the answer off.
func TestAbortedHandlers(t *testing.T) {
	for name, cause := range map[string]any{"ErrAbortHandler": http.ErrAbortHandler, "its own": errors.New("own")} {
		w := newWorld(t, setup{})
		abort := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(cause) })
		mux := w.gate.Mux()
		mux.Handle("/", rbac.SignedIn(), abort)
		for front, handler := range map[string]http.Handler{
			"Wrap":         w.gate.Wrap(abort),
			"Identify":     w.gate.Identify(abort),
			"API":          w.gate.API(abort),
			"RequireLogin": w.gate.Wrap(w.gate.RequireLogin(abort)),
			"Mux":          w.gate.Wrap(mux),
		} {
			for _, renewing := range []bool{false, true} {
				r := httptest.NewRequest(http.MethodGet, "/x", nil)
				for _, c := range w.browser().signIn().cookies() {
					r.AddCookie(c)
				}
				if renewing {
					w.clock.advance(due)
				}
				if got := panicOf(handler, r); got != cause {
					t.Errorf("%s behind %s: %v", name, front, got)
				}
			}
		}
	}
}

// TestCookiesOfHandlersThatPanic: what is answered in the place of a handler that
// panicked carries the renewed session, and no cache may keep it, whatever the handler
// had said.
func TestCookiesOfHandlersThatPanic(t *testing.T) {
	for front, around := range map[string]func(*gatehouse.Gate, http.Handler) http.Handler{
		"Wrap":     (*gatehouse.Gate).Wrap,
		"Identify": (*gatehouse.Gate).Identify,
		"API":      (*gatehouse.Gate).API,
	} {
		w := newWorld(t, setup{})
		handler := around(w.gate, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=3600")
			w.Header().Del("Set-Cookie")
			panic("oops")
		}))
		r := httptest.NewRequest(http.MethodGet, "/x", nil)
		for _, c := range w.browser().signIn().cookies() {
			r.AddCookie(c)
		}
		w.clock.advance(due)
		answer := httptest.NewRecorder()
		func() {
			defer func() {
				_ = recover()
				answer.WriteHeader(http.StatusInternalServerError)
			}()
			handler.ServeHTTP(answer, r)
		}()
		res := answer.Result()
		if got := res.Header["Cache-Control"]; len(sessionCookies(res.Cookies())) != 1 || len(got) != 1 || got[0] != "no-store" {
			t.Errorf("%s: cookies %v, Cache-Control %q", front, res.Cookies(), got)
		}
	}
}

func panicOf(handler http.Handler, r *http.Request) (cause any) {
	defer func() { cause = recover() }()
	handler.ServeHTTP(httptest.NewRecorder(), r)
	return nil
}
