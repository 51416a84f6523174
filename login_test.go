package gatehouse_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

func TestSignIn(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser()
	b.get("/").want(t, http.StatusOK, "hello stranger")

	toProvider := b.get("/orders/7?tab=items")
	toProvider.want(t, http.StatusFound)
	if got := toProvider.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q on the redirect to the provider", got)
	}
	asked, err := url.Parse(toProvider.location(t))
	if err != nil {
		t.Fatal(err)
	}
	query := asked.Query()
	for name, want := range map[string]string{
		"response_type":         "code",
		"client_id":             "app",
		"redirect_uri":          w.app.URL + "/auth/callback",
		"code_challenge_method": "S256",
	} {
		if got := query.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(query.Get(name)) < 43 {
			t.Errorf("%s = %q is short", name, query.Get(name))
		}
	}
	if strings.Contains(query.Get("state"), "orders") {
		t.Error("state shows where it leads to")
	}
	for name := range query { // whoever sees the address must not know the verifier by it
		sum := sha256.Sum256([]byte(query.Get(name)))
		if base64.RawURLEncoding.EncodeToString(sum[:]) == query.Get("code_challenge") {
			t.Errorf("%s is the code_verifier", name)
		}
	}

	callback := b.get(asked.String()).location(t)
	back := b.get(callback)
	back.want(t, http.StatusFound)
	if got, want := back.location(t), w.app.URL+"/orders/7?tab=items"; got != want {
		t.Errorf("sign-in ends at %s, want %s", got, want)
	}
	if len(flowCookies(b.cookies())) != 0 {
		t.Error("the flow cookie was not removed")
	}
	page := b.get("/orders/7?tab=items").want(t, http.StatusOK, `"sub":"alice"`)
	if got := page.Header.Get("Cache-Control"); got != "private" {
		t.Errorf("Cache-Control %q on a page served from a session", got)
	}
	if !slices.Contains(page.Header.Values("Vary"), "Cookie") {
		t.Error("no Vary: Cookie on a page served from a session")
	}
	seen := b.me()
	if seen.Sub != "alice" || seen.Claims["name"] != "Alice" || seen.Token == "" {
		t.Errorf("/me sees %+v", seen)
	}
	b.get("/").want(t, http.StatusOK, "hello alice")
	b.get("/admin").want(t, http.StatusOK, "admin ok")
}

