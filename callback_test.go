package gatehouse_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestUsedCallback: going back to a callback signs nobody in, and takes whoever
// is signed in to the page they wanted.
func TestUsedCallback(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser()
	callback := b.callback("/orders/7")
	b.get(callback).want(t, http.StatusFound)
	exchanges := w.provider.Calls(oidctest.Token)

	again := b.get(callback)
	if got := again.location(t); got != w.app.URL+"/orders/7" {
		t.Errorf("leads to %s", got)
	}
	w.clock.advance(11 * time.Minute) // also when the flow has expired
	b.signIn()
	again = b.get(callback)
	if again.StatusCode != http.StatusFound || again.Header.Get("Location") != "/orders/7" {
		t.Errorf("%d, leads to %q", again.StatusCode, again.Header.Get("Location"))
	}

	stranger := w.browser()
	res := stranger.get(callback)
	res.want(t, http.StatusBadRequest, "/auth/login?return_to=%2Forders%2F7")
	if len(res.Cookies()) != 0 {
		t.Errorf("it sets %v", res.Cookies())
	}
	if got := w.provider.Calls(oidctest.Token); got != exchanges+2 && got != exchanges+1 {
		t.Errorf("%d exchanges for used callbacks", got-exchanges)
	}
}

// TestReplayedCallback also brings the flow cookie back.
func TestReplayedCallback(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser()
	callback := b.callback("/me")
	before := b.cookies()
	b.get(callback).want(t, http.StatusFound)
	exchanges := w.provider.Calls(oidctest.Token)

	thief := w.browser()
	thief.keep(flowCookies(before))
	res := thief.get(callback).want(t, http.StatusBadRequest)
	if len(sessionCookies(res.Cookies())) != 0 {
		t.Error("a replayed callback gives a session")
	}
	if got := w.provider.Calls(oidctest.Token); got != exchanges {
		t.Errorf("%d exchanges for a replayed callback", got-exchanges)
	}
	b.get("/me").want(t, http.StatusOK) // the code was not shown to the provider twice
}

func TestCallbackOfAnotherBrowser(t *testing.T) {
	w := newWorld(t, setup{})
	attacker, victim := w.browser(), w.browser()
	callback := attacker.callback("/me")
	victim.get(callback).want(t, http.StatusBadRequest, "another browser")
	if len(victim.cookies()) != 0 {
		t.Errorf("the victim has %v", victim.cookies())
	}
	victim.callback("/me") // has a flow of their own
	victim.get(callback).want(t, http.StatusBadRequest)
}

// TestImpatientBrowser reloads while the provider answers.
func TestImpatientBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newStillWorld(t)
		callback := b.callback("/me")
		release := make(chan struct{})
		w.provider.Intercept(oidctest.Token, oidctest.Hold(release))
		before := b.cookies()
		var all sync.WaitGroup
		for range 3 {
			tab := b.another()
			tab.keep(before)
			all.Go(func() { tab.get(callback).want(t, http.StatusFound) })
		}
		synctest.Wait() // for all of them to wait for the provider
		close(release)
		all.Wait()
		if got := w.provider.Calls(oidctest.Token); got != 1 {
			t.Errorf("%d exchanges, want 1", got)
		}
	})
}

