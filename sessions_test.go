package gatehouse_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
)

// agents of two devices.
const (
	onWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
	onPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1"
)

// withAgent is the browser as another device sends its name.
func (b *browser) withAgent(agent string) *browser {
	b.agent = agent
	return b
}

// listed is the JSON of /auth/sessions.
func (b *browser) listed() (rows []struct {
	ID, Began, Seen, Ends, Where string
	Current                      bool
}) {
	b.w.Helper()
	res := b.fetch("/auth/sessions").want(b.w, http.StatusOK)
	var answer struct{ Sessions json.RawMessage }
	if err := json.Unmarshal([]byte(res.body), &answer); err != nil {
		b.w.Fatal(err)
	}
	if err := json.Unmarshal(answer.Sessions, &rows); err != nil || rows == nil {
		b.w.Fatalf("%s: %v", res.body, err)
	}
	return rows
}

func TestSessionsOfAPerson(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		desk := w.browser().withAgent(onWindows).signIn()
		w.clock.advance(10 * time.Minute)
		phone := w.browser().withAgent(onPhone).signIn()
		w.provider.SignIn(bob)
		bobs := w.browser().withAgent(onPhone).signIn()

		rows := phone.listed()
		if len(rows) != 2 || rows[0].Where != "Safari on iPhone" || !rows[0].Current || rows[1].Where != "Firefox on Windows" || rows[1].Current {
			t.Fatalf("%+v", rows)
		}
		began, _ := time.Parse(time.RFC3339, rows[1].Began)
		ends, _ := time.Parse(time.RFC3339, rows[1].Ends)
		if w.clock.Now().Sub(began) != 10*time.Minute || ends.Sub(began) != 12*time.Hour {
			t.Errorf("%+v", rows[1])
		}
		page := phone.get("/auth/sessions").want(t, http.StatusOK, "Safari on iPhone", "this browser", "Firefox on Windows", "10 minutes ago", "just now", "Sign out everywhere")
		if page.Header.Get("Cache-Control") != "no-store" || !strings.Contains(page.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("header %v", page.Header)
		}
		if !tellsItself(t, page) {
			t.Error("its forms have a null Origin, which browsers without Fetch Metadata are refused for")
		}
		desk.get("/me") // used again
		if rows := phone.listed(); rows[1].Seen != w.clock.Now().UTC().Format(time.RFC3339) {
			t.Errorf("%+v", rows)
		}
		if own := bobs.listed(); len(own) != 1 || !own[0].Current {
			t.Errorf("%+v", own)
		}

		// One of them.
		form := url.Values{"session": {rows[1].ID}}.Encode()
		bobs.send(http.MethodPost, "/auth/sessions", navigation, form).want(t, http.StatusSeeOther) // changes nothing
		desk.fetch("/me").want(t, http.StatusOK)
		if at := phone.send(http.MethodPost, "/auth/sessions", navigation, form).want(t, http.StatusSeeOther).location(t); at != w.app.URL+"/auth/sessions" {
			t.Errorf("ends at %s", at)
		}
		desk.fetch("/me").want(t, http.StatusUnauthorized)
		phone.send(http.MethodPost, "/auth/sessions", fetching, form).want(t, http.StatusNoContent) // once more
		if rows := phone.listed(); len(rows) != 1 {
			t.Errorf("%+v", rows)
		}

		// All of them.
		w.provider.SignIn(alice)
		desk.signIn()
		end := phone.send(http.MethodPost, "/auth/sessions", navigation, "all=1").want(t, http.StatusSeeOther).location(t)
		if !strings.HasPrefix(end, w.idp.URL) || len(sessionCookies(phone.cookies())) != 0 {
			t.Errorf("ends at %s, with %v", end, phone.cookies())
		}
		desk.fetch("/me").want(t, http.StatusUnauthorized)
		bobs.fetch("/me").want(t, http.StatusOK)

		// This one.
		end = bobs.send(http.MethodPost, "/auth/sessions", fetching, url.Values{"session": {bobs.listed()[0].ID}}.Encode()).want(t, http.StatusOK, "logout_url").body
		if !strings.Contains(end, w.idp.URL) {
			t.Errorf("says %s", end)
		}
		bobs.fetch("/auth/sessions").want(t, http.StatusUnauthorized)
		if left, err := w.gate.Sessions(t.Context(), "bob"); len(left) != 0 || err != nil {
			t.Errorf("%+v, %v", left, err)
		}
	})
}

