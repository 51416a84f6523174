package gatehouse_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// shelf is a store that remembers what it was given, and fails on demand.
type shelf struct {
	*gatehouse.MemoryStore
	away   atomic.Bool // nothing works
	frozen atomic.Bool // nothing can be saved

	mu   sync.Mutex
	seen bytes.Buffer // every id and value
	ids  map[string]bool
}

var errAway = errors.New("the store is away")

func newShelf(now func() time.Time) *shelf {
	return &shelf{MemoryStore: gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: now}), ids: map[string]bool{}}
}

func (s *shelf) Load(ctx context.Context, id string) ([]byte, error) {
	if s.away.Load() {
		return nil, errAway
	}
	return s.MemoryStore.Load(ctx, id)
}

func (s *shelf) Save(ctx context.Context, id string, previous, value []byte, expires time.Time) (bool, error) {
	if s.away.Load() || s.frozen.Load() {
		return false, errAway
	}
	s.mu.Lock()
	s.seen.WriteString(id)
	s.seen.Write(value)
	s.ids[id] = true
	s.mu.Unlock()
	return s.MemoryStore.Save(ctx, id, previous, value, expires)
}

func (s *shelf) Delete(ctx context.Context, id string) error {
	if s.away.Load() {
		return errAway
	}
	return s.MemoryStore.Delete(ctx, id)
}

func (s *shelf) Ready(context.Context) error {
	if s.away.Load() {
		return errAway
	}
	return nil
}

// kept counts what is still there.
func (s *shelf) kept() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.ids {
		if value, _ := s.MemoryStore.Load(context.Background(), id); value != nil {
			n++
		}
	}
	return n
}

// newStored is a world whose sessions are kept in a store.
func newStored(t testing.TB, s setup) (*world, *shelf) {
	t.Helper()
	var kept *shelf
	change := s.gate
	s.gate = func(c *gatehouse.Config) {
		kept = newShelf(c.Clock)
		c.Store = kept
		if change != nil {
			change(c)
		}
	}
	return newWorld(t, s), kept
}

// TestStoredSession: the cookie is small and stays what it was, renewals and use
// change the store alone, and a copied cookie is worth nothing after a logout.
func TestStoredSession(t *testing.T) {
	w, kept := newStored(t, setup{})
	b := w.browser().signIn()
	cookies := sessionCookies(b.cookies())
	if len(cookies) != 1 || len(cookies[0].Value) > 200 {
		t.Fatalf("%d cookies, of %d bytes", len(cookies), len(cookies[0].Value))
	}
	first := b.me().Token
	w.clock.advance(due)
	res := b.get("/me").want(t, http.StatusOK, "alice")
	if strings.Contains(res.body, first) || len(res.Cookies()) != 0 {
		t.Errorf("not renewed, or with %v", res.Cookies())
	}
	for range 6 { // used for longer than the idle timeout
		w.clock.advance(30 * time.Minute)
		if res := b.get("/me").want(t, http.StatusOK, "alice"); len(res.Cookies()) != 0 {
			t.Errorf("set %v", res.Cookies())
		}
	}
	b.send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther)
	if left := sessionCookies(b.cookies()); len(left) != 0 || kept.kept() != 0 {
		t.Errorf("%d cookies and %d sessions left", len(left), kept.kept())
	}
	b.keep(cookies)
	b.fetch("/me").want(t, http.StatusUnauthorized)
	if w.provider.Reuses() != 0 {
		t.Errorf("%d reuses", w.provider.Reuses())
	}
}

// TestStoredSessionIdles: the store's memory of it, not the cookie's, decides.
func TestStoredSessionIdles(t *testing.T) {
	w, kept := newStored(t, setup{})
	b := w.browser().signIn()
	w.clock.advance(2*time.Hour + time.Second)
	b.fetch("/me").want(t, http.StatusUnauthorized)
	if kept.kept() != 0 {
		t.Error("it is kept longer than it lasts")
	}
}

