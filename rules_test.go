package gatehouse_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
	"github.com/gorilla/securecookie"
)

func TestRoles(t *testing.T) {
	w := newWorld(t, setup{})
	w.provider.SignIn(oidctest.User{Subject: "bob", Claims: map[string]any{"roles": []string{"user"}}})
	b := w.browser().signIn()
	res := b.get("/admin").want(t, http.StatusForbidden, "does not have access")
	if strings.Contains(res.body, "Role(") || strings.Contains(res.body, "false") {
		t.Errorf("the page shows the reason: %s", res.body)
	}
	if again := `href="/auth/login?return_to=%2Fadmin&amp;prompt=login"`; !strings.Contains(res.body, again) {
		t.Errorf("no link to sign in as somebody else, %s: %s", again, res.body)
	}
	b.fetch("/admin").want(t, http.StatusForbidden, `"status":403`)
	if !strings.Contains(w.log.String(), `Role(\"admin\") is false`) {
		t.Errorf("the log doesn't say why:\n%s", w.log)
	}
	w.browser().get("/admin").want(t, http.StatusFound) // a stranger signs in first
}

func TestFailsClosed(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "inside") })
	for name, guard := range map[string]func(*gatehouse.Gate) http.Handler{
		"no rules":       func(g *gatehouse.Gate) http.Handler { return g.Wrap(g.Require()(ok)) },
		"nil rule":       func(g *gatehouse.Gate) http.Handler { return g.Wrap(g.Require(nil)(ok)) },
		"nil among them": func(g *gatehouse.Gate) http.Handler { return g.Wrap(g.Require(rbac.SignedIn(), nil)(ok)) },
		"panicking rule": func(g *gatehouse.Gate) http.Handler {
			return g.Wrap(g.Require(rbac.Func("p", func(*rbac.Subject) bool { panic("oops") }))(ok))
		},
		"not a failing rule": func(g *gatehouse.Gate) http.Handler { return g.Wrap(g.Require(rbac.Not(rbac.Func("nil", nil)))(ok)) },
	} {
		w := newWorld(t, setup{routes: func(g *gatehouse.Gate) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/me", g.Wrap(g.RequireLogin(http.HandlerFunc(me))))
			mux.Handle("/auth/", g.Endpoints())
			mux.Handle("/guarded", guard(g))
			return mux
		}})
		b := w.browser().signIn()
		if res := b.get("/guarded"); res.StatusCode != http.StatusForbidden || strings.Contains(res.body, "inside") {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.body)
		}
	}
}

// TestNoEstablisher: a gate without one refuses, rather than sending people to
// sign in for ever.
func TestNoEstablisher(t *testing.T) {
	w := newWorld(t, setup{routes: func(g *gatehouse.Gate) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/auth/", g.Endpoints())
		mux.Handle("/me", g.Wrap(http.HandlerFunc(me)))
		mux.Handle("/bare", g.RequireLogin(http.HandlerFunc(me)))
		return mux
	}})
	b := w.browser()
	b.visit("/auth/login?return_to=/me")
	b.get("/bare").want(t, http.StatusInternalServerError)
	if !strings.Contains(w.log.String(), "without Wrap, Identify or API") {
		t.Error("the log doesn't say why")
	}
}

func TestMuxRefusesPatternsWithoutARule(t *testing.T) {
	w := newWorld(t, setup{})
	mux := w.gate.Mux()
	for name, register := range map[string]func(){
		"nil rule":          func() { mux.HandleFunc("/a", nil, me) },
		"nil handler":       func() { mux.Handle("/b", rbac.Public(), nil) },
		"nil func":          func() { mux.HandleFunc("/c", rbac.Public(), nil) },
		"malformed pattern": func() { mux.HandleFunc("/{d", rbac.Public(), me) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: registered", name)
				}
			}()
			register()
		}()
	}
	for _, path := range []string{"/a", "/b", "/c"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, r)
		if rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

