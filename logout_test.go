package gatehouse_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestLogout(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.AfterLogout = "/bye" }})
	b := w.browser().signIn()
	res := b.send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther)
	if len(sessionCookies(b.cookies())) != 0 {
		t.Error("the session cookie is still there")
	}
	end, err := url.Parse(res.location(t))
	if err != nil {
		t.Fatal(err)
	}
	query := end.Query()
	if !strings.HasPrefix(end.String(), w.idp.URL) || query.Get("client_id") != "app" || query.Get("post_logout_redirect_uri") != w.app.URL+"/bye" ||
		strings.Count(query.Get("id_token_hint"), ".") != 2 || query.Get("state") == "" {
		t.Errorf("end session at %s", end)
	}
	if got := w.provider.Calls(oidctest.Revocation); got != 1 {
		t.Errorf("%d revocations", got)
	}
	if back := b.get(end.String()).location(t); !strings.HasPrefix(back, w.app.URL+"/bye") {
		t.Errorf("back at %s", back)
	}
	b.get("/").want(t, http.StatusOK, "stranger")
	w.provider.SignIn(alice)
	b.signIn() // the next login works
}

// TestNobodyElseSignsOut: another site's requests change nothing.
func TestNobodyElseSignsOut(t *testing.T) {
	crossSite := func(header http.Header) http.Header {
		return with(header, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", "Referer", "https://evil.example/")
	}
	for _, c := range []struct {
		name, method string
		header       http.Header
		status       int
	}{
		{"cross-site POST", http.MethodPost, crossSite(navigation), http.StatusForbidden},
		{"cross-site fetch()", http.MethodPost, crossSite(fetching), http.StatusForbidden},
		{"sibling host", http.MethodPost, with(navigation, "Sec-Fetch-Site", "same-site", "Origin", "https://other.app.example"), http.StatusForbidden},
		{"old browser, foreign Origin", http.MethodPost, http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		{"opaque Origin", http.MethodPost, http.Header{"Origin": {"null"}}, http.StatusForbidden},
		{"cross-site link", http.MethodGet, crossSite(navigation), http.StatusOK},
		{"image", http.MethodGet, http.Header{"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}, "Sec-Fetch-Site": {"same-origin"}}, http.StatusOK},
		{"prefetch", http.MethodGet, with(navigation, "Sec-Purpose", "prefetch"), http.StatusOK},
		{"iframe", http.MethodGet, with(navigation, "Sec-Fetch-Dest", "iframe"), http.StatusOK},
		{"typed address", http.MethodGet, with(navigation, "Sec-Fetch-Site", "none"), http.StatusOK},
		{"old browser's link", http.MethodGet, http.Header{"Accept": {"text/html"}}, http.StatusOK},
		{"another method", http.MethodDelete, navigation, http.StatusMethodNotAllowed},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, setup{})
			b := w.browser().signIn()
			res := b.send(c.method, "/auth/logout", c.header, "").want(t, c.status)
			if len(res.Cookies()) != 0 {
				t.Errorf("it sets %v", res.Cookies())
			}
			if c.status == http.StatusOK && !strings.Contains(res.body, `<form method="post" action="/auth/logout">`) {
				t.Errorf("no button: %s", res.body)
			}
			b.get("/me").want(t, http.StatusOK, "alice")
			if got := w.provider.Calls(oidctest.Revocation); got != 0 {
				t.Errorf("%d revocations", got)
			}
		})
	}
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	b.get("/auth/logout").want(t, http.StatusFound) // a link of the application's own
	b.get("/").want(t, http.StatusOK, "stranger")
}

func TestLogoutByFetch(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	res := b.send(http.MethodPost, "/auth/logout", fetching, "").want(t, http.StatusOK)
	var answer struct {
		LogoutURL string `json:"logout_url"`
	}
	if err := json.Unmarshal([]byte(res.body), &answer); err != nil || !strings.HasPrefix(answer.LogoutURL, w.idp.URL) {
		t.Errorf("%s, %v", res.body, err)
	}
	if len(sessionCookies(b.cookies())) != 0 {
		t.Error("the session cookie is still there")
	}
}

func TestLogoutWithoutASession(t *testing.T) {
	w := newWorld(t, setup{})
	res := w.browser().send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther)
	if got := res.Header.Get("Location"); got != "/" {
		t.Errorf("leads to %q", got)
	}
}

// TestLogoutWhileTheProviderIsAway signs out here all the same.
func TestLogoutWhileTheProviderIsAway(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	w.idp.Close()
	b.send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther)
	b.get("/").want(t, http.StatusOK, "stranger")
}

