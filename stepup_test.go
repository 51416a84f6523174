package gatehouse_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// stepUpRoutes are pages, and an API, that need more than a sign-in.
func stepUpRoutes(gate *gatehouse.Gate) http.Handler {
	rules := map[string]rbac.Rule{
		"/secure":   rbac.ACR("mfa", "phr"),
		"/recent":   rbac.MaxAge(5 * time.Minute),
		"/payments": rbac.All(rbac.ACR("mfa"), rbac.MaxAge(5*time.Minute)),
		"/owner":    rbac.All(rbac.Role("owner"), rbac.ACR("mfa")),
		"/either":   rbac.Any(rbac.Role("owner"), rbac.ACR("phr")),
		"/endless":  rbac.All(rbac.Any(rbac.Role("x"), rbac.ACR("a")), rbac.Any(rbac.Role("y"), rbac.ACR("b"))),
		"/orders":   rbac.Scope("orders:read"),
		"/profile":  rbac.Scope("openid", "profile"),
	}
	pages, api := gate.Mux(), gate.Mux()
	pages.HandleFunc("/me", rbac.SignedIn(), me)
	for path, rule := range rules {
		pages.HandleFunc(path, rule, me)
		api.HandleFunc("/api"+path, rule, me)
	}
	root := http.NewServeMux()
	root.Handle("/", gate.Wrap(pages))
	root.Handle("/api/", gate.API(api))
	return root
}

// asks are the parameters with which an answer sends the browser to sign in.
func (a answer) asks(t testing.TB) url.Values {
	t.Helper()
	target, err := url.Parse(a.location(t))
	if err != nil {
		t.Fatal(err)
	}
	return target.Query()
}

// TestStepUp: a page that needs more sends people to sign in with it, once, and
// they come back to it.
func TestStepUp(t *testing.T) {
	for path, want := range map[string]struct{ acr, maxAge string }{
		"/secure?a=b":   {"mfa phr", ""},
		"/recent?a=b":   {"", "300"},
		"/payments?a=b": {"mfa", "300"},
		"/either?a=b":   {"phr", ""},
	} {
		w := newWorld(t, setup{routes: stepUpRoutes})
		b := w.browser().signIn()
		w.clock.advance(time.Minute)
		asked := b.get(path).want(t, http.StatusFound).asks(t)
		if asked.Get("acr_values") != want.acr || asked.Get("max_age") != want.maxAge || asked.Has("prompt") && asked.Get("prompt") != "consent" {
			t.Errorf("%s asks for %v", path, asked)
		}
		if res := b.visit(path).want(t, http.StatusOK, `"sub":"alice"`); res.Request.URL.RequestURI() != path {
			t.Errorf("%s came back to %s", path, res.Request.URL)
		}
		b.get(path).want(t, http.StatusOK)
		if got := w.provider.Calls(oidctest.Token); got != 2 {
			t.Errorf("%s: %d sign-ins", path, got)
		}
	}
}

// TestStepUpWearsOff: what is recent isn't for ever, and then once more.
func TestStepUpWearsOff(t *testing.T) {
	w := newWorld(t, setup{routes: stepUpRoutes, provider: func(c *oidctest.Config) { c.AccessTokenLifetime = time.Hour }})
	b := w.browser()
	for range 3 {
		b.visit("/payments").want(t, http.StatusOK)
		w.clock.advance(6 * time.Minute) // a minute is granted
		b.get("/payments").want(t, http.StatusOK)
		w.clock.advance(time.Second)
		b.get("/payments").want(t, http.StatusFound)
		b.get("/secure").want(t, http.StatusOK) // that one only wants the class
	}
}

// TestStepUpKeepsWhatItReplaces: who doesn't go through with it is still signed in.
func TestStepUpKeepsWhatItReplaces(t *testing.T) {
	w := newWorld(t, setup{routes: stepUpRoutes})
	b := w.browser().signIn()
	b.get("/secure").want(t, http.StatusFound)
	remove := w.provider.OnCallback(func(v url.Values) {
		v.Del("code")
		v.Set("error", "access_denied")
	})
	b.visit("/secure").want(t, http.StatusForbidden, "cancelled or refused")
	remove()
	b.get("/me").want(t, http.StatusOK)
	b.visit("/secure").want(t, http.StatusOK) // it was no try in vain
}