// TestStoreSeesNothing: neither tokens nor claims, nor an id that is in a cookie.
func TestStoreSeesNothing(t *testing.T) {
	w, kept := newStored(t, setup{})
	secrets := map[string]bool{"alice": true, "Alice": true, "editor": true}
	w.provider.OnAnswer(oidctest.Token, func(d map[string]any) {
		for _, name := range []string{"access_token", "refresh_token", "id_token"} {
			text, _ := d[name].(string)
			for _, part := range strings.Split(text, ".") {
				secrets[part] = true
			}
		}
	})
	b := w.browser().signIn()
	w.clock.advance(due)
	b.get("/me")
	for _, c := range sessionCookies(b.cookies()) {
		secrets[c.Value] = true
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if kept.seen.Len() < 1000 || len(secrets) < 8 {
		t.Fatalf("%d bytes seen, %d secrets", kept.seen.Len(), len(secrets))
	}
	for secret := range secrets {
		if bytes.Contains(kept.seen.Bytes(), []byte(secret)) {
			t.Errorf("the store saw %.40s…", secret)
		}
	}
}

// TestLoginReplacesTheOldSession: an id planted in a browser, or seen there
// before, is worth nothing afterwards, and neither is a cookie, at any replica.
func TestLoginReplacesTheOldSession(t *testing.T) {
	t.Run("store", func(t *testing.T) {
		w, kept := newStored(t, setup{})
		b := w.browser().signIn()
		replaces(t, w, b)
		if now := sessionCookies(b.cookies()); len(now) != 1 || kept.kept() != 1 {
			t.Errorf("%d cookies, %d sessions", len(now), kept.kept())
		}
	})
	t.Run("cookie", func(t *testing.T) {
		w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.Revocations = newList(c.Clock) }})
		replaces(t, w, w.browser().signIn())
	})
}

func replaces(t *testing.T, w *world, b *browser) {
	old := sessionCookies(b.cookies())
	w.clock.advance(due)
	b.get("/me").want(t, http.StatusOK)
	renewed := sessionCookies(b.cookies())
	b.visit("/auth/login?return_to=/me").want(t, http.StatusOK, "alice")
	if now := sessionCookies(b.cookies()); len(now) != 1 || now[0].Value == renewed[0].Value {
		t.Errorf("%d cookies", len(now))
	}
	other := w.replica(nil)
	for _, cookies := range [][]*http.Cookie{old, renewed} {
		planted := w.browser()
		planted.keep(cookies)
		planted.fetch("/me").want(t, http.StatusUnauthorized)
		late := planted.at(other).fetch("/me").want(t, http.StatusUnauthorized)
		if set := sessionCookies(late.Cookies()); len(set) > 0 { // in the browser they might be the new one's end
			t.Errorf("an answer to a script sets %v", set)
		}
	}
	b.get("/me").want(t, http.StatusOK, "alice")
	b.at(other).get("/me").want(t, http.StatusOK, "alice")
}

// TestForeignTickets: neither a cookie session nor one of another store counts.
func TestForeignTickets(t *testing.T) {
	w := newWorld(t, setup{})
	cookies := sessionCookies(w.browser().signIn().cookies())
	stored, kept := newStored(t, setup{})
	b := stored.browser()
	b.keep(cookies)
	b.fetch("/me").want(t, http.StatusUnauthorized)
	b.signIn()
	for id := range kept.ids { // somebody who writes to the store makes no session
		value, _ := kept.Load(t.Context(), id)
		changed := bytes.Clone(value)
		changed[len(changed)-1] ^= 1
		if saved, err := kept.Save(t.Context(), id, value, changed, stored.clock.Now().Add(time.Hour)); !saved || err != nil {
			t.Fatal(saved, err)
		}
	}
	b.fetch("/me").want(t, http.StatusUnauthorized)
}

// TestLogoutWhileTheStoreIsAway: the session is dead here once the store is back,
// and the person ends the one at the provider there, which nobody can vouch for.
func TestLogoutWhileTheStoreIsAway(t *testing.T) {
	w, kept := newStored(t, setup{})
	b := w.browser().signIn()
	cookies := sessionCookies(b.cookies())
	kept.away.Store(true)
	end := b.send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther).location(t)
	if !strings.HasPrefix(end, w.idp.URL+"/end-session?client_id=app&post_logout_redirect_uri=") || len(sessionCookies(b.cookies())) != 0 {
		t.Errorf("ends at %s, with %v", end, b.cookies())
	}
	kept.away.Store(false)
	b.keep(cookies)
	b.fetch("/me").want(t, http.StatusUnauthorized)
}

