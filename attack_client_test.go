package gatehouse_test

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestAttacksByClients is what a hostile client, or a page that has somebody
// else's browser at its service, can try. Each case is one attack.
func TestAttacksByClients(t *testing.T) {
	for name, attack := range map[string]func(*testing.T){
		"open redirect":                      openRedirect,
		"open redirect by the page's path":   openRedirectByPath,
		"session fixation":                   sessionFixation,
		"login CSRF":                         loginCSRF,
		"code injection":                     codeInjection,
		"flow cookie as session":             flowCookieAsSession,
		"session cookie as flow":             sessionCookieAsFlow,
		"state as session":                   stateAsSession,
		"cookie of another deployment":       cookieOfAnotherDeployment,
		"flow of another issuer":             flowOfAnotherIssuer,
		"spliced cookies":                    splicedCookies,
		"tossed cookies":                     tossedCookies,
		"cookie names behind white space":    namesBehindWhiteSpace,
		"pieces without end":                 piecesWithoutEnd,
		"cookie flood":                       cookieFlood,
		"cookies without end":                cookiesWithoutEnd,
		"identity headers":                   identityHeaders,
		"forwarded headers":                  forwardedHeaders,
		"bearer token where a cookie counts": bearerAtPages,
		"forged logout":                      forgedLogout,
		"clickjacking":                       clickjacking,
		"cached sign-in":                     cachedSignIn,
		"endless form":                       endlessForm,
		"slow form":                          slowForm,
		"reflected error":                    reflectedError,
		"CRLF in parameters":                 crlfInParameters,
		"path tricks":                        pathTricks,
	} {
		t.Run(name, attack)
	}
}

// evil are addresses that some browser reads as another site.
var evil = []string{
	"https://evil.example/", "http://evil.example", "//evil.example", "///evil.example", "////evil.example",
	`/\evil.example`, `\\evil.example`, `\/evil.example`, `/\/evil.example`, "/\tevil.example", "/\t/evil.example", "\t//evil.example",
	"/\n/evil.example", "/\r\n/evil.example", " //evil.example", "/ /evil.example/..//", "https:evil.example", "https:/evil.example",
	"javascript:alert(1)", "data:text/html,hi", "//evil.example@app.example", "https://app.example@evil.example", "/.//evil.example",
	"/..//evil.example", "/%09/evil.example", "/%5cevil.example", "%2f%2fevil.example", "//[::1]", "/\x00/evil.example",
	"/\u2028/evil.example", "／／evil.example", "/\u00a0//evil.example", "evil.example", "?next=//evil.example", "#//evil.example",
}

// staysHere fails unless a redirect is to a local path that every browser reads
// as local.
func staysHere(t *testing.T, w *world, location string) {
	t.Helper()
	if strings.HasPrefix(location, w.app.URL+"/") {
		location = strings.TrimPrefix(location, w.app.URL)
	}
	if !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.ContainsAny(location, "\\\t\r\n\x00") {
		t.Errorf("leads to %q", location)
	}
}

// Unvalidated redirects after a sign-in (RFC 9700 §4.11.1), by every spelling
// that the peers have been caught with.
func openRedirect(t *testing.T) {
	w := newWorld(t, setup{})
	for _, target := range evil {
		for _, parameter := range []string{"return_to", "target_link_uri"} {
			b := w.browser()
			values := url.Values{parameter: {target}, "iss": {w.idp.URL}}
			ended := b.get(b.get(b.get("/auth/login?" + values.Encode()).location(t)).location(t))
			staysHere(t, w, ended.Header.Get("Location"))
		}
	}
}

// The page that somebody asked for is where a sign-in returns to, and its path
// may be what the attacker wrote.
func openRedirectByPath(t *testing.T) {
	w := newWorld(t, setup{routes: func(g *gatehouse.Gate) http.Handler {
		return g.Wrap(g.RequireLogin(http.HandlerFunc(me)))
	}})
	for _, path := range []string{"//evil.example/", "/%5Cevil.example", "/%09/evil.example", "//evil.example/%2e%2e", "/x//evil.example", "///evil.example"} {
		b := w.browser()
		begun := b.send(http.MethodGet, w.app.URL+path, navigation, "")
		ended := b.get(b.get(begun.location(t)).location(t))
		staysHere(t, w, ended.Header.Get("Location"))

		// Nor do the links of our own pages, in an outage, lead there.
		remove := w.provider.Intercept(oidctest.Token, oidctest.Status(http.StatusInternalServerError))
		w.clock.advance(dead)
		res := b.send(http.MethodGet, w.app.URL+path, navigation, "").want(t, http.StatusServiceUnavailable)
		for _, link := range strings.Split(res.body, `href="`)[1:] {
			staysHere(t, w, link[:strings.Index(link, `"`)])
		}
		remove()
	}
}