// TestSessionsAreOnesOwn: no other site, and nobody without a session, sees or
// ends them.
func TestSessionsAreOnesOwn(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.TrustedOrigins = []string{"https://partner.example"} }})
	b := w.browser().signIn()
	evil := with(navigation, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	for _, c := range []struct {
		name   string
		who    *browser
		method string
		header http.Header
		body   string
		status int
	}{
		{"another site's form", b, http.MethodPost, evil, "all=1", http.StatusForbidden},
		{"one that is trusted with other forms", b, http.MethodPost, with(navigation, "Sec-Fetch-Site", "cross-site", "Origin", "https://partner.example"), "all=1", http.StatusForbidden},
		{"a sibling host's", b, http.MethodPost, with(navigation, "Sec-Fetch-Site", "same-site"), "all=1", http.StatusForbidden},
		{"nothing said", b, http.MethodPost, navigation, "", http.StatusBadRequest},
		{"one and all", b, http.MethodPost, navigation, "all=1&session=x", http.StatusBadRequest},
		{"not all", b, http.MethodPost, navigation, "all=0", http.StatusBadRequest},
		{"too much said", b, http.MethodPost, navigation, "all=1&x=" + strings.Repeat("x", 100_000), http.StatusBadRequest},
		{"another method", b, http.MethodDelete, navigation, "", http.StatusMethodNotAllowed},
		{"a stranger's fetch()", w.browser(), http.MethodGet, fetching, "", http.StatusUnauthorized},
		{"a stranger's form", w.browser(), http.MethodPost, navigation, "all=1", http.StatusUnauthorized},
		{"a stranger", w.browser(), http.MethodGet, navigation, "", http.StatusFound},
	} {
		if res := c.who.send(c.method, "/auth/sessions", c.header, c.body); res.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", c.name, res.StatusCode, c.status)
		}
	}
	b.get("/me").want(t, http.StatusOK, "alice")
	w.browser().visit("/auth/sessions").want(t, http.StatusOK, "Where you are signed in") // by way of the provider
}

// catalogue is a store whose directory can be lost, and shows what it was given.
type catalogue struct {
	*gatehouse.MemoryStore
	lost    atomic.Bool
	entered strings.Builder
}

func (c *catalogue) Enter(ctx context.Context, owner, id string, entry []byte, expires time.Time) error {
	if c.lost.Load() {
		return errAway
	}
	c.entered.WriteString(owner + id + string(entry))
	return c.MemoryStore.Enter(ctx, owner, id, entry, expires)
}

func (c *catalogue) List(ctx context.Context, owner string) (map[string][]byte, error) {
	if c.lost.Load() {
		return nil, errAway
	}
	return c.MemoryStore.List(ctx, owner)
}

// TestDirectoryIsAConvenience: it sees nothing, and keeps nobody out.
func TestDirectoryIsAConvenience(t *testing.T) {
	var list *catalogue
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		list = &catalogue{MemoryStore: gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})}
		c.Store = list
	}})
	b := w.browser().withAgent(onWindows).signIn()
	if given := list.entered.String(); len(given) < 100 || strings.Contains(given, "alice") || strings.Contains(given, "Windows") {
		t.Errorf("it was given %q", given)
	}
	other := w.replica(nil)
	if rows := b.at(other).listed(); len(rows) != 1 || rows[0].Where != "Firefox on Windows" {
		t.Errorf("another process lists %+v", rows)
	}
	list.lost.Store(true)
	w.browser().signIn()
	b.fetch("/me").want(t, http.StatusOK)
	b.fetch("/auth/sessions").want(t, http.StatusServiceUnavailable)
	if err := w.gate.Revoke(t.Context(), gatehouse.Revocation{Subject: "alice"}); err == nil {
		t.Error("Revoke doesn't say that it is incomplete")
	}
	b.fetch("/me").want(t, http.StatusUnauthorized)
}

// TestSessionsAfterARestart: a process that has forgotten everything lists who
// asks.
func TestSessionsAfterARestart(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	restarted := w.replica(nil)
	if rows := b.at(restarted).listed(); len(rows) != 1 || !rows[0].Current {
		t.Errorf("%+v", rows)
	}
}
