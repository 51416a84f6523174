package oidc_test

import (
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestUserinfo(t *testing.T) {
	for _, signed := range []bool{false, true} {
		p := newParty(t, oidctest.Config{SignedUserinfo: signed}, nil)
		if grant, err := p.signIn(request); err != nil || grant.Userinfo["name"] != "Alice" {
			t.Errorf("signed %v: %v", signed, err)
		}
		for name, c := range map[string]struct {
			fault oidctest.Fault
			kind  error
		}{
			"500":        {oidctest.Status(500), oidc.ErrUnavailable},
			"401":        {oidctest.Status(401), oidc.ErrClient},
			"not JSON":   {oidctest.Body(200, "application/json", "hello"), oidc.ErrUnavailable},
			"no sub":     {oidctest.Body(200, "application/json", `{"name":"x"}`), oidc.ErrToken},
			"twice":      {oidctest.Body(200, "application/json", `{"sub":"alice","sub":"bob"}`), oidc.ErrUnavailable},
			"foreign":    {oidctest.Body(200, "application/json", `{"sub":"bob"}`), oidc.ErrToken},
			"redirect":   {oidctest.Redirect(302, "https://evil.example"), oidc.ErrUnavailable},
			"no JWT":     {oidctest.Body(200, "application/jwt", `{"sub":"alice"}`), oidc.ErrToken},
			"gzip bomb":  {oidctest.GzipBomb(), oidc.ErrUnavailable},
			"no ending":  {oidctest.Endless(), oidc.ErrUnavailable},
			"connection": {oidctest.Drop(), oidc.ErrUnavailable},
		} {
			remove := p.provider.Intercept(oidctest.Userinfo, c.fault)
			if _, err := p.signIn(request); !errors.Is(err, c.kind) {
				t.Errorf("%s: %v", name, err)
			}
			remove()
		}
		if signed {
			for name, change := range map[string]func(*oidctest.JWT){
				"iss":      func(j *oidctest.JWT) { j.Claims["iss"] = "https://evil.example" },
				"aud":      func(j *oidctest.JWT) { j.Claims["aud"] = "other" },
				"unsigned": func(j *oidctest.JWT) { j.Unsigned() },
			} {
				remove := p.provider.OnUserinfoToken(change)
				if _, err := p.signIn(request); !errors.Is(err, oidc.ErrToken) {
					t.Errorf("signed userinfo, %s: %v", name, err)
				}
				remove()
			}
		}
	}
}
