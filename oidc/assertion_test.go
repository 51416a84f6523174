package oidc_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// asserting is a party whose client signs who it is.
func asserting(t *testing.T, registered, used oidc.SigningKey, providing oidctest.Config) *party {
	t.Helper()
	providing.Clients = []oidctest.Client{{ID: "app", PublicKey: registered.Public()}}
	return newParty(t, providing, func(c *oidc.Config) { c.ClientSecret, c.ClientKey = "", used })
}

func TestClientAssertions(t *testing.T) {
	key := oidc.NewSigningKey()
	for name, providing := range map[string]oidctest.Config{
		"plain":            {},
		"pushed and bound": {RequirePushed: true, RequireDPoP: true, DPoPNonce: "nonce-1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := asserting(t, key, key, providing)
			asked := bound()
			grant, err := p.signIn(asked)
			if err != nil {
				t.Fatal(err)
			}
			renewed, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.client.ClientCredentials(t.Context(), oidc.Target{}, asked.ProofKey); err != nil {
				t.Error(err)
			}
			if err := p.client.Revoke(t.Context(), renewed.Tokens); err != nil {
				t.Error(err)
			}
			for _, endpoint := range []oidctest.Endpoint{oidctest.Token, oidctest.Revocation, oidctest.PushedRequest} {
				for _, r := range p.provider.Requests(endpoint) {
					if r.Form.Get("client_assertion") == "" || r.Form.Has("client_secret") || r.Header.Get("Authorization") != "" {
						t.Errorf("%s was asked with %v", endpoint, r.Form)
					}
				}
			}
		})
	}
}

// TestAssertionAudiences: the token endpoint gets assertions for itself and the others
// ones for the issuer, or all of them do (FAPI 2.0 Security Profile §5.3.3.1).
func TestAssertionAudiences(t *testing.T) {
	key := oidc.NewSigningKey()
	for name, c := range map[string]struct {
		ofIssuer bool
		atToken  string
	}{"by default": {atToken: "/token"}, "of the issuer alone": {ofIssuer: true}} {
		t.Run(name, func(t *testing.T) {
			p := newParty(t, oidctest.Config{
				RequirePushed: true,
				Clients:       []oidctest.Client{{ID: "app", PublicKey: key.Public()}},
			}, func(config *oidc.Config) {
				config.ClientSecret, config.ClientKey, config.IssuerAudience = "", key, c.ofIssuer
			})
			grant, err := p.signIn(request)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims); err != nil {
				t.Error(err)
			}
			if err := p.client.Revoke(t.Context(), grant.Tokens); err != nil {
				t.Error(err)
			}
			for endpoint, path := range map[oidctest.Endpoint]string{oidctest.Token: c.atToken, oidctest.PushedRequest: "", oidctest.Revocation: ""} {
				asked := p.provider.Requests(endpoint)
				if len(asked) == 0 {
					t.Errorf("%s wasn't asked", endpoint)
				}
				for _, r := range asked {
					if aud := audienceOf(t, r.Form.Get("client_assertion")); aud != p.provider.Issuer()+path {
						t.Errorf("%s: aud is %q", endpoint, aud)
					}
				}
			}
		})
	}
}

func TestClientAssertionsThatFail(t *testing.T) {
	key := oidc.NewSigningKey()
	p := asserting(t, key, oidc.NewSigningKey(), oidctest.Config{})
	if _, err := p.signIn(request); !errors.Is(err, oidc.ErrClient) {
		t.Errorf("signed by another key: %v", err)
	}
	p = asserting(t, key, key, oidctest.Config{})
	answer := p.code(request)
	p.provider.Configure(func(c *oidctest.Config) { c.Clock = func() time.Time { return p.clock().Add(5 * time.Minute) } })
	if _, err := p.client.Exchange(t.Context(), answer.Code, request); !errors.Is(err, oidc.ErrClient) {
		t.Errorf("read too late: %v", err)
	}
	_, err := oidc.NewClient(oidc.Config{Issuer: "https://idp.example.com", ClientID: "app", RedirectURL: redirectURL, ClientAuth: "private_key_jwt"})
	if err == nil || !strings.Contains(err.Error(), "ClientKey:") {
		t.Errorf("without a key: %v", err)
	}
	_, err = oidc.NewClient(oidc.Config{Issuer: "https://idp.example.com", ClientID: "app", RedirectURL: redirectURL, IssuerAudience: true})
	if err == nil || !strings.Contains(err.Error(), "IssuerAudience:") {
		t.Errorf("an audience of what isn't there: %v", err)
	}
}