// TestWhoIsRedirected: only a person's browser on its way to a page is sent to
// the provider; everybody else is told.
func TestWhoIsRedirected(t *testing.T) {
	for _, c := range []struct {
		name, method string
		header       http.Header
		redirected   bool
		page         bool // somebody sees the answer
	}{
		{"navigation", "GET", navigation, true, true},
		{"navigation of an old browser", "GET", http.Header{"Accept": {"text/html"}}, true, true},
		{"navigation of Chromium before Sec-Fetch-Dest", "GET", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Accept": {"text/html"}}, true, true},
		{"a frame of that", "GET", http.Header{"Sec-Fetch-Mode": {"nested-navigate"}, "Accept": {"text/html"}}, false, false},
		{"fetch()", "GET", fetching, false, false},
		{"XMLHttpRequest of an old browser", "GET", http.Header{"Accept": {"text/html"}, "X-Requested-With": {"XMLHttpRequest"}}, false, false},
		{"a program", "GET", http.Header{"Accept": {"*/*"}}, false, false},
		{"HEAD", "HEAD", navigation, false, false},
		{"OPTIONS", "OPTIONS", fetching, false, false},
		{"a form", "POST", with(navigation, "Origin", "https://app.example"), false, true},
		{"an iframe", "GET", with(navigation, "Sec-Fetch-Dest", "iframe"), false, true},
		{"an image", "GET", http.Header{"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}}, false, false},
		{"a prefetch", "GET", with(navigation, "Sec-Purpose", "prefetch"), false, true},
		{"a WebSocket", "GET", http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Accept": {"text/html"}}, false, false},
		{"HEAD of a program", "HEAD", http.Header{"Accept": {"text/html"}}, false, false},
		{"OPTIONS of a program", "OPTIONS", http.Header{"Accept": {"text/html"}}, false, false},
		{"a preflight", "OPTIONS", http.Header{"Origin": {"https://other.example"}, "Access-Control-Request-Method": {"PUT"}, "Accept": {"*/*"}}, false, false},
		{"POST of a program", "POST", http.Header{"Accept": {"*/*"}}, false, false},
		{"POST of a script", "POST", fetching, false, false},
		{"PUT of an old browser", "PUT", http.Header{"Accept": {"text/html"}}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, setup{})
			res := w.browser().send(c.method, "/me", c.header, "")
			if c.redirected {
				res.want(t, http.StatusFound)
				return
			}
			res.want(t, http.StatusUnauthorized)
			if len(res.Cookies()) != 0 {
				t.Errorf("it sets %v", res.Cookies())
			}
			got, want := res.Header.Get("Content-Type"), "application/problem+json"
			if c.page {
				want = "text/html; charset=utf-8"
			}
			if got != want || c.method != "HEAD" && !strings.Contains(res.body, "/auth/login") {
				t.Errorf("%s: %s", got, res.body)
			}
			if res.Header.Get("WWW-Authenticate") == "" {
				t.Error("no WWW-Authenticate")
			}
		})
	}
}

func TestProblemDocument(t *testing.T) {
	w := newWorld(t, setup{})
	for _, path := range []string{"/me", "/api/me"} {
		res := w.browser().fetch(path).want(t, http.StatusUnauthorized)
		var problem struct {
			Status   int
			Title    string
			LoginURL string `json:"login_url"`
		}
		if err := json.Unmarshal([]byte(res.body), &problem); err != nil {
			t.Fatal(err)
		}
		if res.Header.Get("Content-Type") != "application/problem+json" || problem.Status != 401 || !strings.HasPrefix(problem.LoginURL, w.app.URL+"/auth/login") {
			t.Errorf("%s: %s %+v", path, res.Header.Get("Content-Type"), problem)
		}
	}
	// Behind API not even a navigation is redirected.
	w.browser().get("/api/me").want(t, http.StatusUnauthorized, "login_url")
}

func TestFormIsNotLostInSilence(t *testing.T) {
	w := newWorld(t, setup{})
	for _, c := range []struct {
		name      string
		header    http.Header
		mediaType string
	}{
		{"a form in a page", with(navigation, "Origin", w.app.URL), "text/html"},
		{"a form in a page of another site", with(navigation, "Origin", "https://other.example"), "text/html"},
		{"a program that says it navigates", navigation, "application/problem+json"},
		{"a frame", with(navigation, "Origin", w.app.URL, "Sec-Fetch-Dest", "iframe"), "application/problem+json"},
		{"a browser that wants no page", with(navigation, "Origin", w.app.URL, "Accept", "application/json"), "application/problem+json"},
		{"a program that wants a page", http.Header{"Accept": {"text/html"}, "Origin": {w.app.URL}}, "application/problem+json"},
		{"fetch()", with(fetching, "Origin", w.app.URL), "application/problem+json"},
		{"a program", http.Header{}, "application/problem+json"},
	} {
		res := w.browser().send(http.MethodPost, "/me", c.header, "text=long+work")
		res.want(t, http.StatusUnauthorized, "not processed", "/auth/login")
		if !strings.HasPrefix(res.Header.Get("Content-Type"), c.mediaType) || len(res.Cookies()) != 0 {
			t.Errorf("%s: %q, %v", c.name, res.Header.Get("Content-Type"), res.Cookies())
		}
		if challenge := res.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `form-action="/auth/login"`) {
			t.Errorf("%s: WWW-Authenticate %q", c.name, challenge)
		}
	}
}

func TestTabsFinishIndependently(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser()
	first, second, third := b.callback("/orders/1"), b.callback("/orders/2"), b.callback("/orders/3")
	for callback, page := range map[string]string{second: "/orders/2", first: "/orders/1", third: "/orders/3"} {
		if got := b.get(callback).location(t); got != w.app.URL+page {
			t.Errorf("a tab ended at %s, want %s", got, page)
		}
	}
	if left := flowCookies(b.cookies()); len(left) != 0 {
		t.Errorf("%d flow cookies are left", len(left))
	}
}

func TestAbandonedSignIns(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser()
	var callbacks []string
	for i := range 60 {
		callbacks = append(callbacks, b.callback("/orders/"+strconv.Itoa(i)))
		w.clock.advance(time.Second)
		if flows := flowCookies(b.cookies()); len(flows) > 16 {
			t.Fatalf("%d flow cookies after %d sign-ins", len(flows), i+1)
		}
	}
	var size int
	for _, c := range b.cookies() {
		size += len(c.Name) + len(c.Value) + 3
	}
	if size > 5000 {
		t.Errorf("the Cookie header has %d bytes", size)
	}
	b.get(callbacks[43]).want(t, http.StatusBadRequest) // seventeenth from the end
	for _, i := range []int{59, 44} {
		if got := b.get(callbacks[i]).location(t); got != w.app.URL+"/orders/"+strconv.Itoa(i) {
			t.Errorf("sign-in %d ended at %s", i, got)
		}
	}
}

func TestReturnTo(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.AfterLogin = "/start" }})
	for returnTo, want := range map[string]string{
		"/orders/7?a=b&c=d":          "/orders/7?a=b&c=d",
		"/me#part":                   "/me#part",
		"":                           "/start",
		"//evil.example":             "/start",
		`/\evil.example`:             "/start",
		"https://evil.example":       "/start",
		"/\t/evil.example":           "/start",
		"javascript:alert(1)":        "/start",
		"/auth/logout":               "/start",
		"/auth/login?return_to=/x":   "/start",
		"/auth/callback?code=a":      "/start",
		"/.//evil.example":           "/start",
		"orders":                     "/start",
		"https://" + "user@evil.org": "/start",
	} {
		b := w.browser()
		callback := b.callback("/auth/login?return_to=" + url.QueryEscape(returnTo))
		if got := b.get(callback).Header.Get("Location"); got != want {
			t.Errorf("return_to %q leads to %q, want %q", returnTo, got, want)
		}
	}
}