// TestStepUpIsTriedOnce: a provider that ignores acr_values causes no loop.
func TestStepUpIsTriedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		provider func(*oidctest.Config)
		user     oidctest.User
		gate     func(*gatehouse.Config)
	}{
		"no acr":      {func(c *oidctest.Config) { c.IgnoreACR = true }, alice, nil},
		"another acr": {nil, oidctest.User{Subject: "alice", ACR: "pwd"}, nil},
		"in a store": {nil, oidctest.User{Subject: "alice", ACR: "pwd"}, func(c *gatehouse.Config) {
			c.Store = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{})
		}},
	} {
		w := newWorld(t, setup{routes: stepUpRoutes, provider: c.provider, gate: c.gate})
		w.provider.SignIn(c.user)
		b := w.browser().signIn()
		res := b.visit("/secure?a=b").want(t, http.StatusForbidden, "did not confirm", "Try again")
		if got := w.provider.Calls(oidctest.Token); got != 2 {
			t.Errorf("%s: %d sign-ins", name, got)
		}
		b.get("/secure?a=b").want(t, http.StatusForbidden)
		w.clock.advance(due) // a renewal doesn't forget
		b.get("/secure?a=b").want(t, http.StatusForbidden)
		if got := w.provider.Calls(oidctest.Token); got != 3 {
			t.Errorf("%s: %d token requests with the renewal", name, got)
		}
		b.fetch("/api/secure").want(t, http.StatusForbidden, "did not confirm")
		b.get("/me").want(t, http.StatusOK)
		if !strings.Contains(w.log.String(), "did not sign in by a class") {
			t.Errorf("%s: the log doesn't say why:\n%s", name, w.log)
		}

		// Another demand is another try, and a link tries the same once more.
		b.visit("/payments").want(t, http.StatusForbidden)
		b.get("/secure").want(t, http.StatusForbidden)
		again := attribute(res.body[strings.Index(res.body, "/auth/login")-6:], "href")
		asked := b.get(again).want(t, http.StatusFound).asks(t)
		if asked.Get("acr_values") != "mfa phr" {
			t.Errorf("%s: the link asks for %v", name, asked)
		}
		if res := b.visit(again).want(t, http.StatusForbidden, "did not confirm"); res.Request.URL.RequestURI() != "/secure?a=b" {
			t.Errorf("%s: the link led to %s", name, res.Request.URL)
		}
		w.provider.Configure(func(c *oidctest.Config) { c.IgnoreACR = false })
		w.provider.PutUser(alice)
		b.visit(again).want(t, http.StatusOK)
	}
}

// TestStepUpsDontAlternate: rules that no sign-in satisfies at once don't send
// people from one to the other.
func TestStepUpsDontAlternate(t *testing.T) {
	w := newWorld(t, setup{routes: stepUpRoutes})
	b := w.browser().signIn()
	b.visit("/endless").want(t, http.StatusForbidden, "did not confirm")
	if got := w.provider.Calls(oidctest.Token); got != 3 {
		t.Errorf("%d sign-ins", got)
	}
}

// TestMaxAgeIgnored: a provider that ignores max_age causes no loop either, since
// the sign-in itself fails.
func TestMaxAgeIgnored(t *testing.T) {
	w := newWorld(t, setup{routes: stepUpRoutes, provider: func(c *oidctest.Config) { c.IgnoreMaxAge = true }})
	b := w.browser().signIn()
	b.visit("/recent").want(t, http.StatusBadGateway, "can&#39;t be trusted")
	remove := w.provider.OnIDToken(func(j *oidctest.JWT) { j.Claims["auth_time"] = w.clock.Now().Add(-time.Hour).Unix() })
	b.visit("/recent").want(t, http.StatusBadGateway)
	remove()
	b.get("/me").want(t, http.StatusOK)
}

