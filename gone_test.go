package gatehouse_test

import (
	"net/http"
	"testing"
)

// TestGoneSessionsAreCleared: the cookie of a session that the store keeps no longer
// is cleared where a browser goes to a page. Everybody else's answer sets nothing, and
// what isn't known to be gone stays.
func TestGoneSessionsAreCleared(t *testing.T) {
	for name, c := range map[string]struct {
		method, path string
		header       http.Header
		cleared      bool
	}{
		"a page that needs a sign-in": {"GET", "/me", navigation, true},
		"a page that doesn't":         {"GET", "/", navigation, true},
		"an old browser":              {"GET", "/", http.Header{"Accept": {"text/html"}}, true},
		"fetch()":                     {"GET", "/me", fetching, false},
		"a program":                   {"GET", "/", http.Header{}, false},
		"HEAD":                        {"HEAD", "/me", navigation, false},
		"a form":                      {"POST", "/me", with(navigation, "Origin", "https://app.example"), false},
		"a frame":                     {"GET", "/", with(navigation, "Sec-Fetch-Dest", "iframe"), false},
		"an image":                    {"GET", "/", with(navigation, "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"), false},
		"a prefetch":                  {"GET", "/", with(navigation, "Sec-Purpose", "prefetch"), false},
		"a WebSocket":                 {"GET", "/", with(navigation, "Sec-Fetch-Mode", "websocket", "Upgrade", "websocket"), false},
	} {
		t.Run(name, func(t *testing.T) {
			w, kept := newStored(t, setup{})
			b := w.browser().signIn()
			kept.mu.Lock()
			for id := range kept.ids {
				if err := kept.MemoryStore.Delete(t.Context(), id); err != nil {
					t.Error(err)
				}
			}
			kept.mu.Unlock()

			kept.away.Store(true)
			b.send(c.method, "/me", c.header, "").want(t, http.StatusServiceUnavailable)
			if left := sessionCookies(b.cookies()); len(left) != 1 {
				t.Fatal("cleared while nobody knows")
			}
			kept.away.Store(false)
			res := b.send(c.method, c.path, c.header, "")
			if left := sessionCookies(b.cookies()); (len(left) == 0) != c.cleared {
				t.Errorf("%d cookies left", len(left))
			}
			set := sessionCookies(res.Cookies())
			if (len(set) == 1) != c.cleared || c.cleared && res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("sets %v, %q", set, res.Header.Get("Cache-Control"))
			}
		})
	}
}

// TestBadCookiesStay: what can't be opened here may be opened by a process with another
// key.
func TestBadCookiesStay(t *testing.T) {
	w, _ := newStored(t, setup{})
	b := w.browser().signIn()
	cookies := sessionCookies(b.cookies())
	cookies[0].Value = cookies[0].Value[1:]
	b.keep(cookies)
	for _, path := range []string{"/", "/me"} {
		if set := sessionCookies(b.get(path).Cookies()); len(set) != 0 {
			t.Errorf("%s sets %v", path, set)
		}
	}
}