// TestStoreIsAway: nobody is signed out by it, no cookie is cleared, and all is
// well when it is back.
func TestStoreIsAway(t *testing.T) {
	w, kept := newStored(t, setup{})
	b := w.browser().signIn()
	kept.away.Store(true)
	for _, res := range []answer{b.get("/me"), b.fetch("/me"), b.fetch("/auth/session")} {
		res.want(t, http.StatusServiceUnavailable)
		if len(res.Cookies()) != 0 || res.Header.Get("Retry-After") == "" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("cookies %v, header %v", res.Cookies(), res.Header)
		}
	}
	b.get("/orders/5?a=b").want(t, http.StatusServiceUnavailable, `href="/orders/5?a=b">Try again`)
	b.get("/auth/sessions").want(t, http.StatusServiceUnavailable, `href="/auth/sessions">Try again`)
	posted := b.send(http.MethodPost, "/orders/5", with(navigation, "Origin", w.app.URL), "a=b").want(t, http.StatusServiceUnavailable)
	if strings.Contains(posted.body, "Try again") {
		t.Errorf("a link that asks for what was posted: %s", posted.body)
	}
	b.get("/").want(t, http.StatusOK, "stranger")
	if err := w.gate.Ready(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("ready: %v", err)
	}
	if res := w.browser().visit("/me"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a sign-in: %d", res.StatusCode)
	}
	kept.away.Store(false)
	b.get("/me").want(t, http.StatusOK, "alice")
	if err := w.gate.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestStoreFailsInMidRenewal: the new tokens are there and the old ones spent, so
// they are kept in the process until the store takes them.
func TestStoreFailsInMidRenewal(t *testing.T) {
	w, kept := newStored(t, setup{})
	b := w.browser().signIn()
	first := b.me().Token
	w.clock.advance(dead)
	kept.frozen.Store(true)
	for range 2 {
		if res := b.get("/me").want(t, http.StatusOK, "alice"); strings.Contains(res.body, first) {
			t.Error("the old token is served")
		}
	}
	kept.frozen.Store(false)
	b.get("/me").want(t, http.StatusOK, "alice")
	w.clock.advance(time.Minute)
	b.get("/me").want(t, http.StatusOK, "alice")
	w.clock.advance(dead)
	b.get("/me").want(t, http.StatusOK, "alice")
	if got := w.provider.Calls(oidctest.Token); got != 3 || w.provider.Reuses() != 0 {
		t.Errorf("%d token requests, %d reuses", got, w.provider.Reuses())
	}
}

// TestLogoutDuringRenewal: a renewal that finishes after a logout brings nothing
// back.
func TestLogoutDuringRenewal(t *testing.T) {
	w, kept := newStored(t, setup{})
	b := w.browser().signIn()
	cookies := sessionCookies(b.cookies())
	entered, release := make(chan struct{}), make(chan struct{})
	w.provider.Intercept(oidctest.Token, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			close(entered)
			<-release
			next.ServeHTTP(rw, r)
		})
	})
	w.clock.advance(dead)
	renewed := make(chan answer)
	go func() { renewed <- b.fetch("/me") }()
	<-entered
	other := w.browser()
	other.keep(cookies)
	other.send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther)
	close(release)
	(<-renewed).want(t, http.StatusUnauthorized)
	if kept.kept() != 0 {
		t.Error("the session is back")
	}
	b.keep(cookies)
	b.fetch("/me").want(t, http.StatusUnauthorized)
}

// oddStore can't be compared, and is ready all the same.
type oddStore struct {
	*shelf
	_ []int
}

func TestStoreThatCantBeCompared(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		odd := oddStore{shelf: newShelf(c.Clock)}
		c.Store, c.Revocations = odd, odd
	}})
	w.browser().signIn()
	if err := w.gate.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}