// What an attacker planted in a browser before its sign-in is not what it is
// signed in by afterwards.
func sessionFixation(t *testing.T) {
	w := newWorld(t, setup{})
	w.provider.SignIn(oidctest.User{Subject: "mallory"})
	planted := sessionCookies(w.browser().signIn().cookies())
	w.provider.SignIn(alice)
	victim := w.browser()
	victim.keep(planted)
	victim.get(victim.get(victim.get("/auth/login").location(t)).location(t)).want(t, http.StatusFound)
	if got := victim.me().Sub; got != "alice" {
		t.Errorf("signed in as %s", got)
	}
	attacker := w.browser()
	attacker.keep(planted)
	attacker.fetch("/me").want(t, http.StatusUnauthorized) // nobody's by now
}

// A callback that another browser began signs nobody in (RFC 9700 §4.7).
func loginCSRF(t *testing.T) {
	w := newWorld(t, setup{})
	callback := w.browser().callback("/me")
	victim := w.browser()
	victim.callback("/me")
	res := victim.get(callback).want(t, http.StatusBadRequest)
	if len(sessionCookies(res.Cookies())) != 0 || w.provider.Calls(oidctest.Token) != 0 {
		t.Error("signed in by another's callback, or its code was shown to the provider")
	}
}

// A stolen code, put into the attacker's own flow, is refused by nonce and PKCE
// (RFC 9700 §4.5.3), even where the provider forgets to check the verifier.
func codeInjection(t *testing.T) {
	for _, checked := range []bool{true, false} {
		w := newWorld(t, setup{provider: func(c *oidctest.Config) { c.PKCEOptional = true }})
		victim := w.browser()
		asked := victim.get("/me").location(t)
		stolen := parse(t, victim.get(asked).location(t)).Query().Get("code")
		if !checked {
			w.provider.Intercept(oidctest.Token, anyVerifier(w))
			said("nonce", parse(t, asked).Query().Get("nonce"))(w)
		}
		attacker := w.browser()
		own := parse(t, attacker.callback("/me"))
		values := own.Query()
		values.Set("code", stolen)
		own.RawQuery = values.Encode()
		res := attacker.get(own.String())
		if res.StatusCode < 400 || len(sessionCookies(res.Cookies())) != 0 {
			t.Errorf("checked %v: %d", checked, res.StatusCode)
		}
	}
}

// anyVerifier lets any code through with any verifier: the answer is alice's.
func anyVerifier(w *world) oidctest.Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			writeJSON(rw, w.provider.Issue(alice, "app", "openid"))
		})
	}
}

// No header says who somebody is, however it is spelt.
func identityHeaders(t *testing.T) {
	w := newWorld(t, setup{})
	for _, name := range []string{
		"X-Forwarded-User", "X-Forwarded-Email", "X-Auth-Request-User", "X_Forwarded_User", "X.Forwarded.User", "x-forwarded-user",
		"Remote-User", "REMOTE_USER", "X-Remote-User", "X-Gatehouse-User", "X-User", "Forwarded", "X-Ssl-Client-Cert",
	} {
		header := fetching.Clone()
		header[name] = []string{"alice"}
		w.browser().send(http.MethodGet, "/me", header, "").want(t, http.StatusUnauthorized)
	}
}

