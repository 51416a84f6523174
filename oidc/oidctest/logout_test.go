package oidctest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestRevocation(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	p.server.AddClient(oidctest.Client{ID: "other", Secret: "secret"})
	revoke := func(client, token string) int {
		return post(t, p.browser, p.server.Issuer()+"/revoke", url.Values{
			"client_id": {client}, "client_secret": {"secret"}, "token": {token},
		}).StatusCode
	}
	for _, kind := range []string{"refresh", "access"} {
		token := p.login()
		revoked := token.RefreshToken
		if kind == "access" {
			revoked = token.AccessToken
		}
		if status := revoke("nobody", revoked); status != 401 {
			t.Errorf("by nobody: %d", status)
		}
		if status := revoke("other", revoked); status != 200 {
			t.Errorf("by another client: %d", status)
		}
		if _, err := p.userinfo(token); err != nil {
			t.Errorf("another client revoked it: %v", err)
		}
		if status := revoke("app", revoked); status != 200 {
			t.Errorf("%s token: %d", kind, status)
		}
		if _, err := p.refresh(token.RefreshToken); errorCode(err) != "invalid_grant" {
			t.Errorf("%s token revoked: refresh: %v", kind, err)
		}
		if _, err := p.userinfo(token); err == nil {
			t.Errorf("%s token revoked: userinfo", kind)
		}
	}
	if status := revoke("app", "nonsense"); status != 200 {
		t.Errorf("unknown token: %d", status)
	}
	if r := get(t, p.browser, p.server.Issuer()+"/revoke"); r.StatusCode != 405 {
		t.Errorf("GET: %s", r.Status)
	}
}

func TestEndSession(t *testing.T) {
	const home = "http://app.example/"
	for _, algorithm := range []string{"ES256", "HS256"} {
		p := signedIn(t, oidctest.Config{Algorithm: algorithm, Clients: []oidctest.Client{
			{ID: "app", Secret: "secret", PostLogoutRedirectURIs: []string{home}},
			{ID: "other", Secret: "secret"},
		}})
		hint := idToken(p.login())
		for name, c := range map[string]struct {
			query    url.Values
			status   int
			location string
		}{
			"back to the client": {url.Values{"id_token_hint": {hint}, "client_id": {"app"}, "post_logout_redirect_uri": {home}, "state": {"s"}}, 303, home + "?state=s"},
			"by client_id":       {url.Values{"client_id": {"app"}, "post_logout_redirect_uri": {home}}, 303, home},
			"nowhere":            {url.Values{}, 200, ""},
			"foreign address":    {url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {"https://evil.example/"}}, 400, ""},
			"no client":          {url.Values{"post_logout_redirect_uri": {home}}, 400, ""},
			"another client":     {url.Values{"id_token_hint": {hint}, "client_id": {"other"}}, 400, ""},
			"forged hint":        {url.Values{"id_token_hint": {hint + "x"}, "client_id": {"app"}}, 400, ""},
		} {
			p.server.SignIn(alice())
			r := get(t, p.browser, p.server.Issuer()+"/end-session?"+c.query.Encode())
			if r.StatusCode != c.status || r.Header.Get("Location") != c.location {
				t.Errorf("%s, %s: %s to %q", algorithm, name, r.Status, r.Header.Get("Location"))
			}
			out := p.authorize(oauth2.SetAuthURLParam("prompt", "none")).Get("error") == "login_required"
			if out != (c.status != 400) {
				t.Errorf("%s, %s: signed out %v", algorithm, name, out)
			}
		}
	}
}

// The hint names the session where the browser doesn't.
func TestEndSessionOfHint(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	hint := idToken(p.login())
	post(t, newBrowser(t, p.server), p.server.Issuer()+"/end-session", url.Values{"id_token_hint": {hint}})
	if got := p.authorize(oauth2.SetAuthURLParam("prompt", "none")).Get("error"); got != "login_required" {
		t.Errorf("error %q", got)
	}
}

// A logout token is of the client and the session that are asked for, and the
// end-session endpoint sends it where it was told to.
func TestLogoutToken(t *testing.T) {
	received := make(chan url.Values, 1)
	client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		received <- r.PostForm
	}))
	t.Cleanup(client.Close)
	p := signedIn(t, oidctest.Config{Clients: []oidctest.Client{{ID: "app", Secret: "secret", BackchannelLogoutURI: client.URL}}})
	sid := p.server.SID()
	p.login()
	get(t, p.browser, p.server.Issuer()+"/end-session?client_id=app")
	select {
	case form := <-received:
		claims := jwt.MapClaims{}
		token, err := jwt.ParseWithClaims(form.Get("logout_token"), claims, func(*jwt.Token) (any, error) { return p.server.Keys()[0].Public(), nil })
		if err != nil || token.Header["typ"] != "logout+jwt" || claims["sid"] != sid || claims["sub"] != alice().Subject || claims["aud"] != "app" || claims["jti"] == "" || claims["nonce"] != nil {
			t.Errorf("%v, %v, %v", token.Header, claims, err)
		}
	default:
		t.Error("nothing was sent before the answer")
	}
	if sid := p.server.SID(); sid == "" {
		t.Error("the session that SignIn began has no sid")
	}
	if _, there := p.server.LogoutToken("app", "", "s").Claims["sub"]; there {
		t.Error("an empty subject is there")
	}
}
