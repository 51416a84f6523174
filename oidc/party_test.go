package oidc_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

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
	p.provider = oidctest.NewServer(t, providing)
	p.begin(change)
	return p
}

// begin signs somebody in at the provider, and makes the client.
func (p *party) begin(change func(*oidc.Config)) {
	p.Helper()
	p.now, p.log = time.Now().Truncate(time.Second), &bytes.Buffer{}
	p.provider.Configure(func(c *oidctest.Config) { c.Clock = p.clock })
	p.provider.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"name": "Alice"}})
	config := oidc.Config{
		Issuer: p.provider.Issuer(), ClientID: "app", ClientSecret: "secret", RedirectURL: redirectURL, Clock: p.clock,
		Logger: slog.New(slog.NewTextHandler(p.log, nil)),
	}
	if change != nil {
		change(&config)
	}
	client, err := oidc.NewClient(config)
	if err != nil {
		p.Fatal(err)
	}
	p.client = client
}

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
	answer := p.code(request)
	if err := p.client.CheckCallback(p.Context(), answer); err != nil {
		return nil, err
	}
	return p.client.Exchange(p.Context(), answer.Code, request)
}

func mustJSON(t *testing.T, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}
