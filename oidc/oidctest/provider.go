package oidctest

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Provider is an OpenID Provider for tests, an http.Handler. Every method may be
// called at any time, by several goroutines at once.
type Provider struct {
	keys   *keyring
	secret []byte // authenticates codes and tokens, see handle

	closed context.Context // ends with Close
	close  context.CancelFunc

	faults    hooks[Fault]
	answers   hooks[func(map[string]any)]
	tokens    hooks[func(*JWT)]
	callbacks hooks[func(url.Values)]
	secrets   hooks[func(kind, secret string)]
	requests  requestLog

	mu       sync.Mutex
	config   Config
	issuer   string
	clients  map[string]Client
	users    map[string]User
	sessions map[string]session
	current  string // the session that SignIn began
	grants   map[string]*grant
	pushed   map[string]pushed    // by request_uri
	spent    map[string]time.Time // jti of proofs and assertions, until they can't come again
	reuses   int
}

// NewProvider makes a provider. It panics when config names an algorithm that
// doesn't exist. A provider has no goroutines of its own; [Provider.Close]
// matters where requests may hang in it.
func NewProvider(config Config) *Provider {
	config = config.withDefaults()
	if !known(config.Algorithm) {
		panic("oidctest: no such algorithm: " + config.Algorithm)
	}
	p := &Provider{
		keys:     newKeyring(config.Algorithm, config.Keys),
		secret:   []byte(rand.Text()),
		config:   config,
		clients:  map[string]Client{},
		users:    map[string]User{},
		sessions: map[string]session{},
		grants:   map[string]*grant{},
		pushed:   map[string]pushed{},
		spent:    map[string]time.Time{},
	}
	p.closed, p.close = context.WithCancel(context.Background())
	for _, c := range config.Clients {
		p.AddClient(c)
	}
	if strings.Contains(config.Issuer, "://") {
		p.issuer = config.Issuer
	}
	return p
}

// Close lets go of every request that hangs in the provider. Later ones are
// still answered, but nothing hangs any more.
func (p *Provider) Close() { p.close() }

// Configure changes the settings while the provider serves. Issuer, Clients,
// Keys and Algorithm stay what they were. change must not call the provider.
func (p *Provider) Configure(change func(*Config)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fixed := p.config
	change(&p.config)
	p.config.Issuer, p.config.Algorithm = fixed.Issuer, fixed.Algorithm
	p.config.Clients, p.config.Keys = fixed.Clients, fixed.Keys
	p.config = p.config.withDefaults()
}

// settings returns the settings of now.
func (p *Provider) settings() Config {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.config
}

func (p *Provider) now() time.Time { return p.settings().Clock() }

// Issuer returns the issuer identifier, empty as long as it is not known: see
// Config.Issuer.
func (p *Provider) Issuer() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.issuer
}

// serveUnder makes origin (a scheme and host) the issuer's, unless it has one.
func (p *Provider) serveUnder(origin string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.issuer == "" {
		p.issuer = origin + p.config.Issuer
	}
}

// ServeHTTP answers the endpoints that discovery names, below the issuer's path.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.serveUnder(origin(r))
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(p.closed, cancel)()
	r = r.WithContext(ctx)

	endpoint := p.endpointOf(r)
	if endpoint != Discovery && endpoint != JWKS {
		w.Header().Set("Cache-Control", "no-store") // RFC 6749 §5.1
	}
	if err := readForm(w, r); err != nil {
		http.Error(w, "oidctest: "+err.Error(), http.StatusBadRequest)
		return
	}
	p.requests.add(endpoint, r)
	p.tellRequest(r)
	var handler http.Handler = p.handler(endpoint)
	for _, fault := range p.faults.of(string(endpoint), string(Every)) {
		handler = fault(handler)
	}
	handler.ServeHTTP(w, r)
}

// origin returns the scheme and host that r was sent to.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
