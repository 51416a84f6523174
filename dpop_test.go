package gatehouse_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func withDPoP(c *gatehouse.Config) { c.DPoP = true }

// A whole life of a session whose tokens are bound, wherever it is kept.
func TestBoundSession(t *testing.T) {
	for name, s := range map[string]setup{
		"cookie": {gate: withDPoP},
		"store": {gate: func(c *gatehouse.Config) {
			c.DPoP, c.Store = true, gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})
		}},
		"required": {gate: withDPoP, provider: func(c *oidctest.Config) {
			c.RequireDPoP, c.RequirePushed, c.DPoPNonce = true, true, "nonce-1"
		}},
		"public": {gate: func(c *gatehouse.Config) { c.DPoP, c.ClientSecret = true, "" }, provider: func(c *oidctest.Config) { c.Clients = []oidctest.Client{{ID: "app"}} }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, s)
			b := w.browser()
			asked, err := url.Parse(b.get("/me").location(t))
			if err != nil {
				t.Fatal(err)
			}
			if jkt := asked.Query().Get("dpop_jkt"); (jkt == "") != asked.Query().Has("request_uri") {
				t.Errorf("asked with dpop_jkt %q", jkt)
			}
			b.signIn()
			before := b.me()
			for range 2 {
				w.clock.advance(due)
				if now := b.me(); now.Token == before.Token {
					t.Error("not renewed")
				} else {
					before = now
				}
			}
			for _, endpoint := range []oidctest.Endpoint{oidctest.Token, oidctest.Userinfo} {
				for _, r := range w.provider.Requests(endpoint) {
					if strings.Count(r.Header.Get("DPoP"), ".") != 2 {
						t.Errorf("a request to %s has no proof", endpoint)
					}
				}
			}
			if w.provider.Reuses() != 0 {
				t.Error("a refresh token was used twice")
			}
		})
	}
}

func TestEverySessionHasAKeyOfItsOwn(t *testing.T) {
	w := newWorld(t, setup{gate: withDPoP})
	keys := map[string]bool{}
	for range 3 {
		asked, err := url.Parse(w.browser().get("/me").location(t))
		if err != nil {
			t.Fatal(err)
		}
		keys[asked.Query().Get("dpop_jkt")] = true
	}
	if len(keys) != 3 {
		t.Errorf("%d keys for three sessions", len(keys))
	}
}

// Who asked for bound tokens isn't content with others.
func TestProviderThatDowngrades(t *testing.T) {
	w := newWorld(t, setup{gate: withDPoP})
	b := w.browser().signIn()
	w.provider.OnAnswer(oidctest.Token, func(d map[string]any) { d["token_type"] = "Bearer" })
	w.clock.advance(due)
	b.fetch("/me").want(t, http.StatusUnauthorized)
	stranger := w.browser()
	stranger.visit("/me").want(t, http.StatusBadGateway, "can&#39;t be trusted")
}

// Sessions outlive the switch, in both directions.
func TestDPoPSwitchedOverSessions(t *testing.T) {
	for _, before := range []bool{true, false} {
		var config gatehouse.Config
		var handler http.Handler
		w := newWorld(t, setup{
			gate: func(c *gatehouse.Config) { c.DPoP = before; config = *c },
			routes: func(g *gatehouse.Gate) http.Handler {
				handler = routes(g)
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) })
			},
		})
		b := w.browser().signIn()
		config.DPoP = !before
		switched, err := gatehouse.New(config)
		if err != nil {
			t.Fatal(err)
		}
		handler = routes(switched)
		w.clock.advance(due)
		b.get("/me").want(t, http.StatusOK)
		proven := w.provider.Requests(oidctest.Token)[1].Header.Get("DPoP") != ""
		if proven != before {
			t.Errorf("begun with DPoP %v, renewed with a proof: %v", before, proven)
		}
		w.browser().signIn()
	}
}

func TestPushedSignInThatFails(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.PushedRequests = true }})
	b := w.browser()
	remove := w.provider.Intercept(oidctest.PushedRequest, oidctest.Status(503))
	b.get("/me").want(t, http.StatusServiceUnavailable, "does not answer")
	if got := flowCookies(b.cookies()); len(got) != 0 {
		t.Errorf("flow cookies %v", got)
	}
	remove()
	b.signIn()
}