// TestRedirectURIComesFromBaseURL, whatever the request claims.
func TestRedirectURIComesFromBaseURL(t *testing.T) {
	w := newWorld(t, setup{})
	header := with(navigation, "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example")
	asked, err := url.Parse(w.browser().send(http.MethodGet, "/me", header, "").location(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := asked.Query().Get("redirect_uri"); got != w.app.URL+"/auth/callback" {
		t.Errorf("redirect_uri %q", got)
	}
}

func TestThirdPartyInitiatedLogin(t *testing.T) {
	w := newWorld(t, setup{})
	crossSite := with(navigation, "Sec-Fetch-Site", "cross-site", "Origin", "https://portal.example")
	values := url.Values{"iss": {w.idp.URL}, "login_hint": {"alice@example.com"}, "target_link_uri": {w.app.URL + "/orders/5"}}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		b := w.browser()
		var res answer
		if method == http.MethodGet {
			res = b.send(method, "/auth/login?"+values.Encode(), crossSite, "")
		} else {
			res = b.send(method, "/auth/login", crossSite, values.Encode())
		}
		asked, err := url.Parse(res.location(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := asked.Query().Get("login_hint"); got != "alice@example.com" {
			t.Errorf("%s: login_hint %q", method, got)
		}
		callback := b.get(asked.String()).location(t)
		if got := b.get(callback).Header.Get("Location"); got != "/orders/5" {
			t.Errorf("%s: ends at %s", method, got)
		}
	}
	for name, query := range map[string]string{
		"another issuer": "iss=https://evil.example&target_link_uri=/orders/5",
		"no issuer":      "target_link_uri=/orders/5",
	} {
		b := w.browser()
		b.get("/auth/login?"+query).want(t, http.StatusBadRequest)
		if len(flowCookies(b.cookies())) != 0 {
			t.Errorf("%s: a flow was begun", name)
		}
	}
	b := w.browser()
	foreign := b.callback("/auth/login?iss=" + url.QueryEscape(w.idp.URL) + "&target_link_uri=" + url.QueryEscape(w.app.URL+".evil.example/x"))
	if got := b.get(foreign).Header.Get("Location"); got != "/" {
		t.Errorf("a foreign target_link_uri leads to %s", got)
	}
}

func TestAuthorizationParameters(t *testing.T) {
	minute := time.Minute
	configured := func(c *gatehouse.Config) {
		c.Prompt, c.MaxAge, c.ACRValues = "login", 10*time.Minute, []string{"gold", "silver"}
		c.AuthParams = url.Values{"audience": {"orders"}, "state": {"mine"}, "nonce": {"mine"}}
	}
	for _, c := range []struct {
		name string
		gate func(*gatehouse.Config)
		path string
		want map[string]string
	}{
		{"configured", configured, "/me", map[string]string{"max_age": "600", "acr_values": "gold silver", "audience": "orders"}},
		{"a link can't weaken", configured, "/auth/login?prompt=none&max_age=9999&acr_values=bronze",
			map[string]string{"prompt": "login consent", "max_age": "600", "acr_values": "gold silver"}},
		{"a link can strengthen", configured, "/auth/login?max_age=30", map[string]string{"max_age": "30"}},
		{"a link asks", nil, "/auth/login?prompt=select_account&login_hint=bob&max_age=0&acr_values=mfa",
			map[string]string{"login_hint": "bob", "max_age": "0", "acr_values": "mfa"}},
		{"by call", nil, "/switch", map[string]string{"login_hint": "carol", "max_age": "60", "acr_values": "mfa", "ui_locales": "de"}},
		{"a max_age before now, by call", nil, "/fresh", map[string]string{"max_age": "0"}},
		{"a max_age that nobody would hold the provider to", nil, "/unheld", map[string]string{"max_age": "", "claims": "{}"}},
		{"max_age=0 by configuration", func(c *gatehouse.Config) { c.MaxAge = -1 }, "/me", map[string]string{"max_age": "0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, setup{gate: c.gate, routes: func(g *gatehouse.Gate) http.Handler {
				mux := g.Mux()
				mux.HandleFunc("/me", rbac.SignedIn(), me)
				mux.HandleFunc("/fresh", rbac.Public(), func(w http.ResponseWriter, r *http.Request) {
					before := -minute
					g.Login(w, r, gatehouse.Login{MaxAge: &before})
				})
				mux.HandleFunc("/switch", rbac.Public(), func(w http.ResponseWriter, r *http.Request) {
					g.Login(w, r, gatehouse.Login{
						Prompt: "select_account", LoginHint: "carol", MaxAge: &minute, ACRValues: []string{"mfa"},
						Params: url.Values{"ui_locales": {"de"}},
					})
				})
				mux.HandleFunc("/unheld", rbac.Public(), func(w http.ResponseWriter, r *http.Request) {
					g.Login(w, r, gatehouse.Login{Params: url.Values{"max_age": {"5"}, "claims": {"{}"}}})
				})
				return g.Wrap(mux)
			}})
			res := w.browser().get(c.path)
			if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("header %v", res.Header)
			}
			query := parse(t, res.location(t)).Query()
			for name, want := range c.want {
				if got := query[name]; want == "" && got != nil || want != "" && !slices.Equal(got, []string{want}) {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			if query.Get("state") == "mine" || query.Get("nonce") == "mine" || len(query["state"]) != 1 {
				t.Error("AuthParams replaced a parameter of the protocol")
			}
		})
	}
	w := newWorld(t, setup{})
	w.browser().get("/auth/login?max_age=soon").want(t, http.StatusBadRequest)
	for _, query := range []string{
		"login_hint=" + strings.Repeat("a", 3000), "prompt=" + strings.Repeat("a", 3000), "acr_values=" + strings.Repeat("a", 3000),
		"return_to=/a&return_to=/b", "login_hint=a&login_hint=b", "iss=" + url.QueryEscape(w.idp.URL) + "&iss=https://evil.example", "max_age=1&max_age=2",
	} {
		res := w.browser().get("/auth/login?"+query).want(t, http.StatusBadRequest)
		if len(res.Cookies()) != 0 {
			t.Errorf("%.40s: it sets %v", query, res.Cookies())
		}
	}
}

// TestMaxAgeIsHeld: a provider that ignores max_age doesn't get by.
func TestMaxAgeIsHeld(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.MaxAge = time.Hour }})
	for name, change := range map[string]func(*oidctest.JWT){
		"absent":  func(j *oidctest.JWT) { delete(j.Claims, "auth_time") },
		"too old": func(j *oidctest.JWT) { j.Claims["auth_time"] = w.clock.Now().Add(-2 * time.Hour).Unix() },
	} {
		remove := w.provider.OnIDToken(change)
		w.browser().visit("/me").want(t, http.StatusBadGateway)
		remove()
		t.Log(name)
	}
	w.browser().signIn()
}