// TestUnitTestsOfHandlers needs no provider.
func TestUnitTestsOfHandlers(t *testing.T) {
	gate, err := gatehouse.New(gatehouse.Config{
		Issuer: "https://idp.example.com", ClientID: "shop", BaseURL: "https://shop.example.com", SessionKeys: []cookie.Key{cookie.NewKey()},
	})
	if err != nil {
		t.Fatal(err)
	}
	handlers := map[string]http.Handler{
		"bare":    gate.Require(rbac.Role("editor"))(http.HandlerFunc(me)),
		"wrapped": gate.Wrap(gate.Require(rbac.Role("editor"))(http.HandlerFunc(me))),
	}
	bob := gatehouse.NewIdentity(map[string]any{"sub": "bob", "roles": []string{"editor"}})
	eve := gatehouse.NewIdentity(map[string]any{"sub": "eve", "roles": []string{"reader"}})
	for name, h := range handlers {
		for who, want := range map[*gatehouse.Identity]int{bob: http.StatusOK, eve: http.StatusForbidden} {
			r := httptest.NewRequest(http.MethodGet, "/articles", nil)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r.WithContext(gatehouse.WithIdentity(r.Context(), who)))
			if w.Code != want {
				t.Errorf("%s, %v: %d, want %d", name, who, w.Code, want)
			}
		}
	}
	ctx := gatehouse.WithIdentity(t.Context(), bob)
	if !gate.Allows(ctx, rbac.Role("editor")) || gate.Allows(ctx, rbac.Role("admin")) || gate.Allows(ctx, nil) || gate.Allows(t.Context(), rbac.SignedIn()) {
		t.Error("Allows is wrong")
	}
	if _, ok := gatehouse.IdentityFrom(context.Background()); ok {
		t.Error("an identity out of nothing")
	}
	if who, ok := gatehouse.IdentityFrom(gatehouse.WithIdentity(ctx, nil)); ok || who != nil {
		t.Error("a nil identity counts")
	}
}

// TestAnotherGatesIdentity is nobody to this gate.
func TestAnotherGatesIdentity(t *testing.T) {
	var staff *gatehouse.Gate
	w := newWorld(t, setup{routes: func(customers *gatehouse.Gate) http.Handler {
		var err error
		staff, err = gatehouse.New(gatehouse.Config{
			Issuer: "https://staff.example.com", ClientID: "staff", BaseURL: "https://shop.example.com", SessionKeys: []cookie.Key{cookie.NewKey()}, AuthPath: "/staff",
		})
		if err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		mux.Handle("/me", customers.RequireLogin(http.HandlerFunc(me)))
		mux.Handle("/backstage", staff.RequireLogin(http.HandlerFunc(me)))
		mux.Handle("/both", staff.Wrap(customers.RequireLogin(http.HandlerFunc(me))))
		mux.HandleFunc("/allowed", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, customers.Allows(r.Context(), rbac.Role("admin")), staff.Allows(r.Context(), rbac.Role("admin")))
		})
		return staff.Wrap(customers.Wrap(mux))
	}})
	b := w.browser().signIn()
	b.fetch("/backstage").want(t, http.StatusUnauthorized, "/staff/login")
	b.get("/both").want(t, http.StatusOK, "alice")
	b.get("/allowed").want(t, http.StatusOK, "true false")
}

func TestIdentityIsImmutable(t *testing.T) {
	given := map[string]any{"sub": "bob", "roles": []string{"editor"}, "deep": map[string]any{"a": []any{"b"}}}
	bob := gatehouse.NewIdentity(given)
	given["sub"] = "mallory"
	given["roles"].([]string)[0] = "admin"
	first := bob.Claims()
	first["sub"] = "mallory"
	first["deep"].(map[string]any)["a"].([]any)[0] = "c"
	again := bob.Claims()
	if bob.Subject() != "bob" || again["roles"].([]string)[0] != "editor" || again["deep"].(map[string]any)["a"].([]any)[0] != "b" {
		t.Errorf("claims %v", again)
	}
	if bob.AccessToken() != "" || !bob.Expires().IsZero() || !bob.SessionEnds().IsZero() || bob.Issuer() != "" || bob.String("absent") != "" {
		t.Error("a made identity has tokens")
	}
}