// No header says where the application is: redirect_uri comes from BaseURL.
func forwardedHeaders(t *testing.T) {
	w := newWorld(t, setup{})
	header := with(navigation, "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "X-Forwarded-Prefix", "/evil",
		"Forwarded", "host=evil.example;proto=https", "X-Original-URL", "/evil", "X-Rewrite-URL", "/evil", "X-Forwarded-Uri", "//evil.example")
	begun := w.browser().send(http.MethodGet, "/me", header, "")
	asked := parse(t, begun.location(t)).Query()
	if got := asked.Get("redirect_uri"); got != w.app.URL+"/auth/callback" || strings.Contains(begun.location(t), "evil") {
		t.Errorf("redirect_uri %s", got)
	}
	r := httptest.NewRequest(http.MethodGet, "https://evil.example/me", nil)
	r.Header = navigation.Clone()
	answered := w.canary.Recorder("an answer for another Host")
	w.app.Config.Handler.ServeHTTP(answered, r)
	if got := parse(t, answered.Header().Get("Location")).Query().Get("redirect_uri"); got != w.app.URL+"/auth/callback" {
		t.Errorf("for another Host: %s", got)
	}
}

// Pages take cookies and nothing else.
func bearerAtPages(t *testing.T) {
	w := newWorld(t, setup{})
	token := w.browser().signIn().me().Token
	for _, authorization := range []string{"Bearer " + token, "bearer " + token, "DPoP " + token, "Basic YWxpY2U6YWxpY2U="} {
		w.browser().send(http.MethodGet, "/me", with(fetching, "Authorization", authorization), "").want(t, http.StatusUnauthorized)
	}
}

func forgedLogout(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	for _, header := range []http.Header{
		with(navigation, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"),
		with(navigation, "Sec-Fetch-Site", "same-site", "Origin", "https://sibling.example"),
		{"Origin": {"null"}},
	} {
		b.send(http.MethodPost, "/auth/logout", header, "").want(t, http.StatusForbidden)
	}
	b.get("/me").want(t, http.StatusOK)
}

func clickjacking(t *testing.T) {
	w := newWorld(t, setup{})
	for _, path := range []string{"/auth/logout", "/auth/callback", "/auth/callback?error=access_denied&state=x"} {
		header := w.browser().send(http.MethodGet, path, with(navigation, "Sec-Fetch-Site", "cross-site"), "").Header
		if !strings.Contains(header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s can be framed: %v", path, header)
		}
	}
}

// A cache between the application and its users must not hand out what belongs
// to one of them, whatever the handler says.
func cachedSignIn(t *testing.T) {
	w := newWorld(t, setup{routes: func(g *gatehouse.Gate) http.Handler {
		return g.Wrap(g.RequireLogin(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if policy := r.URL.Query().Get("policy"); policy != "" {
				rw.Header().Set("Cache-Control", policy)
			}
			me(rw, r)
		})))
	}})
	b := w.browser()
	for _, res := range []answer{b.get("/me"), b.get(b.get(b.get("/me").location(t)).location(t))} {
		if got := res.Header.Get("Cache-Control"); len(res.Header["Set-Cookie"]) == 0 || got != "no-store" {
			t.Errorf("%s: %q with %d cookies", res.Request.URL.Path, got, len(res.Header["Set-Cookie"]))
		}
	}
	if res := b.get("/me"); res.Header.Get("Cache-Control") != "private" || !strings.Contains(strings.Join(res.Header["Vary"], ","), "Cookie") {
		t.Errorf("a page from a session: %v", res.Header)
	}
	w.clock.advance(due)
	res := b.get("/me?policy=" + url.QueryEscape("public, max-age=3600, s-maxage=3600"))
	if len(res.Header["Set-Cookie"]) == 0 || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a renewal under a public policy: %v", res.Header)
	}
}

// endless is a body that ends when nobody reads it any more.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}

func endlessForm(t *testing.T) {
	w := newWorld(t, setup{})
	for _, path := range []string{"/auth/login", "/auth/logout", "/auth/callback", "/auth/backchannel-logout", "/auth/frontchannel-logout"} {
		body := &metered{Reader: io.MultiReader(strings.NewReader("iss="), io.LimitReader(endless{}, 64<<20))}
		r := httptest.NewRequest(http.MethodPost, w.app.URL+path, body)
		r.Header = with(navigation, "Content-Type", "application/x-www-form-urlencoded")
		res := w.canary.Recorder("an answer to a body without an end")
		w.app.Config.Handler.ServeHTTP(res, r)
		if path == "/auth/login" && res.Code < 400 || res.Code > 499 {
			t.Errorf("%s: %d", path, res.Code)
		}
		if body.read > 128<<10 {
			t.Errorf("%s read %d bytes", path, body.read)
		}
	}
}

