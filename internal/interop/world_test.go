package interop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/interop"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// world is a real provider, and an application behind a gate on an https origin
// of another site.
type world struct {
	*testing.T
	server *interop.Server
	clock  *interop.Clock
	gate   *gatehouse.Gate
	pages  *http.ServeMux
	app    *httptest.Server
	log    *lines
}

// lines is a log that is kept.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newWorld starts it all. change, where given, adapts the gate's configuration.
func newWorld(t *testing.T, p interop.Provider, change func(*gatehouse.Config)) *world {
	t.Helper()
	var handler http.Handler
	app := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(app.Close)
	w := &world{T: t, clock: new(interop.Clock), app: app, log: new(lines)}
	w.server = p.Start(t, app.URL, w.clock)
	config := gatehouse.Config{
		Issuer:       w.server.Issuer,
		ClientID:     w.server.Client.ID,
		ClientSecret: w.server.Client.Secret,
		BaseURL:      app.URL,
		SessionKeys:  []cookie.Key{cookie.NewKey()},
		Logger:       slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Clock:        w.clock.Now,
	}
	if w.server.Client.Auth == interop.AuthKey {
		config.ClientKey = w.server.Client.Key
	}
	if change != nil {
		change(&config)
	}
	gate, err := gatehouse.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gate.Close() })
	w.gate, w.pages = gate, application(gate, p.Traits.RoleClaim)
	handler = w.pages
	t.Cleanup(w.report)
	return w
}

// strongest is a class of authentication that no provider here has been told of.
const strongest = "urn:example:acr:strongest"

// application has a page for everybody, pages for those who are signed in, one
// for administrators, two that need more than a sign-in, and an API.
func application(gate *gatehouse.Gate, roleClaim rbac.Path) *http.ServeMux {
	pages := gate.Mux()
	pages.HandleFunc("/{$}", rbac.Public(), func(w http.ResponseWriter, r *http.Request) {
		if who, ok := gatehouse.IdentityFrom(r.Context()); ok {
			fmt.Fprint(w, "hello ", who.String("name"))
			return
		}
		fmt.Fprint(w, "hello stranger")
	})
	pages.HandleFunc("/me", rbac.SignedIn(), me)
	pages.HandleFunc("/orders/{id}", rbac.SignedIn(), me)
	if roleClaim != nil {
		pages.HandleFunc("/admin", rbac.Claim(roleClaim, "admin"), me)
	}
	pages.HandleFunc("/recent", rbac.MaxAge(5*time.Minute), me)
	pages.HandleFunc("/secure", rbac.ACR(strongest), me)
	api := gate.Mux()
	api.HandleFunc("/api/me", rbac.SignedIn(), me)
	root := http.NewServeMux()
	root.Handle("/", gate.Wrap(pages))
	root.Handle("/api/", gate.API(api))
	return root
}

// seen is what the application sees of who asks.
type seen struct {
	Sub     string         `json:"sub"`
	Token   string         `json:"token"`
	Claims  map[string]any `json:"claims"`
	Expires time.Time      `json:"expires"`
}

func me(w http.ResponseWriter, r *http.Request) {
	who, _ := gatehouse.IdentityFrom(r.Context())
	_ = json.NewEncoder(w).Encode(seen{who.Subject(), who.AccessToken(), who.Claims(), who.Expires()})
}

// report shows the gate's log with a failure, and makes one of a secret in it,
// or of words of the provider's.
func (w *world) report() {
	log := w.log.String()
	secrets := []string{w.server.Client.Secret}
	for _, r := range w.server.TokenRequests() {
		secrets = append(secrets, r.RefreshToken, r.Issued, r.AccessToken, r.IDToken, r.ErrorDescription)
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(log, secret) {
			w.Errorf("the log shows %q", secret)
		}
	}
	if w.Failed() {
		w.Logf("the gate's log:\n%s", log)
	}
}

// browser is one at the application.
type browser struct {
	*interop.Browser
	w *world
}

func (w *world) browser() *browser {
	return &browser{interop.NewBrowser(w, w.app.Client()), w}
}

func (b *browser) open(path string) interop.Page {
	b.w.Helper()
	return b.Open(b.w.app.URL + path)
}

func (b *browser) fetch(path string) interop.Page {
	b.w.Helper()
	return b.Fetch(http.MethodGet, b.w.app.URL+path)
}

// signIn opens a page of the application, answers what the provider asks, and
// fails the test unless the page is shown in the end.
func (b *browser) signIn(path string, who interop.Person) interop.Page {
	b.w.Helper()
	return b.answer(b.open(path), path, who)
}

// answer is the rest of signIn: a page of the provider's is there already.
func (b *browser) answer(page interop.Page, path string, who interop.Person) interop.Page {
	b.w.Helper()
	page, err := b.w.server.SignIn(b.Browser, page, who)
	if err != nil {
		b.w.Fatal(err)
	}
	return b.want(page, http.StatusOK, path)
}

// want fails the test unless a page has this status and this address.
func (b *browser) want(page interop.Page, status int, path string) interop.Page {
	b.w.Helper()
	if page.Status != status || page.URL.String() != b.w.app.URL+path {
		b.w.Fatalf("want %d at %s, got %s", status, path, page)
	}
	return page
}

// me is what the application sees of this browser.
func (b *browser) me() seen {
	b.w.Helper()
	return b.read(b.want(b.open("/me"), http.StatusOK, "/me"))
}

// renewed is what the application sees once a session whose access token is still good
// was renewed: in the very request that wants it, unless the provider takes longer than
// the gate has anybody wait who can be served already. Then it is in one of the next.
func (b *browser) renewed(before seen) seen {
	b.w.Helper()
	const atOnce = 400 * time.Millisecond // less than the gate ever waits
	for {
		began := time.Now()
		if after := b.me(); after.Token != before.Token || time.Since(began) < atOnce {
			return after
		}
	}
}

func (b *browser) read(page interop.Page) seen {
	b.w.Helper()
	var s seen
	if err := json.Unmarshal([]byte(page.Body), &s); err != nil {
		b.w.Fatalf("%v: %s", err, page)
	}
	return s
}

// wantAsked fails the test unless the browser is on a page of the provider's.
func (b *browser) wantAsked(page interop.Page) interop.Page {
	b.w.Helper()
	if !b.w.server.At(page) {
		b.w.Fatalf("want a page of the provider's, got %s", page)
	}
	return page
}

// expire moves the clock to where the access token of a sign-in, or a renewal,
// of now has just expired.
func (w *world) expire() { w.clock.Advance(w.server.Traits.AccessLifetime + time.Second) }