// TestOtherRouters mount the endpoints themselves.
func TestOtherRouters(t *testing.T) {
	w := newWorld(t, setup{routes: func(g *gatehouse.Gate) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/auth/", g.Endpoints())
		mux.Handle("/sub/", g.Identify(http.StripPrefix("/sub", g.RequireLogin(http.HandlerFunc(me)))))
		mux.Handle("/cut/", http.StripPrefix("/cut", g.Identify(g.RequireLogin(http.HandlerFunc(me)))))
		mux.Handle("/me", g.Identify(g.Identify(g.RequireLogin(http.HandlerFunc(me))))) // twice does no harm
		return mux
	}})
	b := w.browser()
	for _, page := range []string{"/sub/orders?a=b", "/cut/orders?a=%2Fb&c", "/cut/a%2Fb"} {
		stranger := w.browser()
		stranger.fetch(page).want(t, http.StatusUnauthorized, "return_to="+url.QueryEscape(page))
		if got := stranger.get(stranger.callback(page)).Header.Get("Location"); got != page {
			t.Errorf("%s comes back at %s", page, got)
		}
	}
	b.signIn()
	b.get("/sub/orders").want(t, http.StatusOK, "alice")
	b.get("/me").want(t, http.StatusOK, "alice")
	b.get("/auth/other").want(t, http.StatusNotFound)
}

func TestEvents(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	w.clock.advance(due)
	b.get("/me")
	w.provider.PutUser(oidctest.User{Subject: "alice"})
	w.clock.advance(due)
	b.get("/admin").want(t, http.StatusForbidden)
	b.send(http.MethodPost, "/auth/logout", navigation, "")
	w.provider.OnIDToken(func(j *oidctest.JWT) { j.Claims["nonce"] = "x" })
	w.browser().visit("/me")
	log := w.log.String()
	for _, event := range []string{
		"event=sign-in outcome=ok", "event=renewal outcome=ok", "event=access outcome=denied", "event=sign-out outcome=ok", "event=sign-in outcome=failed",
	} {
		if !strings.Contains(log, event) {
			t.Errorf("no %q in the log:\n%s", event, log)
		}
	}
	if !strings.Contains(log, "sub=alice") || !strings.Contains(log, "nonce is of another sign-in") {
		t.Errorf("the log doesn't say who and why:\n%s", log)
	}
}