// A form that doesn't come to its end holds a connection for seconds, and not for as
// long as the server lets it, which is for ever where nobody says otherwise.
func slowForm(t *testing.T) {
	w := newWorld(t, setup{tls: true, gate: func(c *gatehouse.Config) { c.ResponseMode = "form_post" }})
	for _, path := range []string{"/auth/login", "/auth/callback", "/auth/backchannel-logout"} {
		for _, failure := range []error{nil, os.ErrDeadlineExceeded} {
			res := &deadlined{ResponseRecorder: w.canary.Recorder("an answer to a slow form")}
			body := &slow{on: res, failure: failure}
			r := httptest.NewRequest(http.MethodPost, w.app.URL+path, body)
			r.Header = with(navigation, "Content-Type", "application/x-www-form-urlencoded")
			w.app.Config.Handler.ServeHTTP(res, r)
			if left := time.Until(body.seen); left <= 0 || left > 10*time.Second {
				t.Errorf("%s is read for %v", path, left)
			}
			// The rest of a form that failed is waited for no longer; behind a whole one the
			// deadline would end what comes next.
			if cleared := res.deadline.IsZero(); cleared != (failure == nil) {
				t.Errorf("%s: read with %v, and the deadline is %v", path, failure, res.deadline)
			}
			if failure != nil && res.Code != http.StatusBadRequest {
				t.Errorf("%s: %d", path, res.Code)
			}
		}
	}
}

// deadlined knows until when it may be read from.
type deadlined struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (d *deadlined) SetReadDeadline(deadline time.Time) error {
	d.deadline = deadline
	return nil
}

// slow is a body of which nothing comes before failure, or before its end.
type slow struct {
	on      *deadlined
	failure error
	seen    time.Time // the deadline while it was read
}

func (s *slow) Read([]byte) (int, error) {
	s.seen = s.on.deadline
	return 0, cmp.Or(s.failure, io.EOF)
}

// metered counts what is read.
type metered struct {
	io.Reader
	read int
}

func (m *metered) Read(b []byte) (int, error) {
	n, err := m.Reader.Read(b)
	m.read += n
	return n, err
}

const script = `"><script>alert(1)</script>`

func reflectedError(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser()
	callback := parse(t, b.callback("/me"))
	values := url.Values{
		"state": {callback.Query().Get("state")}, "iss": {w.idp.URL},
		"error": {script}, "error_description": {script}, "error_uri": {"javascript:" + script},
	}
	for _, target := range []string{
		"/auth/callback?" + values.Encode(),
		"/auth/callback?" + url.Values{"error": {script}, "state": {script}}.Encode(),
		"/auth/login?" + url.Values{"prompt": {script}, "max_age": {script}, "iss": {script}}.Encode(),
		"/auth/logout?" + url.Values{"x": {script}}.Encode(),
	} {
		if res := b.get(target); strings.Contains(res.body, "<script") || strings.Contains(res.body, "alert(1)") {
			t.Errorf("%s: %s", target, res.body)
		}
	}
}

func crlfInParameters(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser()
	const injected = "/me\r\nSet-Cookie: planted=1\r\n\r\n<script>"
	for _, parameter := range []string{"return_to", "login_hint", "prompt", "acr_values", "max_age"} {
		res := b.get("/auth/login?" + url.Values{parameter: {injected}}.Encode())
		for _, line := range res.Header["Set-Cookie"] {
			if strings.HasPrefix(line, "planted") {
				t.Errorf("%s plants a cookie", parameter)
			}
		}
	}
}

// What isn't spelt as the pattern is isn't the pattern's handler.
func pathTricks(t *testing.T) {
	w := newWorld(t, setup{})
	for _, path := range []string{
		"//admin", "/x/../admin", "/./admin", "/admin/", "/%61dmin", "/admin%2f", "/ADMIN", "/admin;x", "/admin%00", "/%2fadmin", "/admin%20", "/admin.",
	} {
		r, err := http.NewRequest(http.MethodGet, w.app.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = "//" + r.URL.Host + path
		r.Header = navigation.Clone()
		res, err := w.browser().client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || strings.Contains(string(body), "admin ok") {
			t.Errorf("%s reaches the admin page: %v", path, err)
		}
	}
}

func parse(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func writeJSON(w http.ResponseWriter, document map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}
