package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/canary"
)

const tokenLifetime = time.Minute

// world is the site and the provider. The site's clock stands still until a test
// moves it.
type world struct {
	*testing.T
	site    string
	seconds atomic.Int64 // Unix time at the site
	browser *http.Client
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{T: t}
	siteServer, providerServer := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	w.site = "http://" + siteServer.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(providerServer.Listener.Addr().String())
	p, err := newProvider("http://localhost:"+port, w.site, tokenLifetime)
	if err != nil {
		t.Fatal(err)
	}
	watch := canary.New(t)
	config := p.gateConfig()
	watch.Secret(canary.ClientSecret, config.ClientSecret)
	for _, key := range config.SessionKeys {
		watch.Secret(canary.SessionKey, key.Encode())
	}
	config.Logger = watch.Logger(io.Discard)
	w.seconds.Store(time.Now().Unix())
	config.Clock = func() time.Time { return time.Unix(w.seconds.Load(), 0) }
	s, err := newSite(config, tokenLifetime)
	if err != nil {
		t.Fatal(err)
	}
	siteServer.Config.Handler, providerServer.Config.Handler = s, p
	siteServer.Start()
	providerServer.Start()
	t.Cleanup(func() {
		siteServer.Close()
		providerServer.Close()
		s.gate.Close()
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	looked := func(u *url.URL) bool { return strings.HasPrefix(u.String(), w.site+"/") }
	w.browser = &http.Client{Jar: jar, Transport: watch.Transport(http.DefaultTransport, looked)}
	return w
}

// answer is a page, wherever redirects led.
type answer struct {
	status int
	url    *url.URL
	body   string
}

func (w *world) send(method, address string, form url.Values) answer {
	w.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := w.browser.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{res.StatusCode, res.Request.URL, string(body)}
}

func (w *world) get(path string) answer {
	w.Helper()
	return w.send(http.MethodGet, w.site+path, nil)
}

var action = regexp.MustCompile(`<form method="post" action="([^"]+/authorize/[^"]+)"`)

// fill sends the provider's form.
func (w *world) fill(at answer, name, password string) answer {
	w.Helper()
	found := action.FindStringSubmatch(at.body)
	if found == nil {
		w.Fatalf("no form to sign in by at %s: %s", at.url, at.body)
	}
	return w.send(http.MethodPost, found[1], url.Values{"username": {name}, "password": {password}})
}

func (a answer) want(t *testing.T, status int, path, text string) {
	t.Helper()
	if a.status != status || a.url.Path != path || !strings.Contains(a.body, text) {
		t.Errorf("%d at %s, want %d at %s with %q:\n%s", a.status, a.url, status, path, text, a.body)
	}
}

func TestPages(t *testing.T) {
	for _, who := range people {
		t.Run(who.Login, func(t *testing.T) {
			w := start(t)
			w.get("/").want(t, http.StatusOK, "/", "One gate in front of your handlers.")
			form := w.get("/profile")
			wrong := w.fill(form, who.Login, "something else")
			if wrong.status != http.StatusOK || !strings.Contains(wrong.body, `role="alert"`) {
				t.Errorf("a wrong password: %d %s", wrong.status, wrong.body)
			}
			w.fill(wrong, who.Login, who.Password).want(t, http.StatusOK, "/profile", who.Email)
			w.get("/").want(t, http.StatusOK, "/", "Welcome, "+who.Name)
			for _, file := range []string{"/style.css", "/profile.js", "/icon.svg"} {
				w.get(file).want(t, http.StatusOK, file, "")
			}
			w.get("/nothing").want(t, http.StatusNotFound, "/nothing", "There is no such page here.")
			if who.Role == "admin" {
				w.get("/admin").want(t, http.StatusOK, "/admin", "You have the key.")
			} else {
				w.get("/admin").want(t, http.StatusForbidden, "/admin", "does not have access")
			}
		})
	}
}

// left is how many seconds the access token lives, as the profile page asks.
func (w *world) left() (seconds int, ok bool) {
	w.Helper()
	got := w.get("/auth/session")
	var info struct {
		Left int `json:"token_expires_in"`
	}
	if got.status != http.StatusOK {
		return 0, false
	}
	if err := json.Unmarshal([]byte(got.body), &info); err != nil {
		w.Fatal(err)
	}
	return info.Left, true
}

func TestRenewal(t *testing.T) {
	w := start(t)
	w.fill(w.get("/profile"), "alice", people[0].Password).want(t, http.StatusOK, "/profile", "Alice")
	for _, step := range []struct {
		after int64 // seconds
		left  int
	}{
		{0, 60},   // as issued
		{40, 20},  // not due yet
		{10, 60},  // renewed in its last quarter
		{300, 60}, // renewed when long dead
	} {
		w.seconds.Add(step.after)
		if left, ok := w.left(); !ok || left != step.left {
			t.Errorf("%d s later the token lives %d s (signed in: %t), want %d", step.after, left, ok, step.left)
		}
	}
	w.get("/profile").want(t, http.StatusOK, "/profile", "Alice")
}

func TestSignOut(t *testing.T) {
	w := start(t)
	w.fill(w.get("/profile"), "alice", people[0].Password).want(t, http.StatusOK, "/profile", "Alice")
	w.send(http.MethodPost, w.site+"/auth/logout", nil).want(t, http.StatusOK, "/", "One gate in front of your handlers.")
	if _, ok := w.left(); ok {
		t.Error("still signed in at the site")
	}
	w.fill(w.get("/profile"), "bob", people[1].Password).want(t, http.StatusOK, "/profile", "Bob") // the provider asks again
}

// TestSingleSignOn: what the provider knows it doesn't ask.
func TestSingleSignOn(t *testing.T) {
	w := start(t)
	w.fill(w.get("/profile"), "alice", people[0].Password).want(t, http.StatusOK, "/profile", "Alice")
	w.get("/auth/login?return_to=/admin").want(t, http.StatusOK, "/admin", "You have the key.")
	asked := w.get("/auth/login?return_to=/profile&prompt=login")
	w.fill(asked, "bob", people[1].Password).want(t, http.StatusOK, "/profile", "Bob")
}

func TestListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	usual := taken.Addr().String()
	for name, c := range map[string]struct {
		addr string
		ok   bool
	}{
		"usual address taken": {"", true},
		"any port":            {"127.0.0.1:0", true},
		"taken":               {usual, false},
		"every interface":     {":0", false},
		"another machine's":   {"192.0.2.1:0", false},
		"nonsense":            {"nonsense", false},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := listen(c.addr, usual)
			if err == nil {
				l.Close()
			}
			if (err == nil) != c.ok {
				t.Errorf("listening at %q: %v", c.addr, err)
			}
		})
	}
}

// TestRun is the program itself, until somebody stops it.
func TestRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, write, "127.0.0.1:0", tokenLifetime)
		write.Close()
	}()
	var said strings.Builder
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "bob") {
			break
		}
	}
	site := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(said.String())
	if site == "" || !strings.Contains(said.String(), people[0].Password) {
		t.Fatalf("the program says %q", said.String())
	}
	res, err := http.Get(site + "/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	stop()
	if err := <-done; err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%d, then %v", res.StatusCode, err)
	}
}