func TestConfig(t *testing.T) {
	good := gatehouse.Config{
		Issuer: "https://idp.example.com", ClientID: "shop", ClientSecret: "canary", BaseURL: "https://shop.example.com", SessionKeys: []cookie.Key{cookie.NewKey()},
	}
	for name, c := range map[string]struct {
		change func(*gatehouse.Config)
		fields []string
	}{
		"all missing":       {func(c *gatehouse.Config) { *c = gatehouse.Config{} }, []string{"Issuer", "ClientID", "BaseURL", "SessionKeys"}},
		"http BaseURL":      {func(c *gatehouse.Config) { c.BaseURL = "http://shop.example.com" }, []string{"BaseURL"}},
		"http on the LAN":   {func(c *gatehouse.Config) { c.BaseURL = "http://192.168.1.5:8080" }, []string{"BaseURL"}},
		"BaseURL path":      {func(c *gatehouse.Config) { c.BaseURL = "https://example.com/shop" }, []string{"BaseURL"}},
		"BaseURL query":     {func(c *gatehouse.Config) { c.BaseURL = "https://example.com/?a" }, []string{"BaseURL"}},
		"BaseURL relative":  {func(c *gatehouse.Config) { c.BaseURL = "shop.example.com" }, []string{"BaseURL"}},
		"BaseURL ftp":       {func(c *gatehouse.Config) { c.BaseURL = "ftp://shop.example.com" }, []string{"BaseURL"}},
		"http issuer":       {func(c *gatehouse.Config) { c.Issuer = "http://idp.example.com" }, []string{"Issuer"}},
		"scopes in one":     {func(c *gatehouse.Config) { c.Scopes = []string{"openid profile", "email"} }, []string{"Scopes[0]"}},
		"no scope":          {func(c *gatehouse.Config) { c.Scopes = []string{"email", ""} }, []string{"Scopes[1]"}},
		"issuer template":   {func(c *gatehouse.Config) { c.Issuer = "https://login.example.com/{tenantid}/v2.0" }, []string{"Issuer"}},
		"zero key":          {func(c *gatehouse.Config) { c.SessionKeys = []cookie.Key{{}} }, []string{"SessionKeys"}},
		"alg none":          {func(c *gatehouse.Config) { c.SigningAlgs = []string{"none"} }, []string{"SigningAlgs"}},
		"HMAC, short":       {func(c *gatehouse.Config) { c.SigningAlgs = []string{"HS256"} }, []string{"SigningAlgs"}},
		"auth method":       {func(c *gatehouse.Config) { c.ClientAuth = "secret" }, []string{"ClientAuth"}},
		"auth, no secret":   {func(c *gatehouse.Config) { c.ClientAuth, c.ClientSecret = "client_secret_post", "" }, []string{"ClientSecret"}},
		"response mode":     {func(c *gatehouse.Config) { c.ResponseMode = "fragment" }, []string{"ResponseMode"}},
		"form_post on http": {func(c *gatehouse.Config) { c.ResponseMode, c.BaseURL = "form_post", "http://localhost:1" }, []string{"ResponseMode"}},
		"paths": {func(c *gatehouse.Config) {
			c.AuthPath, c.AfterLogin, c.AfterLogout = "auth", "//evil.example", "https://x"
		},
			[]string{"AuthPath", "AfterLogin", "AfterLogout"}},
		"durations": {func(c *gatehouse.Config) { c.SessionLifetime, c.RefreshLeeway, c.OutageGrace = -1, -1, -1 },
			[]string{"SessionLifetime", "RefreshLeeway", "OutageGrace"}},
		"prompt":      {func(c *gatehouse.Config) { c.Prompt = "none login" }, []string{"Prompt"}},
		"policy":      {func(c *gatehouse.Config) { c.Policy.Roles = []rbac.Path{{}} }, []string{"Policy"}},
		"cookie name": {func(c *gatehouse.Config) { c.CookieName = "a b" }, []string{"CookieName"}},
		"everything": {func(c *gatehouse.Config) {
			*c = gatehouse.Config{
				BaseURL: "http://localhost:1", CookieName: "a b", ResponseMode: "form_post", ClientAuth: "secret", SigningAlgs: []string{"none"},
				AuthPath: "auth", AfterLogin: "//evil.example", AfterLogout: "x", SessionLifetime: -1, RefreshLeeway: -1, OutageGrace: -1,
				Prompt: "none login", Policy: rbac.Policy{Roles: []rbac.Path{{}}},
			}
		}, []string{"Issuer", "ClientID", "SessionKeys", "CookieName", "ResponseMode", "ClientAuth", "SigningAlgs", "AuthPath", "AfterLogin",
			"AfterLogout", "SessionLifetime", "RefreshLeeway", "OutageGrace", "Prompt", "Policy"}},
		"pointers to nothing": {func(c *gatehouse.Config) {
			var store *gatehouse.MemoryStore
			c.Store, c.Revocations, c.Coordinator, c.CookieCodec = store, store, store, (*securecookie.SecureCookie)(nil)
		}, []string{"Store", "Revocations", "Coordinator", "CookieCodec"}},
		"AuthPath, query":       {func(c *gatehouse.Config) { c.AuthPath = "/auth?x=1" }, []string{"AuthPath"}},
		"AuthPath, fragment":    {func(c *gatehouse.Config) { c.AuthPath = "/auth#x" }, []string{"AuthPath"}},
		"AuthPath, escape":      {func(c *gatehouse.Config) { c.AuthPath = "/a%75th" }, []string{"AuthPath"}},
		"AuthPath, beyond URLs": {func(c *gatehouse.Config) { c.AuthPath = "/über" }, []string{"AuthPath"}},
		"AuthPath, slashes":     {func(c *gatehouse.Config) { c.AuthPath = "/a//b" }, []string{"AuthPath"}},
		"sign-in without end":   {func(c *gatehouse.Config) { c.AfterLogin = "/auth/login?x" }, []string{"AfterLogin"}},
		"sign-out without end":  {func(c *gatehouse.Config) { c.AuthPath, c.AfterLogout = "/in/", "/in/logout" }, []string{"AfterLogout"}},
		"BaseURL beyond ASCII":  {func(c *gatehouse.Config) { c.BaseURL = "https://bücher.example" }, []string{"BaseURL"}},
		"issuer's document":     {func(c *gatehouse.Config) { c.Issuer += "/.well-known/openid-configuration" }, []string{"Issuer"}},
		"parameters with a field": {func(c *gatehouse.Config) {
			c.AuthParams = url.Values{"max_age": {"300"}, "audience": {"orders"}, "prompt": {"login"}}
		}, []string{"AuthParams"}},
	} {
		config := good
		c.change(&config)
		_, err := gatehouse.New(config)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, field := range c.fields {
			if got := strings.Count("\n"+err.Error(), "\n"+field+":"); got != 1 {
				t.Errorf("%s: %q names %s %d times", name, err, field, got)
			}
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %q shows the secret", name, err)
		}
	}
	for _, baseURL := range []string{
		"https://shop.example.com", "https://shop.example.com/", "https://SHOP.example.com:443", "http://localhost:8080", "http://127.0.0.1", "http://app.localhost:1", "http://[::1]:80",
	} {
		config := good
		config.BaseURL = baseURL
		if _, err := gatehouse.New(config); err != nil {
			t.Errorf("%s: %v", baseURL, err)
		}
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "config", good)
	if printed := fmt.Sprintf("%v %+v %#v %s", good, good, good, good) + logged.String(); strings.Contains(printed, "canary") || !strings.Contains(printed, "shop.example.com") {
		t.Errorf("a Config prints as %s", printed)
	}
}

