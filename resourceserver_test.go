package gatehouse_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/canary"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

func TestResourceServer(t *testing.T) {
	provider := oidctest.NewServer(t, oidctest.Config{Keys: []*oidctest.Key{signingKey()}, Audience: apiAudience})
	watch := canary.New(t)
	provider.OnSecret(func(kind, secret string) { watch.Secret(canary.Kind(kind), secret) })
	gate, err := gatehouse.NewResourceServer(gatehouse.Config{
		Issuer: provider.Issuer(), API: gatehouse.API{Audience: []string{apiAudience}, Resource: apiAudience}, Logger: watch.Logger(io.Discard),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	if err := gate.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	mux := gate.Mux()
	mux.HandleFunc("/me", rbac.SignedIn(), me)
	mux.HandleFunc("/orders", rbac.Scope("orders:read"), me)
	mux.HandleFunc("/admin", rbac.Role("admin"), me)
	issued, _ := provider.Issue(alice, "app", "orders:read")["access_token"].(string)
	for _, c := range []struct {
		name          string
		handler       http.Handler
		method, path  string
		authorization string
		status        int
	}{
		{"API", gate.API(mux), "GET", "/me", "Bearer " + issued, 200},
		{"a scope", gate.API(mux), "GET", "/orders", "Bearer " + issued, 200},
		{"a role", gate.API(mux), "GET", "/admin", "Bearer " + issued, 403},
		{"no token", gate.API(mux), "GET", "/me", "", 401},
		{"metadata", gate.API(mux), "GET", "/.well-known/oauth-protected-resource", "", 200},
		{"metadata by Endpoints", gate.Endpoints(), "GET", "/.well-known/oauth-protected-resource", "", 200},
		{"no endpoints", gate.Endpoints(), "GET", "/auth/login", "", 404},
		{"Wrap", gate.Wrap(mux), "GET", "/me", "Bearer " + issued, 401},
		{"Identify", gate.Identify(mux), "GET", "/me", "Bearer " + issued, 401},
		{"no establisher", mux, "GET", "/me", "Bearer " + issued, 500},
		{"Login", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { gate.Login(w, r, gatehouse.Login{}) }), "GET", "/", "", 500},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Header = with(navigation, "Authorization", c.authorization)
		w := watch.Recorder("an answer of a resource server", canary.Shown()...)
		c.handler.ServeHTTP(w, r)
		if strings.Contains(strings.ToLower(w.Body.String()), "sign") || w.Code == 403 && !strings.Contains(w.Body.String(), "access token") {
			t.Errorf("%s: %s, where nobody signs in", c.name, w.Body)
		}
		if w.Code != c.status || strings.Contains(w.Body.String(), "/auth/") || w.Code == 401 && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: %d %v %s", c.name, w.Code, w.Header(), w.Body)
		}
	}
	if listed, err := gate.Sessions(t.Context(), "alice"); err == nil {
		t.Errorf("Sessions: %v, though nobody signs in there", listed)
	}
	for _, whose := range []gatehouse.Revocation{{Subject: "alice"}, {SID: "sid"}, {Session: "s" + strings.Repeat("A", 32)}} {
		if gate.Revoke(t.Context(), whose) == nil {
			t.Errorf("Revoke of %+v: no error, though nothing ends", whose)
		}
	}
}

// TestResourceServerOfATest: handlers are tested without tokens there, too.
func TestResourceServerOfATest(t *testing.T) {
	gate, err := gatehouse.NewResourceServer(gatehouse.Config{Issuer: "https://idp.example", API: gatehouse.API{Audience: []string{apiAudience}}})
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	bob := gatehouse.NewIdentity(map[string]any{"sub": "bob", "scope": "orders:read"})
	for name, c := range map[string]struct {
		rule   rbac.Rule
		status int
		says   string
	}{
		"allowed":  {rbac.Scope("orders:read"), 200, ""},
		"a scope":  {rbac.Scope("orders:write"), 403, ""},
		"a role":   {rbac.Role("admin"), 403, ""},
		"a class":  {rbac.ACR("mfa"), 401, `acr_values="mfa"`},
		"recently": {rbac.MaxAge(time.Minute), 401, `max_age="60"`},
	} {
		for _, header := range []http.Header{navigation, fetching} {
			r := httptest.NewRequest(http.MethodGet, "/orders", nil)
			r.Header = header.Clone()
			w := httptest.NewRecorder()
			gate.Require(c.rule)(http.HandlerFunc(me)).ServeHTTP(w, r.WithContext(gatehouse.WithIdentity(r.Context(), bob)))
			if w.Code != c.status || !strings.Contains(w.Header().Get("WWW-Authenticate"), c.says) {
				t.Errorf("%s: %d %v", name, w.Code, w.Header())
			}
		}
	}
}

// TestResourceServerMistakes: the issuer is named as it was given.
func TestResourceServerMistakes(t *testing.T) {
	audience := gatehouse.API{Audience: []string{apiAudience}}
	for _, c := range []struct {
		name   string
		config gatehouse.Config
		want   string
	}{
		{"nothing", gatehouse.Config{}, "Issuer: is required, or API.Issuers\nAPI.Audience: is required"},
		{"no issuer", gatehouse.Config{API: audience}, "Issuer: is required, or API.Issuers"},
		{"no scheme", gatehouse.Config{Issuer: "idp.example", API: audience}, "Issuer: must be https, or http on loopback"},
		{"no https", gatehouse.Config{Issuer: "http://idp.example", API: gatehouse.API{Audience: []string{""}}}, "Issuer: must be https, or http on loopback\nAPI.Audience: must not hold an empty name"},
		{"a secret", gatehouse.Config{API: gatehouse.API{Audience: audience.Audience, Issuers: []oidc.TrustedIssuer{{HMACSecret: make([]byte, 32)}}}}, "API.Issuers[0].Issuer: is required"},
	} {
		_, err := gatehouse.NewResourceServer(c.config)
		if want := "gatehouse: invalid configuration:\n" + c.want; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", c.name, err, want)
		}
	}
}
