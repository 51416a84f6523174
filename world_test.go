package gatehouse_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	stdlog "log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/canary"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// world is a provider, an application behind a gate, and a clock that both go
// by.
type world struct {
	testing.TB
	clock    *clock
	provider *oidctest.Provider
	idp      *httptest.Server
	config   gatehouse.Config
	gate     *gatehouse.Gate
	app      *httptest.Server
	log      *log
	canary   *canary.Watch // over all that is logged and answered
}

type clock struct{ now atomic.Int64 }

func newClock(now time.Time) *clock {
	c := &clock{}
	c.now.Store(now.UnixNano())
	return c
}

func (c *clock) Now() time.Time { return time.Unix(0, c.now.Load()) }

func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

// log keeps every line.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// signingKey is shared, because making one takes long.
var signingKey = sync.OnceValue(func() *oidctest.Key { return oidctest.NewKey("RS256") })

var alice = oidctest.User{Subject: "alice", Claims: map[string]any{"name": "Alice", "roles": []string{"admin", "editor"}}}

var bob = oidctest.User{Subject: "bob", Claims: map[string]any{"name": "Bob"}}

// setup is what a test asks for beyond the ordinary.
type setup struct {
	provider func(*oidctest.Config)
	gate     func(*gatehouse.Config)
	tls      bool
	routes   func(*gatehouse.Gate) http.Handler
}

func newWorld(t testing.TB, s setup) *world {
	t.Helper()
	w := &world{TB: t, clock: newClock(time.Now().Truncate(time.Second)), log: &log{}, canary: canary.New(t)}

	providing := oidctest.Config{
		Keys: []*oidctest.Key{signingKey()}, RefreshTokens: oidctest.RefreshAlways, Clock: w.clock.Now, Clients: []oidctest.Client{{ID: "app", Secret: clientSecret}},
	}
	if s.provider != nil {
		s.provider(&providing)
	}
	w.provider = oidctest.NewProvider(providing)
	w.idp = httptest.NewServer(w.provider)
	t.Cleanup(w.idp.Close)
	t.Cleanup(w.provider.Close)
	w.provider.SignIn(alice)
	w.provider.OnSecret(func(kind, secret string) { w.canary.Secret(canary.Kind(kind), secret) })

	var handler http.Handler
	serve := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) })
	w.app = httptest.NewUnstartedServer(serve)
	w.app.Config.ErrorLog = stdlog.New(w.canary.Writer("the server's log"), "", 0)
	if s.tls {
		w.app.StartTLS()
	} else {
		w.app.Start()
	}
	t.Cleanup(w.app.Close)

	config := gatehouse.Config{
		Issuer:       w.idp.URL,
		ClientID:     "app",
		ClientSecret: clientSecret,
		BaseURL:      w.app.URL,
		SessionKeys:  []cookie.Key{cookie.NewKey()},
		Logger:       w.canary.Logger(w.log),
		Clock:        w.clock.Now,
	}
	if s.gate != nil {
		s.gate(&config)
	}
	gate, err := gatehouse.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gate.Close() })
	gatehouse.BePatient(gate)
	w.gate, w.config = gate, config
	w.watch(config, gate)
	if s.routes == nil {
		s.routes = routes
	}
	handler = s.routes(gate)
	return w
}

// clientSecret is that of the client "app", unless a test says otherwise.
const clientSecret = "the-secret-of-the-client-in-these-tests"

// watch notes the secrets of a configuration, and what it and its gate print.
func (w *world) watch(config gatehouse.Config, gate *gatehouse.Gate) {
	w.canary.Secret(canary.ClientSecret, config.ClientSecret)
	for _, key := range config.SessionKeys {
		w.canary.Secret(canary.SessionKey, key.Encode())
	}
	w.canary.Print("what a gate prints", config, gate)
	w.canary.PrintHeld("what a gate prints in a field", gate)
	w.canary.Harvest(func() { w.canary.PrintLive("what a gate prints", config, gate, struct{ held any }{gate}) })
}

