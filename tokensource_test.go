package gatehouse_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

func TestOwnToken(t *testing.T) {
	for name, s := range map[string]setup{"bearer": {}, "DPoP": {gate: withDPoP}} {
		t.Run(name, func(t *testing.T) {
			api := newService(t)
			w := calling(t, s, func() string { return api.URL }, func(g *gatehouse.Gate) http.RoundTripper {
				transport, err := g.Downstream(gatehouse.Downstream{Origins: []string{api.URL}, Own: true, Audience: "orders", Scopes: []string{"orders:read", "orders:write"}})
				if err != nil {
					t.Fatal(err)
				}
				return transport
			})
			b := w.browser()
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() { b.get("/call").want(t, http.StatusOK) })
			}
			wg.Wait()
			asked := grants(w, "client_credentials")
			got := api.received()
			if len(got) != 10 || len(asked) != 1 {
				t.Fatalf("%d calls with %d tokens", len(got), len(asked))
			}
			said := claimsOf(t, got[0].token())
			if said["sub"] != "app" || said["aud"] != "orders" || said["scope"] != "orders:read orders:write" || (said["cnf"] != nil) != (name == "DPoP") {
				t.Errorf("the token says %v", said)
			}
			w.clock.advance(due)
			b.get("/call").want(t, http.StatusOK)
			if n := len(grants(w, "client_credentials")); n != 2 {
				t.Errorf("%d tokens after one was due", n)
			}
			// While the provider is away, a token serves to its end.
			w.clock.advance(due)
			remove := w.provider.Intercept(oidctest.Token, oidctest.Status(500))
			b.get("/call").want(t, http.StatusOK)
			w.clock.advance(time.Minute)
			b.get("/call").want(t, http.StatusServiceUnavailable, "does not answer")
			remove()
			w.clock.advance(2 * time.Second)
			api.refuse = func(n int, _ *http.Request) bool { return n == 14 }
			b.get("/call").want(t, http.StatusOK)
			w.clock.advance(time.Minute)
			b.get("/call").want(t, http.StatusOK)
		})
	}
}

// grants are the forms of token requests of one type.
func grants(w *world, kind string) (asked []url.Values) {
	for _, r := range w.provider.Requests(oidctest.Token) {
		if strings.HasSuffix(r.Form.Get("grant_type"), kind) {
			asked = append(asked, r.Form)
		}
	}
	return asked
}

func TestExchangedToken(t *testing.T) {
	for name, s := range map[string]setup{"bearer": {}, "DPoP": {gate: withDPoP}, "public": {
		gate:     func(c *gatehouse.Config) { c.ClientSecret = "" },
		provider: func(c *oidctest.Config) { c.Clients = []oidctest.Client{{ID: "app"}} },
	}} {
		t.Run(name, func(t *testing.T) {
			api := newService(t)
			w := calling(t, s, func() string { return api.URL }, func(g *gatehouse.Gate) http.RoundTripper {
				transport, err := g.Downstream(gatehouse.Downstream{Origins: []string{api.URL}, Audience: "orders", Resource: "https://orders.internal"})
				if err != nil {
					t.Fatal(err)
				}
				return transport
			})
			w.browser().get("/call").want(t, http.StatusInternalServerError)
			alices, bobs := w.browser().signIn(), w.browser()
			for range 3 {
				alices.get("/call").want(t, http.StatusOK)
			}
			w.provider.SignIn(oidctest.User{Subject: "bob"})
			bobs.signIn().get("/call").want(t, http.StatusOK)
			alices.get("/call").want(t, http.StatusOK)
			asked, got := grants(w, "token-exchange"), api.received()
			if len(asked) != 2 || len(got) != 5 {
				t.Fatalf("%d exchanges for %d calls", len(asked), len(got))
			}
			for i, sub := range []string{"alice", "alice", "alice", "bob", "alice"} {
				said := claimsOf(t, got[i].token())
				if said["sub"] != sub || fmt.Sprint(said["aud"]) != "[https://orders.internal orders]" || fmt.Sprint(said["act"]) != "map[sub:app]" {
					t.Errorf("call %d with a token that says %v", i, said)
				}
				if (said["cnf"] != nil) != (name == "DPoP") || (got[i].Proof != "") != (name == "DPoP") {
					t.Errorf("call %d: bound %v, proof %.6q", i, said["cnf"], got[i].Proof)
				}
			}
			w.clock.advance(due) // the user's token is another one then
			alices.get("/call").want(t, http.StatusOK)
			if n := len(grants(w, "token-exchange")); n != 3 {
				t.Errorf("%d exchanges", n)
			}
			w.clock.advance(time.Minute)
			n := len(api.received())
			api.refuse = func(call int, _ *http.Request) bool { return call == n+1 }
			alices.get("/call").want(t, http.StatusOK)
			if n := len(grants(w, "token-exchange")); n != 4 {
				t.Errorf("%d exchanges after a refusal", n)
			}
		})
	}
}

