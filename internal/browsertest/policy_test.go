package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// site is an application with pages that need more than a sign-in.
type site struct {
	origin   string
	provider *oidctest.Server

	mu   sync.Mutex
	came []string // who came to /orders and /socket
	told []string // the Origin of what was posted to endpoints
}

func newSite(t *testing.T, provider oidctest.Config) *site {
	t.Helper()
	provider.Algorithm = "ES256"
	s := &site{provider: oidctest.NewServer(t, provider)}
	s.provider.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"roles": []string{"admin"}}})
	var handler http.Handler
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.listen(r)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(app.Close)
	s.origin = app.URL
	gate, err := gatehouse.New(gatehouse.Config{
		Issuer: s.provider.Issuer(), ClientID: "app", ClientSecret: "secret", BaseURL: app.URL, SessionKeys: []cookie.Key{cookie.NewKey()},
		Policy: rbac.Policy{Hierarchy: map[string][]string{"admin": {"editor"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gate.Close() })
	mux := gate.Mux()
	mux.HandleFunc("GET /{$}", rbac.Public(), s.page)
	mux.HandleFunc("GET /me", rbac.SignedIn(), s.page)
	mux.HandleFunc("GET /payments", rbac.All(rbac.ACR("mfa"), rbac.MaxAge(5*time.Minute)), s.page)
	mux.HandleFunc("POST /orders", rbac.SignedIn(), s.note)
	mux.HandleFunc("GET /socket", rbac.SignedIn(), s.note)
	mux.HandleFunc("/articles/{id}", rbac.All(rbac.Role("editor"), rbac.Not(rbac.Group("interns"))), s.page)
	mux.Handle("GET /policy", rbac.Role("admin"), gate.Matrix(mux))
	handler = gate.Wrap(mux)
	return s
}

func (s *site) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>%[1]s</title><h1>%[1]s</h1>`, r.URL.Path)
}

func (s *site) note(_ http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, _ := gatehouse.IdentityFrom(r.Context())
	s.came = append(s.came, r.URL.Path+" by "+who.Subject())
}

func (s *site) listen(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/auth/") {
		s.told = append(s.told, r.URL.Path+" from "+r.Header.Get("Origin"))
	}
}

// since returns who came since it was last asked.
func (s *site) since() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	came := strings.Join(s.came, ", ")
	s.came = nil
	return came
}

// TestMatrixPage: its own policy allows its style, it fits a phone, and its cells
// open.
func TestMatrixPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, oidctest.Config{})
	tab := open(t)
	tab.goTo(s.origin + "/policy")
	tab.at(s.origin, "/policy")
	tab.says("Who gets where")
	tab.picture("policy")
	if narrow := tab.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse"); narrow != "separate" {
		t.Errorf("the style doesn't apply: %v", narrow)
	}
	tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
	if text, _ := tab.evaluate("document.body.innerText").(string); !strings.Contains(text, "it depends on more than roles") {
		t.Errorf("the cells don't say why: %s", text)
	}
	tab.picture("policy-open")
}

// TestStepUp: a page that needs a stronger sign-in gets it, or says why not.
func TestStepUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, oidctest.Config{})
	tab := open(t)
	tab.goTo(s.origin + "/me")
	if status := tab.goTo(s.origin + "/payments"); status != http.StatusOK {
		t.Errorf("/payments: %d", status)
	}
	tab.at(s.origin, "/payments")

	ignorant := newSite(t, oidctest.Config{IgnoreACR: true})
	tab = open(t)
	tab.goTo(ignorant.origin + "/me")
	for range 2 {
		if status := tab.goTo(ignorant.origin + "/payments"); status != http.StatusForbidden {
			t.Errorf("/payments without a second factor: %d", status)
		}
	}
	tab.at(ignorant.origin, "/payments")
	tab.picture("step-up-ignored")
	tab.click(".button") // once more, with the same end
	tab.at(ignorant.origin, "/payments")
}

// TestButtonsSayWhereTheyAre: what the library's own pages post has an Origin, which
// is all that browsers without Fetch Metadata say of where they are.
func TestButtonsSayWhereTheyAre(t *testing.T) {
	t.Parallel()
	s := newSite(t, oidctest.Config{})
	tab := open(t)
	tab.goTo(s.origin + "/me")
	tab.goTo(s.origin + "/auth/sessions")
	tab.click("button[name=all]")
	tab.goTo(s.origin + "/auth/logout")
	tab.click("form button")
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := []string{"/auth/sessions from " + s.origin, "/auth/logout from " + s.origin}; !slices.Equal(s.told, want) {
		t.Errorf("%q, want %q", s.told, want)
	}
}

// TestForeignPages: what a page of another origin sends along with the session
// counts as nobody's, even where it is the same site.
func TestForeignPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, oidctest.Config{})
	foreign := httptest.NewServer(http.HandlerFunc((&site{}).page))
	t.Cleanup(foreign.Close)
	tab := open(t)
	tab.goTo(s.origin + "/me")

	const post = `fetch("%s/orders", {method: "POST", mode: "no-cors", credentials: "include", body: "a=b"}).then(() => "", () => "")`
	const socket = `new Promise(done => { const s = new WebSocket("%s/socket"); s.onerror = s.onclose = s.onopen = () => done("") })`
	send := func(script, to string) {
		t.Helper()
		if _, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](fmt.Sprintf(script, to), chromedp.EvalAwaitPromise)); err != nil {
			t.Fatal(err)
		}
	}
	form := chromedp.Evaluate[chromedp.Void](`(() => {
		const form = document.createElement("form");
		form.method = "post";
		form.action = "` + s.origin + `/orders";
		document.body.append(form);
		form.submit();
	})()`)
	for _, c := range []struct{ from, posted, opened string }{
		{s.origin, "/orders by alice", "/socket by alice"},
		{foreign.URL, "", ""},
		{strings.Replace(foreign.URL, "127.0.0.1", "localhost", 1), "", ""},
	} {
		tab.goTo(c.from + "/")
		send(post, s.origin)
		if came := s.since(); came != c.posted {
			t.Errorf("fetch from %s: %q", c.from, came)
		}
		send(socket, strings.Replace(s.origin, "http:", "ws:", 1))
		if came := s.since(); came != c.opened {
			t.Errorf("a WebSocket from %s: %q", c.from, came)
		}
		status := tab.load(form)
		if came := s.since(); came != c.posted || (status == http.StatusOK) != (c.posted != "") {
			t.Errorf("a form from %s: %d %q", c.from, status, came)
		}
	}
}
