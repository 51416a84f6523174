package conformance_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/interop"
	"github.com/gatehouse-go/gatehouse/internal/interop/conformance"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
	"github.com/go-jose/go-jose/v4"
)

// The client that the suite is told of. HS256 needs a secret as long (RFC 7518 §3.2).
const (
	clientID     = "shop"
	clientSecret = "a client secret of at least 32 bytes"
)

// theSuite is the one that CONFORMANCE_SUITE names.
func theSuite(t *testing.T) *conformance.Suite {
	t.Helper()
	address := os.Getenv("CONFORMANCE_SUITE")
	if address == "" {
		t.Skip("CONFORMANCE_SUITE names no conformance suite that is running")
	}
	return &conformance.Suite{
		Address: strings.TrimSuffix(address, "/"),
		Client:  trusting(authorities(t)),
	}
}

// authorities are those that vouch for the suite's server, and more of them.
func authorities(t *testing.T, more ...*x509.Certificate) *x509.CertPool {
	t.Helper()
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if file := os.Getenv("CONFORMANCE_CA"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !pool.AppendCertsFromPEM(text) {
			t.Fatalf("%s: no certificate", file)
		}
	}
	for _, certificate := range more {
		pool.AddCert(certificate)
	}
	return pool
}

// trusting is a client that trusts them.
func trusting(authorities *x509.CertPool) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}}}
}

// site is where the application is while the modules of a plan run, each with a
// gate of its own, and what the suite is told of its client.
type site struct {
	suite   *conformance.Suite
	server  *httptest.Server
	handler atomic.Pointer[http.Handler]
	key     oidc.SigningKey
}

func newSite(t *testing.T, suite *conformance.Suite) *site {
	t.Helper()
	s := &site{suite: suite, key: oidc.NewSigningKey()}
	s.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*s.handler.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(s.server.Close)
	return s
}

// form is what the form of a plan asks for. addresses are further ones of the
// application's.
func (s *site) form(addresses map[string]string) map[string]any {
	client := map[string]any{
		"client_id":     clientID,
		"client_secret": clientSecret,
		"redirect_uri":  s.server.URL + "/auth/callback",
		"jwks": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: s.key.Public(), KeyID: s.key.ID(), Algorithm: s.key.Algorithm(), Use: "sig"},
		}},
		"scope":                                "openid profile email",
		"frontchannel_logout_session_required": true,
	}
	for name, path := range addresses {
		client[name] = s.server.URL + path
	}
	return map[string]any{"description": "Gatehouse", "client": client, "waitTimeoutSeconds": 3}
}

// register registers a client where that belongs to a run.
func (s *site) register(t *testing.T, run *conformance.Run, addresses map[string]string) func(*gatehouse.Config) {
	t.Helper()
	metadata := map[string]any{
		"client_name":                "Gatehouse",
		"contacts":                   []string{"gatehouse@example.com"},
		"redirect_uris":              []string{s.server.URL + "/auth/callback"},
		"token_endpoint_auth_method": "client_secret_basic",
	}
	for name, path := range addresses {
		metadata[name] = s.server.URL + path
	}
	id, secret, err := run.Register(t.Context(), metadata)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *gatehouse.Config) { c.ClientID, c.ClientSecret = id, secret }
}

// visit is one run of a module: the suite as a provider, an application behind a
// gate, and somebody's browser.
type visit struct {
	*testing.T
	*interop.Browser
	site  *site
	run   *conformance.Run
	gate  *gatehouse.Gate
	clock *interop.Clock
	log   *lines
}

// newVisit starts the application. change adapts the gate's configuration.
func (s *site) newVisit(t *testing.T, run *conformance.Run, change ...func(*gatehouse.Config)) *visit {
	t.Helper()
	v := &visit{T: t, site: s, run: run, clock: new(interop.Clock), log: new(lines)}
	config := gatehouse.Config{
		Issuer:       run.Exposed.Issuer,
		ClientID:     clientID,
		ClientSecret: clientSecret,
		BaseURL:      s.server.URL,
		SessionKeys:  []cookie.Key{cookie.NewKey()},
		HTTPClient:   s.suite.Client,
		Logger:       slog.New(slog.NewTextHandler(v.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Clock:        v.clock.Now,
	}
	for _, change := range change {
		change(&config)
	}
	made, establish := gatehouse.New, (*gatehouse.Gate).Wrap
	if config.API.Audience != nil { // it signs nobody in
		made, establish, config.SessionKeys = gatehouse.NewResourceServer, (*gatehouse.Gate).API, nil
	}
	gate, err := made(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gate.Close() })
	v.gate = gate
	handler := establish(gate, v.application(gate))
	s.handler.Store(&handler)
	v.Browser = v.another()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the gate's log:\n%s", v.log)
		}
	})
	return v
}