// saw notes the secrets of a request and its answer, and looks at what the application
// has answered. What is below AuthPath is the library's own.
func (w *world) saw(r *http.Request, res *http.Response, body string) {
	w.canary.Header(r.Header)
	w.canary.Address(r.URL.String())
	w.canary.Address(res.Header.Get("Location"))
	if strings.HasPrefix(r.URL.String(), w.app.URL+"/") {
		except := map[string][]canary.Kind{
			"session":  {canary.Nonce},   // one of the claims that a page's scripts are told
			"logout":   {canary.IDToken}, // in the provider's address, which a script is told
			"sessions": {canary.IDToken}, // likewise
		}[strings.TrimPrefix(r.URL.Path, "/auth/")]
		if !strings.Contains(r.URL.Path, "/auth/") {
			except = canary.Shown()
		}
		w.canary.Response("an answer", res.StatusCode, res.Header, body, except...)
	}
	w.canary.Header(res.Request.Header)
	if w.config.DPoP {
		w.canary.Secret(canary.ProofKey, string(gatehouse.ProofKeyOf(w.gate, res.Request)))
	}
}

// routes are the pages that most tests go to.
func routes(gate *gatehouse.Gate) http.Handler {
	mux := gate.Mux()
	mux.HandleFunc("/{$}", rbac.Public(), func(w http.ResponseWriter, r *http.Request) {
		who, ok := gatehouse.IdentityFrom(r.Context())
		if !ok {
			fmt.Fprint(w, "hello stranger")
			return
		}
		fmt.Fprint(w, "hello ", who.Subject())
	})
	mux.HandleFunc("/me", rbac.SignedIn(), me)
	mux.HandleFunc("/orders/{id}", rbac.SignedIn(), me)
	mux.HandleFunc("/admin", rbac.Role("admin"), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "admin ok") })
	api := gate.Mux()
	api.HandleFunc("/api/me", rbac.SignedIn(), me)
	root := http.NewServeMux()
	root.Handle("/", gate.Wrap(mux))
	root.Handle("/api/", gate.API(api))
	return root
}

// seen is what /me says.
type seen struct {
	Sub    string         `json:"sub"`
	Token  string         `json:"token"`
	Claims map[string]any `json:"claims"`
}

func me(w http.ResponseWriter, r *http.Request) {
	who, _ := gatehouse.IdentityFrom(r.Context())
	_ = json.NewEncoder(w).Encode(seen{who.Subject(), who.AccessToken(), who.Claims()})
}