func TestExchangesThatFail(t *testing.T) {
	answer := func(change func(map[string]any)) func(*world) {
		return func(w *world) {
			w.provider.OnAnswer(oidctest.Token, func(d map[string]any) {
				if d["issued_token_type"] != nil {
					change(d)
				}
			})
		}
	}
	exchanging := func(fault oidctest.Fault) func(*world) {
		return func(w *world) {
			w.provider.Intercept(oidctest.Token, oidctest.When(func(r *http.Request) bool {
				return strings.HasSuffix(r.PostForm.Get("grant_type"), "token-exchange")
			}, fault))
		}
	}
	for name, c := range map[string]struct {
		hostile func(*world)
		status  int
	}{
		"no type":         {answer(func(d map[string]any) { d["issued_token_type"] = 7 }), 502},
		"an ID token":     {answer(func(d map[string]any) { d["issued_token_type"] = "urn:ietf:params:oauth:token-type:id_token" }), 502},
		"a refresh token": {answer(func(d map[string]any) { d["issued_token_type"] = "urn:ietf:params:oauth:token-type:refresh_token" }), 502},
		"N_A":             {answer(func(d map[string]any) { d["token_type"] = "N_A" }), 502},
		"bound to what":   {answer(func(d map[string]any) { d["token_type"] = "DPoP" }), 502},
		"refused":         {exchanging(oidctest.OAuthError(400, "invalid_target", "canary")), 502},
		"unsupported":     {exchanging(oidctest.OAuthError(400, "unsupported_grant_type", "canary")), 502},
		"over":            {exchanging(oidctest.OAuthError(400, "invalid_grant", "canary")), 502},
		"down":            {exchanging(oidctest.Status(503)), 503},
		"dropped":         {exchanging(oidctest.Drop()), 503},
		"redirected":      {exchanging(oidctest.Redirect(307, "https://evil.example/")), 503},
		"a bomb":          {exchanging(oidctest.GzipBomb()), 503},
	} {
		t.Run(name, func(t *testing.T) {
			api := newService(t)
			w := calling(t, setup{}, func() string { return api.URL }, func(g *gatehouse.Gate) http.RoundTripper {
				transport, err := g.Downstream(gatehouse.Downstream{Origins: []string{api.URL}, Audience: "orders"})
				if err != nil {
					t.Fatal(err)
				}
				return transport
			})
			b := w.browser().signIn()
			c.hostile(w)
			for range 3 { // of which the provider hears once
				res := b.get("/call").want(t, c.status)
				if strings.Contains(res.body, "canary") || strings.Contains(w.log.String(), "canary") {
					t.Error("what the provider wrote is shown")
				}
			}
			if n := len(grants(w, "token-exchange")); n != 1 {
				t.Errorf("%d exchanges", n)
			}
			if len(api.received()) != 0 {
				t.Error("the service was called")
			}
			b.get("/me").want(t, http.StatusOK)
		})
	}
}