// another is a browser without cookies.
func (v *visit) another() *interop.Browser {
	return interop.NewBrowser(v, trusting(authorities(v.T, v.site.server.Certificate())))
}

// application has a page for everybody, one for those who are signed in, and pages
// that show what a service says: one that finds no token good enough, and the one that
// the suite may have, which is asked for whoever is signed in, and for the application.
func (v *visit) application(gate *gatehouse.Gate) http.Handler {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))
	v.Cleanup(refusing.Close)
	pages := gate.Mux()
	pages.HandleFunc("/{$}", rbac.Public(), func(w http.ResponseWriter, r *http.Request) {
		if who, ok := gatehouse.IdentityFrom(r.Context()); ok {
			fmt.Fprint(w, "hello ", who.Subject())
			return
		}
		fmt.Fprint(w, "hello stranger")
	})
	pages.HandleFunc("/me", rbac.SignedIn(), func(w http.ResponseWriter, r *http.Request) {
		who, _ := gatehouse.IdentityFrom(r.Context())
		_ = json.NewEncoder(w).Encode(seen{who.Subject(), who.AccessToken(), who.Claims()})
	})
	pages.HandleFunc("/orders", rbac.SignedIn(), v.asking(gate, refusing.URL, gatehouse.Downstream{Origins: []string{refusing.URL}}))
	if accounts := v.run.Exposed.Accounts; accounts != "" {
		there := []string{v.site.suite.Address}
		pages.HandleFunc("/accounts", rbac.SignedIn(), v.asking(gate, accounts, gatehouse.Downstream{Origins: there}))
		pages.HandleFunc("/report", rbac.Public(), v.asking(gate, accounts, gatehouse.Downstream{Origins: there, Own: true}))
	}
	return pages
}

// asking is a page that shows what a service says.
func (v *visit) asking(gate *gatehouse.Gate, address string, service gatehouse.Downstream) http.HandlerFunc {
	service.Transport = v.site.suite.Client.Transport
	transport, err := gate.Downstream(service)
	if err != nil {
		v.Fatal(err)
	}
	client := &http.Client{Transport: transport}
	return func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, address, nil)
		if err != nil {
			gate.Fail(w, r, err)
			return
		}
		res, err := client.Do(req)
		if err != nil {
			gate.Fail(w, r, err)
			return
		}
		defer res.Body.Close()
		fmt.Fprint(w, "the service says ", res.StatusCode)
	}
}

// seen is what the application sees of who asks.
type seen struct {
	Sub, Token string
	Claims     map[string]any
}

// open opens a page of the application, and does in the suite's pages what their
// scripts do.
func (v *visit) open(path string) interop.Page {
	v.Helper()
	return v.arrive(v.Open(v.site.server.URL + path))
}

// arrive submits the form that a page of the suite's submits by itself.
func (v *visit) arrive(page interop.Page) interop.Page {
	v.Helper()
	if !strings.HasPrefix(page.URL.String(), v.site.suite.Address+"/") {
		return page
	}
	forms, err := page.Forms()
	if err != nil {
		v.Fatal(err)
	}
	if len(forms) == 0 {
		return page
	}
	return v.Submit(page, forms[0])
}

// signIn opens a page for those who are signed in, and ends there.
func (v *visit) signIn() seen {
	v.Helper()
	return v.read(v.open("/me"))
}

func (v *visit) read(page interop.Page) seen {
	v.Helper()
	var s seen
	if page.Status != http.StatusOK || page.URL.Path != "/me" {
		v.Fatalf("nobody is signed in: %s", page)
	}
	if err := json.Unmarshal([]byte(page.Body), &s); err != nil {
		v.Fatalf("%v: %s", err, page)
	}
	return s
}

// wantStranger fails the test if the application knows who this is.
func (v *visit) wantStranger(b *interop.Browser) {
	v.Helper()
	if page := b.Open(v.site.server.URL + "/"); page.Body != "hello stranger" {
		v.Errorf("somebody is signed in: %s", page)
	}
}

// beside is another window: a browser with what this one has of the application's
// cookies.
func (v *visit) beside() *interop.Browser {
	v.Helper()
	b := v.another()
	b.Restore(v.site.server.URL, v.Cookies(v.site.server.URL))
	return b
}

// signOut presses the button of the application's that signs out.
func (v *visit) signOut() interop.Page {
	v.Helper()
	action, err := url.Parse(v.site.server.URL + "/auth/logout")
	if err != nil {
		v.Fatal(err)
	}
	return v.arrive(v.Submit(v.open("/"), interop.Form{Action: action, Method: http.MethodPost, Values: url.Values{}}))
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