// browser keeps cookies and sends what browsers send.
type browser struct {
	w      *world
	client *http.Client
	jar    *cookiejar.Jar
	agent  string // its User-Agent, when that matters
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if transport, ok := w.app.Client().Transport.(*http.Transport); ok {
		client.Transport = transport
	}
	return &browser{w: w, client: client, jar: jar}
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

// headers of the things that browsers do.
var (
	navigation = http.Header{
		"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {"same-origin"},
		"Accept": {"text/html,application/xhtml+xml,*/*;q=0.8"},
	}
	fetching = http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"}, "Accept": {"*/*"}}
)

func with(header http.Header, pairs ...string) http.Header {
	header = header.Clone()
	for i := 0; i < len(pairs); i += 2 {
		header.Set(pairs[i], pairs[i+1])
	}
	return header
}

// send makes one request and follows nothing. A path is one of the application.
func (b *browser) send(method, target string, header http.Header, body string) answer {
	b.w.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.w.app.URL + target
	}
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		b.w.Fatal(err)
	}
	r.Header = header.Clone()
	if b.agent != "" {
		r.Header.Set("User-Agent", b.agent)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.w.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.Fatal(err)
	}
	b.w.saw(r, res, string(text))
	return answer{res, string(text)}
}

// get navigates and follows nothing.
func (b *browser) get(target string) answer {
	b.w.Helper()
	return b.send(http.MethodGet, target, navigation, "")
}

// fetch is a script's request.
func (b *browser) fetch(target string) answer {
	b.w.Helper()
	return b.send(http.MethodGet, target, fetching, "")
}

// location is where a redirect leads.
func (a answer) location(t testing.TB) string {
	t.Helper()
	target, err := a.Location()
	if err != nil {
		t.Fatalf("%s %s: %d without a Location: %s", a.Request.Method, a.Request.URL, a.StatusCode, a.body)
	}
	return target.String()
}

// visit navigates and follows redirects to wherever they end.
func (b *browser) visit(target string) answer {
	b.w.Helper()
	for range 10 {
		res := b.get(target)
		if res.StatusCode < 300 || res.StatusCode > 399 {
			return res
		}
		target = res.location(b.w)
	}
	b.w.Fatalf("redirects without end, to %s", target)
	return answer{}
}

// post sends the form of a page of the provider's to where it belongs, as the page's
// script does, and goes where that leads.
func (b *browser) post(page answer) answer {
	b.w.Helper()
	header := with(navigation, "Sec-Fetch-Site", "cross-site", "Origin", b.w.idp.URL)
	res := b.send(http.MethodPost, attribute(page.body, "action"), header, page.fields().Encode())
	if res.StatusCode == http.StatusSeeOther {
		return b.visit(res.location(b.w))
	}
	return res
}

// fields are those of the form of a page.
func (a answer) fields() url.Values {
	values := url.Values{}
	for _, field := range strings.Split(a.body, "<input")[1:] {
		if name := attribute(field, "name"); name != "" {
			values.Set(name, attribute(field, "value"))
		}
	}
	return values
}

// signIn goes to a page that needs it, and fails the test unless it is shown.
func (b *browser) signIn() *browser {
	b.w.Helper()
	if res := b.visit("/me"); res.StatusCode != http.StatusOK {
		b.w.Fatalf("sign-in ended with %d at %s: %s\n%s", res.StatusCode, res.Request.URL, res.body, b.w.log)
	}
	return b
}

// me is what the application sees of this browser.
func (b *browser) me() seen {
	b.w.Helper()
	res := b.get("/me")
	var s seen
	if err := json.Unmarshal([]byte(res.body), &s); err != nil {
		b.w.Fatalf("/me: %d %s", res.StatusCode, res.body)
	}
	return s
}

// callback goes through the provider and stops before the application's
// callback, whose address it returns.
func (b *browser) callback(page string) string {
	b.w.Helper()
	toProvider := b.get(page).location(b.w)
	return b.get(toProvider).location(b.w)
}

// cookies that the application has set in this browser.
func (b *browser) cookies() []*http.Cookie {
	b.w.Helper()
	base, err := url.Parse(b.w.app.URL)
	if err != nil {
		b.w.Fatal(err)
	}
	return b.jar.Cookies(base)
}

// keep puts cookies back, as an old copy would be.
func (b *browser) keep(cookies []*http.Cookie) {
	b.w.Helper()
	base, err := url.Parse(b.w.app.URL)
	if err != nil {
		b.w.Fatal(err)
	}
	kept := make([]*http.Cookie, len(cookies)) // several browsers may be given the same ones
	for i, c := range cookies {
		own := *c
		own.Path = "/"
		kept[i] = &own
	}
	b.jar.SetCookies(base, kept)
}

func sessionCookies(cookies []*http.Cookie) (kept []*http.Cookie) {
	for _, c := range cookies {
		if strings.Contains(c.Name, "gatehouse") && !strings.Contains(c.Name, "-flow") {
			kept = append(kept, c)
		}
	}
	return kept
}

func flowCookies(cookies []*http.Cookie) (kept []*http.Cookie) {
	for _, c := range cookies {
		if strings.Contains(c.Name, "-flow-") {
			kept = append(kept, c)
		}
	}
	return kept
}

// want fails the test unless the answer has this status and says all of texts.
func (a answer) want(t testing.TB, status int, texts ...string) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s %s: %d, want %d: %s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s %s doesn't say %q: %s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
	return a
}

// late is when what a test still waits for is never going to be: shortly before go test
// ends it. A busy machine is no failure.
func late(t *testing.T) <-chan time.Time {
	deadline, ok := t.Deadline()
	if !ok {
		return nil
	}
	return time.After(time.Until(deadline) - 10*time.Second)
}

// eventually waits until something is so that happens in the background.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	never := late(t)
	for !so() {
		select {
		case <-time.After(time.Millisecond):
		case <-never:
			t.Fatalf("never: %s", what)
		}
	}
}