// TestStepUpForPrograms: they are told, in the header and in the body.
func TestStepUpForPrograms(t *testing.T) {
	w := newWorld(t, setup{routes: stepUpRoutes})
	b := w.browser().signIn()
	for _, c := range []struct {
		path      string
		challenge []string
		body      []string
	}{
		{"/secure", []string{`acr_values="mfa phr"`}, []string{`"acr_values":"mfa phr"`}},
		{"/recent", []string{`max_age="300"`}, []string{`"max_age":300`}},
		{"/payments", []string{`acr_values="mfa"`, `max_age="300"`}, []string{`"acr_values":"mfa"`, `"max_age":300`}},
		{"/api/payments", []string{`acr_values="mfa"`, `max_age="300"`}, []string{`"acr_values":"mfa"`, `"max_age":300`}},
	} {
		res := b.fetch(c.path).want(t, http.StatusUnauthorized, append(c.body, `"error":"insufficient_user_authentication"`, `"login_url":"`+w.app.URL+`/auth/login?`)...)
		if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: %s", c.path, got)
		}
		challenge := res.Header.Get("WWW-Authenticate")
		for _, text := range append(c.challenge, `error="insufficient_user_authentication"`) {
			if !strings.Contains(challenge, text) {
				t.Errorf("%s: %s doesn't say %s", c.path, challenge, text)
			}
		}
		if len(res.Cookies()) != 0 {
			t.Errorf("%s sets %v", c.path, res.Cookies())
		}
	}
	// A navigation below API is a program's too.
	b.get("/api/secure").want(t, http.StatusUnauthorized, "insufficient_user_authentication")
	b.send(http.MethodHead, "/secure", navigation, "").want(t, http.StatusUnauthorized)
	b.send(http.MethodGet, "/secure", with(navigation, "Sec-Purpose", "prefetch"), "").want(t, http.StatusUnauthorized)
}

// TestStepUpLosesNoForm: who posts is told that it wasn't processed, and how to go on.
func TestStepUpLosesNoForm(t *testing.T) {
	w := newWorld(t, setup{routes: stepUpRoutes})
	b := w.browser().signIn()
	res := b.send(http.MethodPost, "/payments", navigation, "amount=7").
		want(t, http.StatusUnauthorized, "<h1>Confirm that it is you</h1>", "what you sent was not processed", "Continue")
	link := attribute(res.body[strings.Index(res.body, "/auth/login")-6:], "href")
	if asked := b.get(link).want(t, http.StatusFound).asks(t); asked.Get("acr_values") != "mfa" || asked.Get("max_age") != "300" {
		t.Errorf("the link asks for %v", asked)
	}
	b.get(b.callback(link)).want(t, http.StatusFound)
	b.send(http.MethodPost, "/payments", navigation, "amount=7").want(t, http.StatusOK)
}

// TestStepUpHelpsNobodyElse: what can't be mended isn't asked for.
func TestStepUpHelpsNobodyElse(t *testing.T) {
	w := newWorld(t, setup{routes: stepUpRoutes})
	b := w.browser().signIn()
	b.get("/owner").want(t, http.StatusForbidden, "does not have access")
	w.provider.OnIDToken(func(j *oidctest.JWT) { j.Claims["acr"] = []string{"mfa"} })
	odd := w.browser().signIn()
	odd.get("/secure").want(t, http.StatusForbidden, "does not have access")
	// A stranger signs in first, in the ordinary way.
	if asked := w.browser().get("/secure").want(t, http.StatusFound).asks(t); asked.Has("acr_values") || asked.Has("max_age") {
		t.Errorf("a stranger is asked for %v", asked)
	}
}