// TestLogoutAfterALostRenewal revokes the newest refresh token, and the old
// cookie is of no use any more.
func TestLogoutAfterALostRenewal(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	old := sessionCookies(b.cookies())
	w.clock.advance(due)
	b.get("/me").want(t, http.StatusOK)
	b.keep(old) // the answer was lost
	b.send(http.MethodPost, "/auth/logout", navigation, "")
	w.clock.advance(dead - due)
	b.keep(old)
	b.fetch("/me").want(t, http.StatusUnauthorized)
}

func TestLogoutWithoutEndSession(t *testing.T) {
	w := newWorld(t, setup{})
	w.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) {
		delete(d, "end_session_endpoint")
		delete(d, "revocation_endpoint")
	})
	b := w.browser().signIn()
	res := b.send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther)
	if got := res.Header.Get("Location"); got != "/" {
		t.Errorf("leads to %q", got)
	}
}

func TestSessionEndpoint(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser()
	b.fetch("/auth/session").want(t, http.StatusUnauthorized, "login_url")
	b.get("/auth/session").want(t, http.StatusUnauthorized, "login_url") // never a redirect
	b.signIn()
	w.clock.advance(live)
	res := b.fetch("/auth/session").want(t, http.StatusOK)
	var info struct {
		Sub            string
		Iss            string
		Claims         map[string]any
		ExpiresIn      int    `json:"expires_in"`
		TokenExpiresIn int    `json:"token_expires_in"`
		LogoutURL      string `json:"logout_url"`
	}
	if err := json.Unmarshal([]byte(res.body), &info); err != nil {
		t.Fatal(err)
	}
	if info.Sub != "alice" || info.Iss != w.idp.URL || info.Claims["name"] != "Alice" || info.ExpiresIn != 7200-180 || info.TokenExpiresIn != 120 ||
		info.LogoutURL != w.app.URL+"/auth/logout" {
		t.Errorf("%+v", info)
	}
	if res.Header.Get("Cache-Control") != "no-store" {
		t.Error("it may be cached")
	}
	b.send(http.MethodPost, "/auth/session", fetching, "").want(t, http.StatusMethodNotAllowed)
}

func TestPrefix(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.AuthPath = "/shop/signin/" }})
	b := w.browser().signIn()
	b.get("/auth/session").want(t, http.StatusNotFound)
	b.fetch("/shop/signin/session").want(t, http.StatusOK)
	b.get("/shop/signin/unknown").want(t, http.StatusNotFound)
}

// TestLogoutButton works in browsers that send no Sec-Fetch headers too. What
// they send as Origin depends on the policy of the page (Fetch §3.1): null under the
// no-referrer of all our pages, unless an element of this one says otherwise, and then
// nobody could tell whose page it is.
func TestLogoutButton(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	shown := b.send(http.MethodGet, "/auth/logout", http.Header{"Accept": {"text/html"}}, "").want(t, http.StatusOK, "<button>")
	header := http.Header{"Accept": {"text/html"}, "Origin": {w.app.URL}}
	if !tellsItself(t, shown) {
		header.Set("Origin", "null")
	}
	b.send(http.MethodPost, "/auth/logout", header, "").want(t, http.StatusSeeOther)
	b.get("/").want(t, http.StatusOK, "stranger")
}

// tellsItself reports whether forms of a page say which origin they are of.
func tellsItself(t *testing.T, page answer) bool {
	t.Helper()
	if got := page.Header.Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("Referrer-Policy %q", got)
	}
	head, _, _ := strings.Cut(page.body, "</head>")
	return strings.Contains(head, `<meta name="referrer" content="same-origin">`)
}

// TestLogoutDuringARenewal: the answer of a request that renewed meanwhile brings
// nobody back.
func TestLogoutDuringARenewal(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	cookies := sessionCookies(b.cookies())
	w.clock.advance(due)
	entered, release := make(chan struct{}), make(chan struct{})
	w.provider.Intercept(oidctest.Token, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			close(entered)
			<-release
			next.ServeHTTP(rw, r)
		})
	})
	answered := make(chan answer)
	go func() {
		tab := w.browser()
		tab.keep(cookies)
		answered <- tab.fetch("/orders/1")
	}()
	<-entered
	b.send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther)
	close(release)
	late := <-answered
	b.keep(sessionCookies(late.Cookies()))
	b.fetch("/me").want(t, http.StatusUnauthorized)
	b.keep(cookies)
	b.fetch("/me").want(t, http.StatusUnauthorized)
}