func TestLoginOnlyForPeople(t *testing.T) {
	w := newWorld(t, setup{})
	for name, header := range map[string]http.Header{
		"fetch()": fetching, "prefetch": with(navigation, "Sec-Purpose", "prefetch"),
		"iframe": with(navigation, "Sec-Fetch-Dest", "iframe"), "object": with(navigation, "Sec-Fetch-Dest", "object"),
		"image": {"Sec-Fetch-Dest": {"image"}}, "WebSocket": {"Upgrade": {"websocket"}, "Connection": {"Upgrade"}},
	} {
		res := w.browser().send(http.MethodGet, "/auth/login", header, "")
		if res.StatusCode != http.StatusUnauthorized || len(res.Cookies()) != 0 {
			t.Errorf("%s: %d, %v", name, res.StatusCode, res.Cookies())
		}
	}
	w.browser().send(http.MethodGet, "/auth/login", http.Header{}, "").want(t, http.StatusFound) // curl
	w.browser().send(http.MethodDelete, "/auth/login", navigation, "").want(t, http.StatusMethodNotAllowed)
}

func TestProviderAway(t *testing.T) {
	w := newWorld(t, setup{})
	signedIn := w.browser().signIn()
	w.idp.Close()
	signedIn.get("/me").want(t, http.StatusOK)
	w2 := newWorld(t, setup{})
	w2.idp.Close() // before anybody asked
	res := w2.browser().get("/me")
	res.want(t, http.StatusServiceUnavailable, "does not answer", "/auth/login?return_to=%2Fme")
	if res.Header.Get("Retry-After") == "" || len(res.Cookies()) != 0 {
		t.Errorf("Retry-After %q, cookies %v", res.Header.Get("Retry-After"), res.Cookies())
	}
	if err := w2.gate.Ready(t.Context()); err == nil {
		t.Error("ready without a provider")
	}
}