// An API passes on the token that it was sent, or has it exchanged.
func TestDownstreamOfAnAPI(t *testing.T) {
	api := newService(t)
	key := oidc.NewProofKey()
	for name, c := range map[string]struct {
		down  gatehouse.Downstream
		bound bool
		want  int
	}{
		"passed on":        {gatehouse.Downstream{}, false, 200},
		"bound, passed on": {gatehouse.Downstream{}, true, 500},
		"exchanged":        {gatehouse.Downstream{Audience: "orders"}, false, 200},
		"bound, exchanged": {gatehouse.Downstream{Audience: "orders"}, true, 200},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{provider: func(c *oidctest.Config) { c.Audience = "https://shop.example" }})
			var server *gatehouse.Gate
			front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				c.down.Origins = []string{api.URL}
				transport, err := server.Downstream(c.down)
				if err != nil {
					t.Error(err)
					return
				}
				server.API(server.Require(rbac.SignedIn())(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					res, err := (&http.Client{Transport: transport}).Do(mustRequest(t, api.URL).WithContext(r.Context()))
					if err != nil {
						server.Fail(rw, r, err)
						return
					}
					_ = res.Body.Close()
				}))).ServeHTTP(rw, r)
			}))
			t.Cleanup(front.Close)
			var err error
			server, err = gatehouse.NewResourceServer(gatehouse.Config{
				Issuer: w.idp.URL, ClientID: "app", ClientSecret: clientSecret, BaseURL: front.URL, Clock: w.clock.Now,
				API: gatehouse.API{Audience: []string{"https://shop.example"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close() })
			mobile, err := oidc.NewServiceClient(oidc.Config{Issuer: w.idp.URL, ClientID: "app", ClientSecret: clientSecret, Clock: w.clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			its := oidc.ProofKey{}
			if c.bound {
				its = key
			}
			tokens, err := mobile.ClientCredentials(t.Context(), oidc.Target{}, its)
			if err != nil {
				t.Fatal(err)
			}
			res, err := oidc.NewSender(w.clock.Now).Send(nil, mustRequest(t, front.URL), tokens.AccessToken(), its)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != c.want {
				t.Fatalf("status %d, want %d", res.StatusCode, c.want)
			}
			if c.want != 200 {
				return
			}
			got := api.received()
			said := claimsOf(t, got[len(got)-1].token())
			if exchanged := said["act"] != nil; exchanged != (c.down.Audience != "") || got[len(got)-1].Proof != "" {
				t.Errorf("the token says %v", said)
			}
		})
	}
}

// streaming hides how bodies can be had again.
type streaming struct{ http.RoundTripper }

func (s streaming) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.GetBody = nil
	return s.RoundTripper.RoundTrip(r)
}

// TestStreamsAreSentOnce: what can't be sent once more isn't, and yet a token that was
// refused with it isn't sent again.
func TestStreamsAreSentOnce(t *testing.T) {
	stored := func(c *gatehouse.Config) {
		c.Store = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})
	}
	for name, c := range map[string]struct {
		gate func(*gatehouse.Config)
		what gatehouse.Downstream
	}{
		"a session in a store":  {stored, gatehouse.Downstream{}},
		"a session in a cookie": {nil, gatehouse.Downstream{}},
		"an exchanged token":    {nil, gatehouse.Downstream{Audience: "orders"}},
		"the application's own": {nil, gatehouse.Downstream{Own: true}},
	} {
		t.Run(name, func(t *testing.T) {
			api := newService(t)
			w := calling(t, setup{gate: c.gate}, func() string { return api.URL }, func(g *gatehouse.Gate) http.RoundTripper {
				c.what.Origins = []string{api.URL}
				transport, err := g.Downstream(c.what)
				if err != nil {
					t.Fatal(err)
				}
				return streaming{transport}
			})
			b := w.browser().signIn()
			send := func(status int) {
				t.Helper()
				b.send(http.MethodPost, "/call", with(navigation, "Sec-Fetch-Site", "same-origin"), "a=b").want(t, status)
			}
			send(http.StatusOK)
			w.clock.advance(time.Minute)
			api.refuse = func(_ int, r *http.Request) bool {
				return strings.HasSuffix(r.Header.Get("Authorization"), api.calls[0].token())
			}
			send(http.StatusUnauthorized)
			send(http.StatusOK)
			if got := api.received(); len(got) != 3 || w.provider.Reuses() != 0 {
				t.Errorf("sent %d times, want 3", len(got))
			}
		})
	}
}
