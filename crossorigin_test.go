package gatehouse_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// crossOriginRoutes have a page that needs a session and one that doesn't, behind
// every establisher.
func crossOriginRoutes(gate *gatehouse.Gate) http.Handler {
	root := http.NewServeMux()
	for prefix, establisher := range map[string]func(http.Handler) http.Handler{"/wrap": gate.Wrap, "/identify": gate.Identify, "/api": gate.API} {
		mux := gate.Mux()
		mux.HandleFunc(prefix+"/orders", rbac.SignedIn(), me)
		mux.HandleFunc(prefix+"/hook", rbac.Public(), func(w http.ResponseWriter, r *http.Request) {
			who, ok := gatehouse.IdentityFrom(r.Context())
			if !ok {
				fmt.Fprint(w, "from a stranger")
				return
			}
			fmt.Fprint(w, "from ", who.Subject())
		})
		mux.HandleFunc(prefix+"/open/", rbac.SignedIn(), me)
		root.Handle(prefix+"/", establisher(mux))
	}
	root.Handle("/", gate.Wrap(gate.RequireLogin(http.HandlerFunc(me))))
	return root
}

// TestCrossOriginRequests: the session cookie counts for unsafe methods only
// where a page of the application sent them.
func TestCrossOriginRequests(t *testing.T) {
	w := newWorld(t, setup{routes: crossOriginRoutes, gate: func(c *gatehouse.Config) {
		c.TrustedOrigins = []string{"https://Partner.example:443"}
		c.InsecureCrossOriginPatterns = []string{"POST /wrap/open/{id}", "/identify/open/", "PUT /api/open/{id}"}
	}})
	own := w.app.URL
	b := w.browser().signIn()
	const POST, GET = http.MethodPost, http.MethodGet
	for _, c := range []struct {
		name, method string
		header       http.Header
		allowed      bool
	}{
		{"same origin", POST, http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {own}}, true},
		{"same origin, hidden", POST, http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"null"}}, true},
		{"typed in", POST, http.Header{"Sec-Fetch-Site": {"none"}}, true},
		{"cross-site", POST, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, false},
		{"cross-site, hidden", POST, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"null"}}, false},
		{"a subdomain", POST, http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://user.shop.example"}}, false},
		{"made up", POST, http.Header{"Sec-Fetch-Site": {"friendly"}, "Origin": {"https://evil.example"}}, false},
		{"PUT", http.MethodPut, http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		{"PATCH", http.MethodPatch, http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		{"DELETE", http.MethodDelete, http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		{"another method", "FROB", http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		{"GET", GET, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, true},
		{"HEAD", http.MethodHead, http.Header{"Sec-Fetch-Site": {"cross-site"}}, true},
		{"OPTIONS", http.MethodOptions, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, true},
		{"an old browser", POST, http.Header{"Origin": {own}}, true},
		{"an old browser elsewhere", POST, http.Header{"Origin": {"https://evil.example"}}, false},
		{"an old browser, hidden", POST, http.Header{"Origin": {"null"}}, false},
		{"another scheme", POST, http.Header{"Origin": {strings.Replace(own, "http:", "https:", 1)}}, false},
		{"another port", POST, http.Header{"Origin": {own + "0"}}, false},
		{"a longer host", POST, http.Header{"Origin": {own + ".evil.example"}}, false},
		{"no browser", POST, http.Header{}, true},
		{"trusted", POST, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://partner.example"}}, true},
		{"trusted, of old", POST, http.Header{"Origin": {"https://partner.example"}}, true},
		{"trusted by http", POST, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"http://partner.example"}}, false},
	} {
		for _, prefix := range []string{"/wrap", "/identify", "/api"} {
			res := b.send(c.method, prefix+"/orders", c.header, "")
			want, problem := http.StatusOK, ""
			if !c.allowed {
				want, problem = http.StatusForbidden, "Another site sent this request"
			}
			if res.StatusCode != want || !strings.Contains(res.body, problem) {
				t.Errorf("%s at %s: %d %s, want %d", c.name, prefix, res.StatusCode, res.body, want)
			}
			if c.method == http.MethodHead {
				continue
			}
			who := "from a stranger"
			if c.allowed {
				who = "from alice"
			}
			b.send(c.method, prefix+"/hook", c.header, "").want(t, http.StatusOK, who)
		}
	}
	evil := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}
	for path, want := range map[string]int{
		"/wrap/open/1": 200, "/identify/open/1": 200, "/api/open/1": 403, // POST alone
		"/wrap/open/1/more": 403, "/wrap/%6fpen/1": 200, "/WRAP/open/1": 403,
		"/identify/open/a%2fb": 200, "/identify/open/a;b": 200, // and what others take for another page
		"/identify/open/%2e%2e/orders": 403, "/identify/open/..%2forders": 403, "/identify/open/..;/orders": 403, "/identify/open/..%5corders": 403, "/wrap/open/..%2forders": 403,
	} {
		b.send(POST, path, evil, "").want(t, want)
	}
	b.send(POST, "/wrap/orders", with(evil, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"), "a=b").want(t, http.StatusForbidden, "<h1>", "Another site sent this request")
	if log := w.log.String(); !strings.Contains(log, `event="cross-origin request" outcome=refused`) || !strings.Contains(log, "sub=alice") {
		t.Errorf("the log doesn't say it:\n%s", log)
	}
	before := len(w.log.String())
	b.send(POST, "/wrap/orders", http.Header{"Origin": {"https://evil.example"}}, "")
	if log := w.log.String()[before:]; !strings.Contains(log, "evil.example") || strings.Contains(log, "Sec-Fetch-Site") {
		t.Errorf("the log gives a reason that isn't one:\n%s", log)
	}
	// A stranger is one wherever they come from.
	w.browser().send(POST, "/wrap/orders", evil, "").want(t, http.StatusUnauthorized)
}

// TestCrossOriginBehindAProxy: the Host that a proxy sets says nothing.
func TestCrossOriginBehindAProxy(t *testing.T) {
	w := newWorld(t, setup{routes: func(g *gatehouse.Gate) http.Handler {
		inner := crossOriginRoutes(g)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Host = "internal.example:8080"
			inner.ServeHTTP(w, r)
		})
	}})
	b := w.browser().signIn()
	for from, want := range map[string]int{w.app.URL: 200, "http://internal.example:8080": 403, "https://internal.example:8080": 403} {
		b.send(http.MethodPost, "/wrap/orders", http.Header{"Origin": {from}}, "").want(t, want)
	}
	b.send(http.MethodPost, "/wrap/orders", http.Header{"Origin": {w.app.URL}, "Sec-Fetch-Site": {"same-origin"}}, "").want(t, http.StatusOK)
	for _, socket := range []http.Header{{}, {"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}} {
		said := with(socket, "Origin", "https://evil.example", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https",
			"X-Original-Host", "evil.example", "Forwarded", "host=evil.example;proto=https", "Referer", w.app.URL+"/")
		b.send(http.MethodPost, "/wrap/orders", said, "").want(t, http.StatusForbidden)
	}
}

// TestWebSocketHandshakes with a session need an origin that is ours.
func TestWebSocketHandshakes(t *testing.T) {
	w := newWorld(t, setup{routes: crossOriginRoutes, gate: func(c *gatehouse.Config) {
		c.TrustedOrigins = []string{"https://partner.example"}
		c.InsecureCrossOriginPatterns = []string{"/wrap/hook"}
	}})
	b := w.browser().signIn()
	handshake := func(pairs ...string) http.Header {
		return with(http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}, pairs...)
	}
	for _, c := range []struct {
		name   string
		header http.Header
		want   int
	}{
		{"ours", handshake("Origin", w.app.URL, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "websocket"), 200},
		{"ours, an old browser", handshake("Origin", w.app.URL), 200},
		{"trusted", handshake("Origin", "https://partner.example", "Sec-Fetch-Site", "cross-site"), 200},
		{"cross-site", handshake("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), 403},
		{"cross-site, an old browser", handshake("Origin", "https://evil.example"), 403},
		{"a subdomain", handshake("Origin", "https://user.shop.example", "Sec-Fetch-Site", "same-site"), 403},
		{"hidden", handshake("Origin", "null"), 403},
		{"hidden, and said to be ours", handshake("Origin", "null", "Sec-Fetch-Site", "same-origin"), 403},
		{"none", handshake(), 403},
		{"in another case", with(handshake("Origin", "https://evil.example"), "Upgrade", "WebSocket"), 403},
		{"among others", with(handshake("Origin", "https://evil.example"), "Upgrade", "h2c, websocket"), 403},
	} {
		for _, prefix := range []string{"/wrap", "/identify", "/api"} {
			if res := b.send(http.MethodGet, prefix+"/orders", c.header, ""); res.StatusCode != c.want {
				t.Errorf("%s at %s: %d, want %d", c.name, prefix, res.StatusCode, c.want)
			}
		}
	}
	b.send(http.MethodGet, "/wrap/hook", handshake("Origin", "https://evil.example"), "").want(t, 200, "from alice")
}

func TestCrossOriginConfig(t *testing.T) {
	config := gatehouse.Config{
		TrustedOrigins:              []string{"https://partner.example", "partner.example", "https://partner.example/path", "http://partner.example", "null", ""},
		InsecureCrossOriginPatterns: []string{"/ok", "/{bad", "/ok", ""},
	}
	_, err := gatehouse.New(config)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{
		"TrustedOrigins[1]:", "TrustedOrigins[2]:", "TrustedOrigins[3]:", "TrustedOrigins[4]:", "TrustedOrigins[5]:",
		"InsecureCrossOriginPatterns[1]:", "InsecureCrossOriginPatterns[2]:", "InsecureCrossOriginPatterns[3]:",
	} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%v doesn't name %s", err, field)
		}
	}
	for _, field := range []string{"TrustedOrigins[0]", "InsecureCrossOriginPatterns[0]"} {
		if strings.Contains(err.Error(), field) {
			t.Errorf("%v names %s", err, field)
		}
	}
}