func TestFormPost(t *testing.T) {
	w := newWorld(t, setup{tls: true, gate: func(c *gatehouse.Config) { c.ResponseMode = "form_post" }})
	b := w.browser()
	toProvider := b.get("/me")
	for _, c := range toProvider.Cookies() {
		if c.SameSite != http.SameSiteNoneMode || !c.Secure || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("flow cookie %v", c)
		}
	}
	form := b.get(toProvider.location(t))
	values := form.fields()
	header := with(navigation, "Sec-Fetch-Site", "cross-site")
	res := b.send(http.MethodPost, "/auth/callback", header, values.Encode())
	res.want(t, http.StatusSeeOther)
	for _, c := range res.Cookies() {
		if c.MaxAge > 0 && c.SameSite != http.SameSiteLaxMode {
			t.Errorf("session cookie %v", c)
		}
	}
	b.get("/me").want(t, http.StatusOK, "alice")
	b.get("/auth/callback?code=a&state=b").want(t, http.StatusMethodNotAllowed)

	// Somebody goes back, and the form is posted again, across sites and so without
	// the session: the cookie is asked for by a redirect to ourselves, once.
	for name, c := range map[string]struct {
		browser *browser
		want    int
	}{"signed in": {b, http.StatusFound}, "a stranger": {w.browser(), http.StatusBadRequest}} {
		// No Lax cookie comes with the POST.
		again := (&browser{w: w, client: &http.Client{Transport: b.client.Transport, CheckRedirect: b.client.CheckRedirect}}).
			send(http.MethodPost, "/auth/callback", header, values.Encode()).want(t, http.StatusSeeOther)
		if len(again.Cookies()) != 0 {
			t.Errorf("%s: it sets %v", name, again.Cookies())
		}
		res := c.browser.send(http.MethodGet, again.location(t), header, "").want(t, c.want)
		if got := res.Header.Get("Location"); c.want == http.StatusFound && got != "/me" {
			t.Errorf("%s: leads to %s", name, got)
		}
	}
	if got := w.provider.Calls(oidctest.Token); got != 1 {
		t.Errorf("%d exchanges", got)
	}
	for _, query := range []string{"state=b", "state=" + url.QueryEscape(values.Get("state")) + "&code=a", "state=a&state=b"} {
		if res := b.get("/auth/callback?" + query); res.StatusCode < 400 {
			t.Errorf("%s: %d", query, res.StatusCode)
		}
	}
}

func attribute(tag, name string) string {
	_, rest, ok := strings.Cut(tag, name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return strings.NewReplacer("&#43;", "+", "&amp;", "&", "&#34;", `"`, "&#39;", "'").Replace(value)
}