func TestBadCallbacks(t *testing.T) {
	w := newWorld(t, setup{})
	for name, change := range map[string]func(url.Values){
		"nothing":        func(v url.Values) { clear(v) },
		"no state":       func(v url.Values) { v.Del("state") },
		"no code":        func(v url.Values) { v.Del("code") },
		"foreign state":  func(v url.Values) { v.Set("state", "abc") },
		"changed state":  func(v url.Values) { v.Set("state", v.Get("state")[1:]) },
		"state twice":    func(v url.Values) { v.Add("state", v.Get("state")) },
		"code twice":     func(v url.Values) { v.Add("code", "other") },
		"iss twice":      func(v url.Values) { v.Add("iss", v.Get("iss")) },
		"anything twice": func(v url.Values) { v["session_state"] = []string{"a", "a"} },
		"code and error": func(v url.Values) { v.Set("error", "access_denied") },
		"another issuer": func(v url.Values) { v.Set("iss", "https://evil.example") },
		"no issuer":      func(v url.Values) { v.Del("iss") },
		"error, foreign iss": func(v url.Values) {
			v.Del("code")
			v.Set("error", "access_denied")
			v.Set("iss", "https://evil.example")
		},
		"an endless code": func(v url.Values) { v.Set("code", strings.Repeat("a", 100_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			b := w.browser()
			callback, err := url.Parse(b.callback("/me"))
			if err != nil {
				t.Fatal(err)
			}
			values := callback.Query()
			change(values)
			callback.RawQuery = values.Encode()
			res := b.get(callback.String())
			if res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusBadGateway {
				t.Errorf("%d", res.StatusCode)
			}
			if !strings.Contains(res.body, "/auth/login") {
				t.Errorf("no way back: %s", res.body)
			}
			if len(sessionCookies(b.cookies())) != 0 {
				t.Error("a session began")
			}
			for name, want := range map[string]string{
				"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			} {
				if got := res.Header.Get(name); got != want {
					t.Errorf("%s: %q", name, got)
				}
			}
			if !strings.Contains(res.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Error("the page can be framed")
			}
		})
	}
	for accept, page := range map[string]bool{"": true, "*/*": true, "application/json": false} {
		header := http.Header{}
		if accept != "" {
			header.Set("Accept", accept)
		}
		res := w.browser().send(http.MethodGet, "/auth/callback?code=a&state=b", header, "").want(t, http.StatusBadRequest)
		if got := strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") && strings.Contains(res.body, `href="/auth/login"`); got != page {
			t.Errorf("Accept %q: %s", accept, res.body)
		}
	}
	w.browser().get("/auth/callback?%zz;a").want(t, http.StatusBadRequest)
	w.browser().send(http.MethodPost, "/auth/callback", navigation, "code=a").want(t, http.StatusMethodNotAllowed)
}

func TestExpiredFlow(t *testing.T) {
	w := newWorld(t, setup{provider: func(c *oidctest.Config) { c.CodeLifetime = time.Hour }})
	b := w.browser()
	callback := b.callback("/orders/7")
	w.clock.advance(10 * time.Minute)
	b.get(callback).want(t, http.StatusBadRequest, "/auth/login?return_to=%2Forders%2F7")
}

// TestProviderErrors: the code decides, and nothing of the text is shown.
func TestProviderErrors(t *testing.T) {
	const text = `<script>alert("canary")</script>`
	for code, status := range map[string]int{
		"access_denied":                     http.StatusForbidden,
		"login_required":                    http.StatusUnauthorized,
		"consent_required":                  http.StatusUnauthorized,
		"unmet_authentication_requirements": http.StatusForbidden,
		"temporarily_unavailable":           http.StatusServiceUnavailable,
		"server_error":                      http.StatusBadGateway,
		"invalid_scope":                     http.StatusBadGateway,
		"<script>canary":                    http.StatusBadGateway,
	} {
		w := newWorld(t, setup{})
		w.provider.OnCallback(func(v url.Values) {
			v.Del("code")
			v.Set("error", code)
			v.Set("error_description", text)
			v.Set("error_uri", "https://evil.example/"+text)
		})
		b := w.browser()
		res := b.get(b.callback("/me"))
		res.want(t, status, "/auth/login?return_to=%2Fme")
		if strings.Contains(res.body, "canary") || strings.Contains(res.body, "evil.example") || strings.Contains(w.log.String(), "canary") {
			t.Errorf("%s: the provider's text got through: %s\n%s", code, res.body, w.log)
		}
		if len(sessionCookies(b.cookies())) != 0 || len(flowCookies(b.cookies())) != 0 {
			t.Errorf("%s: cookies %v", code, b.cookies())
		}
	}
}

