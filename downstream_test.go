package gatehouse_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
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

// service is another service, which says what was sent to it.
type service struct {
	*httptest.Server
	mu     sync.Mutex
	calls  []received
	refuse func(n int, r *http.Request) bool // answers 401 to the n-th call, counted from 1
}

type received struct {
	Method, Path, Authorization, Proof, Body string
	Header                                   http.Header `json:"-"`
}

func newService(t testing.TB) *service {
	s := &service{refuse: func(int, *http.Request) bool { return false }}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	got := received{r.Method, r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("DPoP"), string(body), r.Header.Clone()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, got)
	if s.refuse(len(s.calls), r) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if target := r.URL.Query().Get("to"); target != "" {
		http.Redirect(w, r, target, http.StatusTemporaryRedirect)
		return
	}
	_ = json.NewEncoder(w).Encode(got)
}

func (s *service) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.calls...)
}

func (s *service) refuseFirst(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = func(call int, _ *http.Request) bool { return call <= n }
}

// token is what an Authorization header carries.
func (r received) token() string { return r.Authorization[strings.IndexByte(r.Authorization, ' ')+1:] }

// claimsOf reads a JWT, whoever signed it.
func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %q", token)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var said map[string]any
	if err := json.Unmarshal(payload, &said); err != nil {
		t.Fatal(err)
	}
	return said
}

// calling is a world whose /call asks another service by transport, with the method
// and body of its own request.
func calling(t *testing.T, s setup, target func() string, transport func(*gatehouse.Gate) http.RoundTripper) *world {
	s.routes = func(g *gatehouse.Gate) http.Handler {
		client := &http.Client{Transport: transport(g)}
		root := routes(g)
		mux := g.Mux()
		mux.HandleFunc("/call", rbac.Public(), func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			asked, err := http.NewRequestWithContext(r.Context(), r.Method, target(), strings.NewReader(string(body)))
			if err != nil {
				t.Error(err)
				return
			}
			res, err := client.Do(asked)
			if err != nil {
				g.Fail(w, r, err)
				return
			}
			defer res.Body.Close()
			w.WriteHeader(res.StatusCode)
			_, _ = io.Copy(w, res.Body)
		})
		all := http.NewServeMux()
		all.Handle("/call", g.Wrap(mux))
		all.Handle("/", root)
		return all
	}
	return newWorld(t, s)
}

func usersToken(s *service) func(*gatehouse.Gate) http.RoundTripper {
	return func(g *gatehouse.Gate) http.RoundTripper { return g.Transport(s.URL) }
}

func TestDownstreamCarriesTheUsersToken(t *testing.T) {
	for name, s := range map[string]setup{"bearer": {}, "DPoP": {gate: withDPoP}} {
		t.Run(name, func(t *testing.T) {
			api := newService(t)
			w := calling(t, s, func() string { return api.URL + "/orders?x=y" }, usersToken(api))
			b := w.browser().signIn()
			b.get("/call").want(t, http.StatusOK)
			w.clock.advance(due)
			b.get("/call").want(t, http.StatusOK)
			got := api.received()
			if len(got) != 2 || got[0].token() == got[1].token() {
				t.Fatalf("%d calls; the token was not made fresh", len(got))
			}
			if want := b.me().Token; got[1].token() != want {
				t.Errorf("not the token of whoever is signed in")
			}
			scheme := map[string]string{"bearer": "Bearer ", "DPoP": "DPoP "}[name]
			for _, r := range got {
				if !strings.HasPrefix(r.Authorization, scheme) || (r.Proof != "") != (name == "DPoP") || r.Path != "/orders" {
					t.Errorf("%s: received %.12s, proof %.6q, path %s", name, r.Authorization, r.Proof, r.Path)
				}
				if r.Header.Get("Cookie") != "" {
					t.Error("a cookie was sent along")
				}
			}
		})
	}
}

