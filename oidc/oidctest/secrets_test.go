package oidctest_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestOnSecret: every secret of a sign-in and of what follows is told, by its kind.
func TestOnSecret(t *testing.T) {
	p := signedIn(t, oidctest.Config{RefreshTokens: oidctest.RefreshAlways})
	var mu sync.Mutex
	told := map[string]map[string]bool{}
	remove := p.server.OnSecret(func(kind, secret string) {
		mu.Lock()
		defer mu.Unlock()
		if told[kind] == nil {
			told[kind] = map[string]bool{}
		}
		told[kind][secret] = true
	})
	has := func(kind, secret string) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if secret == "" || !told[kind][secret] {
			t.Errorf("%s %q was not told", kind, secret)
		}
	}
	p.server.AddClient(oidctest.Client{ID: "other", Secret: "another secret"})
	has("client_secret", "secret")
	has("client_secret", "another secret")
	tokens := p.server.Issue(oidctest.User{Subject: "alice"}, "app", "openid", "offline_access")
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		text, _ := tokens[name].(string)
		has(name, text)
	}
	has("logout_token", p.server.LogoutToken("app", "alice", "").Sign())
	own := p.server.NewJWT(nil)
	own.Header["typ"] = "at+jwt"
	has("access_token", own.Sign())

	form := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {"a stranger's"}, "client_id": {"app"}, "client_secret": {"a wrong secret"},
		"code": {"a stranger's code"}, "code_verifier": {"a verifier"}, "client_assertion": {"an assertion"},
	}
	r, err := http.NewRequest(http.MethodPost, p.server.Issuer()+"/token?state=a+state&nonce=a+nonce", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("app", "a+secret%2F")
	res, err := p.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	for kind, secret := range map[string]string{
		"refresh_token": "a stranger's", "code": "a stranger's code", "code_verifier": "a verifier", "client_assertion": "an assertion",
		"state": "a state", "nonce": "a nonce", "client_secret": "a secret/",
	} {
		has(kind, secret)
	}
	remove()
	p.server.AddClient(oidctest.Client{ID: "third", Secret: "a third secret"})
	if told["client_secret"]["a third secret"] {
		t.Error("told after it was taken off")
	}
}
