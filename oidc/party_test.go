package oidc_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/canary"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

const redirectURL = "https://app.example.com/auth/callback"

// party is a relying party, its provider, and the clock of both.
type party struct {
	*testing.T
	provider *oidctest.Server
	client   *oidc.Client
	http     *http.Client // that reaches the provider
	log      *bytes.Buffer
	canary   *canary.Watch // over the log, and what tests show it
	mu       sync.Mutex
	now      time.Time
}

func (p *party) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *party) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

var rsaKey = sync.OnceValue(func() *oidctest.Key { return oidctest.NewKey("RS256") })

func newParty(t *testing.T, providing oidctest.Config, change func(*oidc.Config)) *party {
	t.Helper()
	p := &party{T: t, http: http.DefaultClient}
	providing.RefreshTokens = oidctest.RefreshAlways
	if providing.Algorithm == "" && providing.Keys == nil {
		providing.Keys = []*oidctest.Key{rsaKey()}
	}
	if providing.Clients == nil {
		providing.Clients = []oidctest.Client{{ID: "app", Secret: clientSecret}}
	}
	p.provider = oidctest.NewServer(t, providing)
	p.begin(change)
	return p
}

// begin signs somebody in at the provider, and makes the client.
func (p *party) begin(change func(*oidc.Config)) {
	p.Helper()
	p.now, p.log, p.canary = time.Now().Truncate(time.Second), &bytes.Buffer{}, canary.New(p)
	p.provider.OnSecret(func(kind, secret string) { p.canary.Secret(canary.Kind(kind), secret) })
	p.provider.Configure(func(c *oidctest.Config) { c.Clock = p.clock })
	p.provider.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"name": "Alice"}})
	config := oidc.Config{
		Issuer: p.provider.Issuer(), ClientID: "app", ClientSecret: clientSecret, RedirectURL: redirectURL, Clock: p.clock,
		Logger: p.canary.Logger(p.log),
	}
	if change != nil {
		change(&config)
	}
	client, err := oidc.NewClient(config)
	if err != nil {
		p.Fatal(err)
	}
	p.client = client
	p.canary.Secret(canary.ClientSecret, config.ClientSecret)
	p.canary.Print("what a client prints", config, client)
	p.canary.Harvest(func() { p.canary.PrintLive("what a client prints", config, client) })
}

// clientSecret is that of the client "app", unless a test says otherwise.
const clientSecret = "the-secret-of-the-client-in-these-tests"

var request = oidc.AuthRequest{State: "state", Nonce: "nonce-of-this-sign-in", CodeVerifier: strings.Repeat("v", 43)}

// code goes to the provider as a browser would.
func (p *party) code(request oidc.AuthRequest) oidc.Callback {
	p.Helper()
	location, err := p.client.AuthCodeURL(p.Context(), request)
	if err != nil {
		p.Fatal(err)
	}
	browser := &http.Client{Transport: p.http.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(location)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	back, err := res.Location()
	if err != nil {
		p.Fatalf("%d at %s", res.StatusCode, location)
	}
	answer, err := oidc.ParseCallback(back.Query())
	if err != nil {
		p.Fatalf("%v: %s", err, back)
	}
	return answer
}

// signIn runs a whole sign-in and returns what came of it.
func (p *party) signIn(request oidc.AuthRequest) (*oidc.Grant, error) {
	p.Helper()
	p.canary.Secret(canary.Verifier, request.CodeVerifier)
	p.canary.Secret(canary.ProofKey, string(request.ProofKey.Bytes()))
	answer := p.code(request)
	if err := p.client.CheckCallback(p.Context(), answer); err != nil {
		return nil, p.canary.Error("an error", err)
	}
	grant, err := p.client.Exchange(p.Context(), answer.Code, request)
	if grant != nil {
		p.canary.Print("what tokens print", grant.Tokens)
	}
	return grant, p.canary.Error("an error", err)
}

func mustJSON(t *testing.T, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}