func TestDownstreamNeedsAnIdentity(t *testing.T) {
	api := newService(t)
	w := calling(t, setup{}, func() string { return api.URL }, usersToken(api))
	w.browser().get("/call").want(t, http.StatusInternalServerError)
	client := w.gate.Client(api.URL)
	for name, r := range map[string]*http.Request{
		"no context":     mustRequest(t, api.URL),
		"no token":       mustRequest(t, api.URL).WithContext(gatehouse.WithIdentity(t.Context(), gatehouse.NewIdentity(map[string]any{"sub": "bob"}))),
		"another origin": mustRequest(t, "http://127.0.0.1:1/"),
	} {
		res, err := client.Do(r)
		if err == nil {
			_ = res.Body.Close()
			t.Errorf("%s: sent", name)
		}
		var failure *gatehouse.Error
		if !errors.As(err, &failure) || failure.Status != http.StatusInternalServerError {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(api.received()) != 0 {
		t.Error("something was sent")
	}
}

func mustRequest(t testing.TB, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A gate's clients carry the tokens of its own sessions alone.
func TestDownstreamOfAnotherGate(t *testing.T) {
	api := newService(t)
	foreign := exampleGate()
	t.Cleanup(func() { _ = foreign.Close() })
	w := calling(t, setup{}, func() string { return api.URL }, func(*gatehouse.Gate) http.RoundTripper { return foreign.Transport(api.URL) })
	w.browser().signIn().get("/call").want(t, http.StatusInternalServerError)
	if len(api.received()) != 0 {
		t.Error("the token of another gate's session was sent")
	}
}

// What a redirect leads to gets the token only where it was meant for, all the way.
func TestDownstreamRedirects(t *testing.T) {
	here, there, evil := newService(t), newService(t), newService(t)
	to := func(from *service, path, target string) string {
		return from.URL + path + "?to=" + url.QueryEscape(target)
	}
	for name, c := range map[string]struct {
		target  string
		carried []bool // by here, there, evil, in the order of the calls of each
	}{
		"within":          {to(here, "/a", here.URL+"/b"), []bool{true, true}},
		"between":         {to(here, "/a", there.URL+"/b"), []bool{true, true}},
		"elsewhere":       {to(here, "/a", evil.URL+"/b"), []bool{true, false}},
		"there and back":  {to(here, "/a", to(evil, "/b", here.URL+"/c")), []bool{true, false, false}},
		"by another name": {to(here, "/a", strings.Replace(here.URL, "127.0.0.1", "localhost", 1)+"/b"), []bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range []*service{here, there, evil} {
				s.calls = nil
			}
			w := calling(t, setup{gate: withDPoP}, func() string { return c.target }, func(g *gatehouse.Gate) http.RoundTripper { return g.Transport(here.URL, there.URL) })
			w.browser().signIn().send(http.MethodPost, "/call", navigation, "a=b")
			var got []received
			for _, s := range []*service{here, there, evil} {
				got = append(got, s.received()...)
			}
			if len(got) != len(c.carried) {
				t.Fatalf("%d calls, want %d", len(got), len(c.carried))
			}
			carried := map[string]bool{}
			for i, path := range []string{"/a", "/b", "/c"}[:len(got)] {
				carried[path] = c.carried[i]
			}
			for _, r := range got {
				if has := r.Authorization != "" || r.Proof != ""; has != carried[r.Path] {
					t.Errorf("%s: a token came along: %v", r.Path, has)
				}
			}
		})
	}
}

// sees answers every request, and keeps the last.
type sees struct{ last *http.Request }

func (s *sees) RoundTrip(r *http.Request) (*http.Response, error) {
	s.last = r
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

// TestDownstreamOrigins: an origin is scheme, host and port, however an address is
// spelt, and nobody else gets a token.
func TestDownstreamOrigins(t *testing.T) {
	gate := exampleGate()
	t.Cleanup(func() { _ = gate.Close() })
	minter, err := oidc.NewMinter(oidc.MinterConfig{Issuer: "https://shop.internal", Keys: []oidc.SigningKey{oidc.NewSigningKey()}})
	if err != nil {
		t.Fatal(err)
	}
	var service sees
	transport, err := gate.Downstream(gatehouse.Downstream{
		Origins: []string{"https://orders.internal", "https://b\u00fccher.example", "https://[2001:db8::1]:8443"}, Minter: minter, Audience: "orders", Own: true, Transport: &service,
	})
	if err != nil {
		t.Fatal(err)
	}
	for address, ours := range map[string]bool{
		"https://orders.internal/x": true, "https://ORDERS.internal/x": true, "https://orders.internal:443/x": true, "https://orders.internal:/x": true,
		"https://user:password@orders.internal/x": true, "https://b\u00fccher.example/": true, "https://[2001:db8::1]:8443/": true, "https://[2001:DB8::1]:8443/": true,
		"http://orders.internal/x": false, "http://orders.internal:443/x": false, "https://orders.internal:80/x": false, "https://orders.internal:8443/x": false,
		"https://orders.internal@evil.example/x": false, "https://evil.example/#@orders.internal": false, "https://evil.example?orders.internal": false,
		"https://orders.internal.evil.example/x": false, "https://orders.internal./x": false, "https://.orders.internal/x": false, "https://xn--orders-internal/x": false,
		"https://orders\u3002internal/x": false, "https://[2001:db8::1]/": false, "ftp://orders.internal/x": false,
	} {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		r.Header.Set("DPoP", "own")
		service.last = nil
		_, err = transport.RoundTrip(r)
		if sent := service.last != nil; sent != ours || sent != (err == nil) || sent && !strings.HasPrefix(service.last.Header.Get("Authorization"), "Bearer ey") {
			t.Errorf("%s: sent %t, %v", address, sent, err)
		}
		if service.last != nil && service.last.Header.Get("DPoP") != "" {
			t.Errorf("%s: a proof of the caller's own goes with our token", address)
		}
		if r.Header.Get("Authorization") != "" {
			t.Errorf("%s: the caller's request was changed", address)
		}
	}
	// What the caller has put there doesn't follow a redirect to elsewhere either.
	first := httptest.NewRequest(http.MethodGet, "https://orders.internal/x", nil)
	led := httptest.NewRequest(http.MethodGet, "https://evil.example/x", nil)
	led.Header = http.Header{"Authorization": {"Bearer own"}, "Dpop": {"own"}, "Accept": {"*/*"}}
	led.Response = &http.Response{Request: first}
	if _, err := transport.RoundTrip(led); err != nil || service.last == nil || service.last.Header.Get("Authorization")+service.last.Header.Get("DPoP") != "" || service.last.Header.Get("Accept") == "" {
		t.Errorf("%v, %v", service.last, err)
	}
	// A forward proxy goes where the opaque part says.
	opaque := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: "orders.internal", Opaque: "//evil.example/x"}, Header: http.Header{}}
	service.last = nil
	if _, err := transport.RoundTrip(opaque); err == nil || service.last != nil {
		t.Error("an opaque address gets a token")
	}
}

func TestDownstreamMistakes(t *testing.T) {
	gate := exampleGate()
	t.Cleanup(func() { _ = gate.Close() })
	for _, origin := range []string{"", "orders", "orders.internal:80", "//orders", "https://", "https://a/b", "https://a?b", "https://a#b", "https://u@a", "ftp://a", "http://orders.internal", "https://:443", "%"} {
		if _, err := gate.Downstream(gatehouse.Downstream{Origins: []string{origin}}); err == nil || !strings.Contains(err.Error(), "Origins: ") {
			t.Errorf("%q: %v", origin, err)
		}
	}
	if _, err := gate.Downstream(gatehouse.Downstream{}); err == nil || !strings.Contains(err.Error(), "Origins: ") {
		t.Errorf("no origin: %v", err)
	}
	for _, origin := range []string{"https://orders.internal", "https://orders.internal/", "HTTPS://Orders.Internal:443", "http://localhost:8080", "https://[::1]:9"} {
		if _, err := gate.Downstream(gatehouse.Downstream{Origins: []string{origin}}); err != nil {
			t.Errorf("%q: %v", origin, err)
		}
	}
	server, err := gatehouse.NewResourceServer(gatehouse.Config{Issuer: "https://idp.example.com", API: gatehouse.API{Audience: []string{"api"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []gatehouse.Downstream{{Own: true}, {Audience: "a"}, {Resource: "a"}, {Scopes: []string{"a"}}} {
		d.Origins = []string{"https://orders.internal"}
		if _, err := server.Downstream(d); err == nil || !strings.Contains(err.Error(), "ClientID") {
			t.Errorf("%+v without a client: %v", d, err)
		}
	}
	if _, err := gate.Downstream(gatehouse.Downstream{Origins: []string{"https://orders.internal"}, Own: true}); err == nil || !strings.Contains(err.Error(), "Own: ") {
		t.Errorf("a public client's own: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a client for no origin was made")
		}
	}()
	gate.Client("orders")
}

// A token that a service refuses is renewed where that can be kept, once.
func TestDownstreamRenewsOnce(t *testing.T) {
	stored := func(c *gatehouse.Config) {
		c.Store = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})
	}
	for name, c := range map[string]struct {
		gate            func(*gatehouse.Config)
		refused         int
		age             time.Duration
		status          int
		calls, renewals int
	}{
		"accepted":           {stored, 0, time.Minute, 200, 1, 0},
		"refused":            {stored, 1, time.Minute, 200, 2, 1},
		"refused for ever":   {stored, 9, time.Minute, 401, 2, 1},
		"refused when new":   {stored, 1, 0, 401, 1, 0},
		"a cookie's":         {nil, 1, time.Minute, 401, 1, 0},
		"bound to a key":     {func(c *gatehouse.Config) { stored(c); c.DPoP = true }, 1, time.Minute, 200, 2, 1},
		"remembered nothing": {func(c *gatehouse.Config) { stored(c); c.RememberedSessions = -1 }, 1, time.Minute, 200, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			api := newService(t)
			w := calling(t, setup{gate: c.gate}, func() string { return api.URL }, usersToken(api))
			b := w.browser().signIn()
			before := w.provider.Calls(oidctest.Token)
			w.clock.advance(c.age)
			api.refuseFirst(c.refused)
			b.send(http.MethodPost, "/call", with(navigation, "Sec-Fetch-Site", "same-origin"), "a=b").want(t, c.status)
			got := api.received()
			if renewals := w.provider.Calls(oidctest.Token) - before; len(got) != c.calls || renewals != c.renewals {
				t.Fatalf("%d calls and %d renewals, want %d and %d", len(got), renewals, c.calls, c.renewals)
			}
			for _, r := range got {
				if r.Body != "a=b" {
					t.Errorf("sent %q", r.Body)
				}
			}
			if last := got[len(got)-1]; c.renewals > 0 && b.me().Token != last.token() {
				t.Error("the renewed token was not kept")
			}
			if w.provider.Reuses() != 0 {
				t.Error("a refresh token was used twice")
			}
		})
	}
}

// TestDownstreamLeavesRenewalToTheNextRequest: where a session is in a cookie, which
// can't be written any more. Nobody is renewed for ever, nor in somebody's place.
func TestDownstreamLeavesRenewalToTheNextRequest(t *testing.T) {
	api := newService(t)
	w := calling(t, setup{}, func() string { return api.URL }, usersToken(api))
	b, other := w.browser().signIn(), w.browser().signIn()
	before := w.provider.Calls(oidctest.Token)
	w.clock.advance(time.Minute)
	api.refuseFirst(1)
	b.get("/call").want(t, http.StatusUnauthorized)
	old := api.received()[0].token()
	b.get("/call").want(t, http.StatusOK)
	if fresh := api.received()[1].token(); fresh == old || b.me().Token != fresh {
		t.Error("the next request did not renew the token")
	}
	for range 3 {
		b.get("/call").want(t, http.StatusOK)
		other.get("/call").want(t, http.StatusOK)
	}
	if renewals := w.provider.Calls(oidctest.Token) - before; renewals != 1 || w.provider.Reuses() != 0 {
		t.Errorf("%d renewals, want one", renewals)
	}
}

// However many calls of however many requests are refused, one new token serves all.
func TestDownstreamRenewsOnceForAll(t *testing.T) {
	for name, what := range map[string]gatehouse.Downstream{"the user's": {}, "exchanged": {Audience: "orders"}, "the application's own": {Own: true}} {
		t.Run(name, func(t *testing.T) {
			api := newService(t)
			w := calling(t, setup{gate: func(c *gatehouse.Config) {
				c.Store = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})
			}}, func() string { return api.URL }, func(g *gatehouse.Gate) http.RoundTripper {
				what.Origins = []string{api.URL}
				transport, err := g.Downstream(what)
				if err != nil {
					t.Fatal(err)
				}
				return transport
			})
			b := w.browser().signIn()
			b.get("/call").want(t, http.StatusOK)
			old := api.received()[0].token()
			before := w.provider.Calls(oidctest.Token)
			w.clock.advance(time.Minute)
			api.refuse = func(_ int, r *http.Request) bool { return strings.HasSuffix(r.Header.Get("Authorization"), old) }
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() { b.get("/call").want(t, http.StatusOK) })
			}
			wg.Wait()
			if got := w.provider.Calls(oidctest.Token) - before; got != 1 {
				t.Errorf("%d renewals", got)
			}
		})
	}
}

