package oidc_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestClockSetBack: what is waited for before the provider is asked again isn't
// waited for until the clock has been there again.
func TestClockSetBack(t *testing.T) {
	for name, trouble := range map[string]func(*party){
		"keys that strangers had read": func(p *party) {
			remove := p.provider.OnIDToken(func(j *oidctest.JWT) { j.SignWith(oidctest.NewKey("ES256")) })
			for range 10 {
				if _, err := p.signIn(request); !errors.Is(err, oidc.ErrToken) {
					p.Errorf("a forged token: %v", err)
				}
			}
			remove()
		},
		"keys that couldn't be read": func(p *party) {
			remove := p.provider.Intercept(oidctest.JWKS, oidctest.Status(http.StatusInternalServerError))
			if _, err := p.signIn(request); !errors.Is(err, oidc.ErrUnavailable) {
				p.Errorf("without keys: %v", err)
			}
			remove()
		},
		"a discovery that failed": func(p *party) {
			remove := p.provider.Intercept(oidctest.Discovery, oidctest.Status(http.StatusInternalServerError))
			if _, err := p.client.AuthCodeURL(p.Context(), request); !errors.Is(err, oidc.ErrUnavailable) {
				p.Errorf("without endpoints: %v", err)
			}
			remove()
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := ecParty(t)
			trouble(p)
			p.provider.RotateKeys()
			p.advance(-30 * time.Second)
			if _, err := p.signIn(request); err != nil {
				t.Errorf("set back by half a minute: %v", err)
			}
		})
	}
}
