package gatehouse_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/canary"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestRestart: an application that starts anew, with other keys and while its
// provider is away, serves those who were signed in. Renewals and the idle
// timeout seal by the first key, so that the last one can be dropped a session's
// life later.
func TestRestart(t *testing.T) {
	older, newer := cookie.NewKey(), cookie.NewKey()
	var config gatehouse.Config
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		c.SessionKeys = []cookie.Key{older}
		config = *c
	}})
	cookies := sessionCookies(w.browser().signIn().cookies())

	// ask has an application with these keys answer who carries these cookies.
	ask := func(cookies []*http.Cookie, keys ...cookie.Key) *http.Response {
		config.SessionKeys = keys
		gate, err := gatehouse.New(config)
		if err != nil {
			t.Fatal(err)
		}
		defer gate.Close()
		gatehouse.BePatient(gate)
		r := httptest.NewRequest(http.MethodGet, w.app.URL+"/me", nil)
		r.Header = fetching.Clone()
		for _, c := range cookies {
			r.AddCookie(c)
		}
		answer := w.canary.Recorder("an answer after a restart", canary.Shown()...)
		routes(gate).ServeHTTP(answer, r)
		return answer.Result()
	}
	status := func(res *http.Response, want int) {
		t.Helper()
		if res.StatusCode != want {
			t.Errorf("%d, want %d", res.StatusCode, want)
		}
	}

	back := w.provider.Intercept(oidctest.Discovery, oidctest.Drop())
	res := ask(cookies, newer, older)
	status(res, http.StatusOK)
	if len(res.Cookies()) != 0 {
		t.Errorf("it sets %v", res.Cookies())
	}
	status(ask(cookies, newer), http.StatusUnauthorized)
	w.clock.advance(due) // and can't be renewed
	status(ask(cookies, newer, older), http.StatusOK)
	w.clock.advance(dead - due)
	status(ask(cookies, newer, older), http.StatusServiceUnavailable)

	back()
	w.clock.advance(2 * time.Second)
	res = ask(cookies, newer, older)
	status(res, http.StatusOK)
	renewed := sessionCookies(res.Cookies())
	status(ask(renewed, newer), http.StatusOK)
	status(ask(renewed, older), http.StatusUnauthorized)
}

// TestClockJumps: a clock that is set signs nobody in for longer, and has nobody
// wait for it.
func TestClockJumps(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.IdleTimeout = -1 }})
	b := w.browser().signIn()
	w.clock.advance(-2 * time.Hour)
	b.get("/me").want(t, http.StatusOK, "alice")
	if got := w.provider.Calls(oidctest.Token); got != 1 {
		t.Errorf("%d token requests", got)
	}
	other := w.browser().signIn() // by keys and discovery of the future
	w.clock.advance(2*time.Hour + due)
	b.get("/me").want(t, http.StatusOK, "alice")
	other.get("/me").want(t, http.StatusOK, "alice")
	w.clock.advance(13 * time.Hour)
	b.fetch("/me").want(t, http.StatusUnauthorized)
	other.fetch("/me").want(t, http.StatusUnauthorized)
	w.browser().signIn()
}

// TestIssuers: what an issuer looks like is the provider's to decide.
func TestIssuers(t *testing.T) {
	for _, path := range []string{"", "/", "/realms/main", "/realms/main/", "/a%20b"} {
		t.Run(path, func(t *testing.T) {
			w := newWorld(t, setup{
				provider: func(c *oidctest.Config) { c.Issuer = path },
				gate:     func(c *gatehouse.Config) { c.Issuer += path },
			})
			b := w.browser().signIn()
			if got := b.me().Claims["iss"]; got != w.idp.URL+path {
				t.Errorf("iss is %v", got)
			}
			w.clock.advance(due)
			b.get("/me").want(t, http.StatusOK, "alice")
			b.send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther)
		})
	}
	for given, said := range map[string]string{"": "/", "/": "", "/realms/main": "/realms/main/", "/realms/Main": "/realms/main"} {
		w := newWorld(t, setup{
			provider: func(c *oidctest.Config) { c.Issuer = said },
			gate:     func(c *gatehouse.Config) { c.Issuer += given },
		})
		if res := w.browser().get("/me"); res.StatusCode < 500 {
			t.Errorf("an issuer %q passes for %q: %d", said, given, res.StatusCode)
		}
	}
}

// TestManyWithoutKeys: the provider rotated its keys, and they can't be read, or
// strangers have used up how often they are. However many ask, nobody is signed
// out by it, and nobody is told that the provider can't be trusted.
func TestManyWithoutKeys(t *testing.T) {
	w := newWorld(t, setup{})
	var people []*browser
	for range 8 {
		people = append(people, w.browser().signIn())
	}
	w.provider.RotateKeys()
	remove := w.provider.Intercept(oidctest.JWKS, oidctest.Status(http.StatusBadGateway))
	w.clock.advance(due)
	for _, b := range people {
		b.fetch("/me").want(t, http.StatusOK, "alice")
	}
	for range 8 {
		w.browser().visit("/me").want(t, http.StatusServiceUnavailable)
	}
	if got := w.provider.Calls(oidctest.JWKS); got > 1+5 {
		t.Errorf("the keys were read %d times", got)
	}
	remove()
	w.clock.advance(due - 2*time.Second)
	w.browser().signIn()

	key := oidctest.NewKey("RS256")
	undo := w.provider.OnIDToken(func(j *oidctest.JWT) { j.SignWith(key) })
	for range 8 {
		w.browser().visit("/me").want(t, http.StatusBadGateway)
	}
	undo()
	w.provider.RotateKeys()
	w.clock.advance(time.Second)
	for _, b := range people {
		b.fetch("/me").want(t, http.StatusOK, "alice")
	}
	w.clock.advance(due)
	for _, b := range people {
		b.fetch("/me").want(t, http.StatusOK, "alice")
	}
	if w.provider.Reuses() != 0 {
		t.Errorf("%d reuses", w.provider.Reuses())
	}
}