func TestConfigFromEnv(t *testing.T) {
	for _, name := range []string{"OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "BASE_URL", "SESSION_KEYS", "OIDC_SCOPES", "OIDC_PROMPT", "OIDC_SKIP_CONSENT", "OIDC_DPOP", "OIDC_PAR"} {
		t.Setenv(name, "")
	}
	t.Setenv("OIDC_SKIP_CONSENT", "maybe")
	t.Setenv("OIDC_DPOP", "yes")
	_, err := gatehouse.ConfigFromEnv()
	for _, name := range []string{"OIDC_ISSUER", "OIDC_CLIENT_ID", "BASE_URL", "SESSION_KEYS: at least one key is required; make one with", "OIDC_SKIP_CONSENT", "OIDC_DPOP"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v doesn't name %s", err, name)
		}
	}
	for name, value := range map[string]string{
		"OIDC_ISSUER": "https://idp.example.com", "OIDC_CLIENT_ID": "shop", "OIDC_CLIENT_SECRET": "s", "BASE_URL": "https://shop.example.com",
		"SESSION_KEYS": cookie.NewKey().Encode() + "," + cookie.NewKey().Encode(), "OIDC_SCOPES": "openid  email", "OIDC_PROMPT": "login", "OIDC_SKIP_CONSENT": "1", "OIDC_DPOP": "1", "OIDC_PAR": "true",
	} {
		t.Setenv(name, value)
	}
	config, err := gatehouse.ConfigFromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if len(config.SessionKeys) != 2 || !slices.Equal(config.Scopes, []string{"openid", "email"}) || config.Prompt != "login" || !config.SkipConsent || !config.DPoP || !config.PushedRequests || config.ClientSecret != "s" {
		t.Errorf("%+v", config)
	}
	if config.Logger != slog.Default() {
		t.Error("what fails is not logged")
	}
	if _, err := gatehouse.New(config); err != nil {
		t.Error(err)
	}
}