// A token that expires while a handler runs is renewed in a store, and is sent as it
// is otherwise.
func TestDownstreamInALongHandler(t *testing.T) {
	for name, stored := range map[string]bool{"store": true, "cookie": false} {
		api := newService(t)
		var w *world
		w = calling(t, setup{gate: func(c *gatehouse.Config) {
			if stored {
				c.Store = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})
			}
		}}, func() string { w.clock.advance(6 * time.Minute); return api.URL }, usersToken(api))
		b := w.browser().signIn()
		old := b.me().Token
		b.get("/call").want(t, http.StatusOK)
		if renewed := api.received()[0].token() != old; renewed != stored {
			t.Errorf("%s: renewed %v", name, renewed)
		}
	}
}

// A session that is over while a handler runs is renewed no more, whatever the
// handler asks for.
func TestDownstreamAfterTheSession(t *testing.T) {
	for name, end := range map[string]func(w *world) error{
		"revoked":    func(w *world) error { return w.gate.Revoke(t.Context(), gatehouse.Revocation{SID: w.provider.SID()}) },
		"at its end": func(w *world) error { w.clock.advance(13 * time.Hour); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			api := newService(t)
			var w *world
			w = calling(t, setup{gate: func(c *gatehouse.Config) {
				c.Store = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})
			}}, func() string {
				if err := end(w); err != nil {
					t.Error(err)
				}
				w.clock.advance(6 * time.Minute)
				return api.URL
			}, usersToken(api))
			b := w.browser().signIn()
			calls := w.provider.Calls(oidctest.Token)
			b.get("/call")
			if got := w.provider.Calls(oidctest.Token) - calls; got != 0 {
				t.Errorf("%d token requests for a session that is over", got)
			}
		})
	}
}
