package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// asHydra has a provider's discovery document say what Ory Hydra's says and no other.
func asHydra(p *party) {
	p.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) { d["id_token_signed_response_alg"] = []string{"RS256"} })
}

// TestHydraIsBusy: Ory Hydra's invalid_request means to be asked again, and its
// invalid_grant ends the session as anybody's does.
func TestHydraIsBusy(t *testing.T) {
	for code, kind := range map[string]error{"invalid_request": oidc.ErrUnavailable, "invalid_grant": oidc.ErrGrant} {
		p := newParty(t, oidctest.Config{}, nil)
		asHydra(p)
		grant, err := p.signIn(request)
		if err != nil {
			t.Fatal(err)
		}
		remove := p.provider.Intercept(oidctest.Token, oidctest.OAuthError(400, code, "canary"))
		if _, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims); !errors.Is(err, kind) {
			t.Errorf("%s: %v", code, err)
		}
		if _, err := p.signIn(request); !errors.Is(err, oidc.ErrGrant) {
			t.Errorf("%s of a code: %v", code, err)
		}
		remove()
		if _, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims); err != nil {
			t.Errorf("after %s: %v", code, err)
		}
	}
}

// TestHydraWithoutHint: without id_token_hint it takes nothing that asks to come back,
// and others do.
func TestHydraWithoutHint(t *testing.T) {
	for hint, wanted := range map[string][]string{
		"":                        {"client_id"},
		strings.Repeat("a", 8000): {"client_id"},
		"a.b.c":                   {"client_id", "id_token_hint", "post_logout_redirect_uri", "state"},
	} {
		for _, hydra := range []bool{true, false} {
			p := newParty(t, oidctest.Config{}, nil)
			wanted := slices.Clone(wanted)
			if hydra {
				asHydra(p)
			} else if len(wanted) == 1 {
				wanted = append(wanted, "post_logout_redirect_uri", "state")
			}
			address, ok, err := p.client.EndSessionURL(t.Context(), oidc.EndSession{IDToken: hint, PostLogoutRedirectURI: "https://app.example.com/", State: "state"})
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			var sent []string
			for name := range u.Query() {
				sent = append(sent, name)
			}
			slices.Sort(sent)
			if !slices.Equal(sent, wanted) {
				t.Errorf("Hydra %v, a hint of %d bytes: %v, want %v", hydra, len(hint), sent, wanted)
			}
		}
	}
}

// TestHydraAssertions: it takes none but those for its token endpoint, wherever. They go
// to no other server, where that endpoint might be another provider's.
func TestHydraAssertions(t *testing.T) {
	key := oidc.NewSigningKey()
	p := asserting(t, key, key, oidctest.Config{})
	asHydra(p)
	var got string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.FormValue("client_assertion") }))
	defer thief.Close()
	grant, err := p.signIn(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.client.Revoke(t.Context(), grant.Tokens); err != nil {
		t.Fatal(err)
	}
	for _, r := range p.provider.Requests(oidctest.Every) {
		if assertion := r.Form.Get("client_assertion"); assertion != "" {
			if aud := audienceOf(t, assertion); aud != p.provider.Issuer()+"/token" {
				t.Errorf("%s: aud is %q", r.URL.Path, aud)
			}
		}
	}
	p = asserting(t, key, key, oidctest.Config{})
	asHydra(p)
	p.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) { d["revocation_endpoint"] = thief.URL })
	if grant, err = p.signIn(request); err != nil {
		t.Fatal(err)
	}
	if err := p.client.Revoke(t.Context(), grant.Tokens); err != nil {
		t.Fatal(err)
	}
	if aud := audienceOf(t, got); aud != p.provider.Issuer() {
		t.Errorf("at another server: aud is %q", aud)
	}
}

// audienceOf returns the aud of an assertion.
func audienceOf(t *testing.T, assertion string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(assertion+"..", ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Audience string `json:"aud"`
	}
	if err := json.Unmarshal(payload, &said); err != nil {
		t.Fatal(err)
	}
	return said.Audience
}