// TestStepUpLinks are sealed, and made by this gate alone.
func TestStepUpLinks(t *testing.T) {
	strict := func(c *gatehouse.Config) { c.ACRValues, c.MaxAge = []string{"strict"}, time.Minute }
	w := newWorld(t, setup{routes: stepUpRoutes, gate: strict})
	other := newWorld(t, setup{routes: stepUpRoutes})
	b := w.browser().signIn()
	link := func(w *world, b *browser) string {
		res := b.fetch("/payments").want(t, http.StatusUnauthorized)
		_, link, _ := strings.Cut(res.body, `"login_url":"`+w.app.URL)
		link, _, _ = strings.Cut(link, `"`)
		return strings.ReplaceAll(link, `\u0026`, "&")
	}
	w.clock.advance(10 * time.Minute)
	own := link(w, b)
	if asked := b.get(own).want(t, http.StatusFound).asks(t); asked.Get("acr_values") != "mfa" || asked.Get("max_age") != "60" {
		t.Errorf("the link asks for %v, which is weaker", asked)
	}
	b.get("/auth/login?acr_values=weak&max_age=100000").want(t, http.StatusFound)
	if asked := b.get("/auth/login?acr_values=weak&max_age=100000").asks(t); asked.Get("acr_values") != "strict" || asked.Get("max_age") != "60" {
		t.Errorf("a plain link asks for %v", asked)
	}
	state := b.get("/auth/login").asks(t).Get("state")
	for name, forged := range map[string]string{
		"another gate's": link(other, other.browser().signIn()), "junk": "/auth/login?step_up=mfa", "a state": "/auth/login?step_up=" + url.QueryEscape(state),
		"changed": own + "x",
	} {
		if res := b.get(forged); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

// TestScopesOfSessions are those that the provider granted.
func TestScopesOfSessions(t *testing.T) {
	w := newWorld(t, setup{routes: stepUpRoutes, gate: func(c *gatehouse.Config) { c.Scopes = []string{"openid", "profile"} }})
	b := w.browser().signIn()
	b.get("/profile").want(t, http.StatusOK)
	b.get("/orders").want(t, http.StatusForbidden, "does not have access")
	res := b.fetch("/api/orders").want(t, http.StatusForbidden, `"error":"insufficient_scope"`, `"scope":"orders:read"`)
	if got := res.Header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_scope", scope="orders:read"`) {
		t.Errorf("%s", got)
	}
	w.provider.OnIDToken(func(j *oidctest.JWT) { j.Claims["scp"] = []string{"orders:read"} })
	b = w.browser().signIn()
	b.get("/orders").want(t, http.StatusOK)
	b.get("/profile").want(t, http.StatusForbidden)
}

// TestDenialsAreExplained in the debug log, without the values of claims.
func TestDenialsAreExplained(t *testing.T) {
	w := newWorld(t, setup{routes: stepUpRoutes})
	w.browser().signIn().get("/owner")
	if log := w.log.String(); !strings.Contains(log, `false    All\nfalse      Role(\"owner\")`) || strings.Contains(log, "editor") {
		t.Errorf("the log doesn't explain it:\n%s", log)
	}
}

// TestStepUpForAccessTokens after RFC 9470: a token brings its own acr and
// auth_time, and no cookie is offered in its place.
func TestStepUpForAccessTokens(t *testing.T) {
	w := newWorld(t, setup{
		provider: func(c *oidctest.Config) { c.Audience = apiAudience },
		gate:     func(c *gatehouse.Config) { c.API = gatehouse.API{Audience: []string{apiAudience}} },
		routes:   stepUpRoutes,
	})
	w.call(w.idp.URL)
	for _, c := range []struct {
		path   string
		claims map[string]any
		want   int
		says   string
	}{
		{"/api/secure", nil, 401, `error="insufficient_user_authentication", acr_values="mfa phr"`},
		{"/api/secure", map[string]any{"acr": "pwd"}, 401, `error="insufficient_user_authentication", acr_values="mfa phr"`},
		{"/api/secure", map[string]any{"acr": "phr"}, 200, ""},
		{"/api/recent", map[string]any{"acr": "phr"}, 401, `error="insufficient_user_authentication", max_age="300"`},
		{"/api/recent", map[string]any{"auth_time": w.clock.Now().Add(-time.Hour).Unix()}, 401, `max_age="300"`},
		{"/api/recent", map[string]any{"auth_time": w.clock.Now().Unix()}, 200, ""},
		{"/api/payments", map[string]any{"acr": "mfa"}, 401, `acr_values="mfa", max_age="300"`},
		{"/api/owner", map[string]any{"acr": "pwd"}, 403, ""},
		{"/api/orders", map[string]any{"acr": "pwd"}, 403, `error="insufficient_scope", scope="orders:read"`},
	} {
		token, _ := w.provider.Issue(oidctest.User{Subject: "bob", AccessClaims: c.claims}, "app")["access_token"].(string)
		for range 2 { // it is nothing that is tried
			res := w.call(c.path, "Authorization", "Bearer "+token).want(t, c.want)
			challenge := strings.Join(res.Header.Values("WWW-Authenticate"), "; ")
			if !strings.Contains(challenge, c.says) || strings.Contains(challenge, "Cookie") || strings.Contains(res.body, "login_url") {
				t.Errorf("%s, %v: %s %s", c.path, c.claims, challenge, res.body)
			}
		}
	}
}