// TestUnbelievableAnswers: one wrong thing in an answer, and nobody is signed
// in. Each check is held in package oidc; these go all the way.
func TestUnbelievableAnswers(t *testing.T) {
	w := newWorld(t, setup{})
	other := oidctest.NewKey("RS256")
	for name, change := range map[string]func(*oidctest.JWT){
		"iss":            func(j *oidctest.JWT) { j.Claims["iss"] = "https://evil.example" },
		"aud":            func(j *oidctest.JWT) { j.Claims["aud"] = "other" },
		"nonce":          func(j *oidctest.JWT) { j.Claims["nonce"] = "other" },
		"expired":        func(j *oidctest.JWT) { j.Claims["exp"] = w.clock.Now().Add(-2 * time.Minute).Unix() },
		"alg none":       func(j *oidctest.JWT) { j.Unsigned() },
		"HMAC":           func(j *oidctest.JWT) { j.SignWith(oidctest.HMACKey("HS256", signingKey().PublicPEM())) },
		"a foreign key":  func(j *oidctest.JWT) { j.Key = other },
		"sub twice":      func(j *oidctest.JWT) { j.Append("sub", "mallory") },
		"unknown crit":   func(j *oidctest.JWT) { j.Header["crit"] = []string{"x"}; j.Header["x"] = 1 },
		"azp of another": func(j *oidctest.JWT) { j.Claims["azp"] = "other" },
	} {
		remove := w.provider.OnIDToken(change)
		b := w.browser()
		b.visit("/me").want(t, http.StatusBadGateway, "can&#39;t be trusted")
		if len(sessionCookies(b.cookies())) != 0 {
			t.Errorf("%s: a session began", name)
		}
		remove()
	}
	remove := w.provider.OnAnswer(oidctest.Userinfo, func(document map[string]any) { document["sub"] = "mallory" })
	w.browser().visit("/me").want(t, http.StatusBadGateway)
	remove()
	w.browser().signIn()
}

// TestFixation: signing in leaves nothing of a session that was there before.
func TestFixation(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	before := sessionCookies(b.cookies())
	w.provider.SignIn(oidctest.User{Subject: "bob"})
	b.visit("/auth/login?return_to=/me").want(t, http.StatusOK, `"sub":"bob"`)
	after := sessionCookies(b.cookies())
	if len(before) != 1 || len(after) != 1 || before[0].Value == after[0].Value {
		t.Errorf("before %v, after %v", before, after)
	}
}

func TestTooMuchForCookies(t *testing.T) {
	w := newWorld(t, setup{})
	var noise []string
	for range 4000 {
		noise = append(noise, rand.Text())
	}
	w.provider.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"noise": noise}})
	b := w.browser()
	b.visit("/me").want(t, http.StatusInternalServerError, "more data than")
	if len(sessionCookies(b.cookies())) != 0 {
		t.Error("a part of the session was set")
	}
}

func TestLargeSessionIsSplit(t *testing.T) {
	w := newWorld(t, setup{})
	var groups []string
	for range 300 {
		groups = append(groups, rand.Text())
	}
	w.provider.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"groups": groups}})
	b := w.browser().signIn()
	if got := len(sessionCookies(b.cookies())); got < 2 || got > 8 {
		t.Errorf("%d cookies", got)
	}
	w.provider.SignIn(oidctest.User{Subject: "alice"})
	b.visit("/auth/login?return_to=/me").want(t, http.StatusOK)
	if got := len(sessionCookies(b.cookies())); got != 1 {
		t.Errorf("%d cookies after the session shrank", got)
	}
}

// TestCookieAttributes goes over TLS, as browsers would.
func TestCookieAttributes(t *testing.T) {
	w := newWorld(t, setup{tls: true})
	b := w.browser()
	var all []*http.Cookie
	target := "/me"
	for range 4 {
		res := b.get(target)
		if target = res.Header.Get("Location"); len(res.Cookies()) > 0 && strings.HasPrefix(res.Request.URL.String(), w.app.URL) {
			all = append(all, res.Cookies()...)
			if res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s sets a cookie and may be cached", res.Request.URL.Path)
			}
		}
	}
	if len(all) < 3 { // flow, its removal, session
		t.Fatalf("cookies %v", all)
	}
	for _, c := range all {
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("%v", c)
		}
	}
}

func TestTwoGatesOnOneHost(t *testing.T) {
	w := newWorld(t, setup{})
	w2 := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.ClientID = "app2" }})
	w2.provider.AddClient(oidctest.Client{ID: "app2", Secret: clientSecret})
	b, b2 := w.browser(), w2.browser()
	b2.jar = b.jar
	b2.client.Jar = b.jar // cookies ignore ports
	b.signIn()
	b2.signIn()
	if b.me().Sub != "alice" || b2.me().Sub != "alice" || len(sessionCookies(b.cookies())) != 2 {
		t.Errorf("cookies %v", sessionCookies(b.cookies()))
	}
}
