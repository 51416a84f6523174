package oidctest_test

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestUserinfo(t *testing.T) {
	for name, config := range map[string]oidctest.Config{
		"plain":  {},
		"opaque": {OpaqueAccessTokens: true},
		"signed": {SignedUserinfo: true},
	} {
		p := signedIn(t, config)
		user := alice()
		user.UserinfoClaims = map[string]any{"email": "alice@example.org"}
		p.server.SignIn(user)
		info, err := p.userinfo(p.login())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if info["sub"] != "alice" || info["email"] != "alice@example.org" || info["roles"] == nil || (info["aud"] == "app") != config.SignedUserinfo {
			t.Errorf("%s: %v", name, info)
		}
	}
}

func TestUserinfoRefused(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	token := p.login()
	for _, access := range []string{"", "nonsense", token.RefreshToken, idToken(token), token.AccessToken + "x.y", "a.!.c", "a.e30.c"} {
		if _, err := p.userinfo(&oauth2.Token{AccessToken: access}); err == nil {
			t.Errorf("%q was accepted", access)
		}
	}
	if r := get(t, p.browser, p.server.Issuer()+"/userinfo"); r.StatusCode != 401 || !strings.Contains(r.Header.Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("without a token: %s %v", r.Status, r.Header)
	}
	if r := post(t, p.browser, p.server.Issuer()+"/userinfo", url.Values{"access_token": {token.AccessToken}}); r.StatusCode != 200 {
		t.Errorf("with the token in the form: %s", r.Status)
	}
}

func TestUserinfoFaults(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	token := p.login()
	remove := p.server.OnAnswer(oidctest.Userinfo, func(d map[string]any) { d["sub"] = "mallory" })
	if info, err := p.userinfo(token); err != nil || info["sub"] != "mallory" {
		t.Errorf("%v %v", info, err)
	}
	p.server.Configure(func(c *oidctest.Config) { c.SignedUserinfo = true })
	if info, err := p.userinfo(token); err != nil || info["sub"] != "mallory" {
		t.Errorf("signed: %v %v", info, err)
	}
	remove()
	p.server.OnUserinfoToken(func(t *oidctest.JWT) { t.Key = oidctest.NewKey("ES256") })
	if _, err := p.userinfo(token); err == nil {
		t.Error("a forged answer was accepted")
	}
}

func (p *party) userinfo(token *oauth2.Token) (map[string]any, error) {
	info, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, err
	}
	claims := map[string]any{}
	return claims, info.Claims(&claims)
}
