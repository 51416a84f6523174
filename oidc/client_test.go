package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestSignIn(t *testing.T) {
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			p := newParty(t, oidctest.Config{Algorithm: alg}, nil)
			grant, err := p.signIn(request)
			if err != nil {
				t.Fatal(err)
			}
			if grant.IDClaims["sub"] != "alice" || grant.Userinfo["name"] != "Alice" || !grant.Tokens.HasRefresh() || grant.UserinfoErr != nil {
				t.Errorf("%v %v", grant.IDClaims, grant.Userinfo)
			}
			if !grant.Tokens.Expires().Equal(p.clock().Add(5 * time.Minute)) {
				t.Errorf("expires %v", grant.Tokens.Expires())
			}
		})
	}
}

func TestClientAuthentication(t *testing.T) {
	odd := "s:e c+r%e=t&ü"
	for _, c := range []struct {
		name, method, secret string
		offered              any
		want                 string
	}{
		{"discovery offers basic", "", odd, []string{"client_secret_post", "client_secret_basic"}, "client_secret_basic"},
		{"discovery offers post", "", odd, []string{"client_secret_post"}, "client_secret_post"},
		{"discovery says nothing", "", odd, nil, "client_secret_basic"},
		{"configured", "client_secret_post", odd, []string{"client_secret_basic"}, "client_secret_post"},
		{"public", "", "", []string{"client_secret_basic"}, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			auth := ""
			if c.secret == "" {
				auth = "none"
			}
			p := newParty(t, oidctest.Config{Clients: []oidctest.Client{{ID: "app", Secret: c.secret, Auth: auth}}}, func(conf *oidc.Config) {
				conf.ClientAuth, conf.ClientSecret = c.method, c.secret
			})
			p.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) {
				if d["token_endpoint_auth_methods_supported"] = c.offered; c.offered == nil {
					delete(d, "token_endpoint_auth_methods_supported")
				}
			})
			grant, err := p.signIn(request)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.client.Revoke(t.Context(), grant.Tokens); err != nil {
				t.Error(err)
			}
			for _, endpoint := range []oidctest.Endpoint{oidctest.Token, oidctest.Revocation} {
				seen := p.provider.Requests(endpoint)[0]
				got := "none"
				if seen.Header.Get("Authorization") != "" {
					got = "client_secret_basic"
				} else if seen.Form.Get("client_secret") != "" {
					got = "client_secret_post"
				}
				if got != c.want {
					t.Errorf("%s: %s, want %s", endpoint, got, c.want)
				}
			}
		})
	}
	p := newParty(t, oidctest.Config{}, nil)
	p.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) { d["token_endpoint_auth_methods_supported"] = []string{"tls_client_auth"} })
	if _, err := p.signIn(request); !errors.Is(err, oidc.ErrClient) {
		t.Errorf("no method in common: %v", err)
	}
}

func TestNewClientReportsEveryMistake(t *testing.T) {
	_, err := oidc.NewClient(oidc.Config{Issuer: "http://idp.example.com", ClientAuth: "x", SigningAlgs: []string{"none", "HS256"}, ResponseMode: "x"})
	for _, field := range []string{"Issuer:", "ClientID:", "RedirectURL:", "ClientAuth:", `SigningAlgs: "none"`, "SigningAlgs: HS256", "ResponseMode:"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v doesn't name %s", err, field)
		}
	}
	for _, issuer := range []string{"", "idp", "https://", "https://idp.example.com?x", "https://idp.example.com/{tenant}", "https://user@idp.example.com", "https://idp.example.com#f"} {
		if _, err := oidc.NewClient(oidc.Config{Issuer: issuer, ClientID: "a", RedirectURL: redirectURL}); err == nil {
			t.Errorf("issuer %q was accepted", issuer)
		}
	}
	if _, err := oidc.NewClient(oidc.Config{Issuer: "http://idp.example.com", ClientID: "a", RedirectURL: redirectURL, InsecureHTTP: true}); err != nil {
		t.Error(err)
	}
}

func ExampleNewClient() {
	_, err := oidc.NewClient(oidc.Config{Issuer: "http://idp.example.com", SigningAlgs: []string{"none"}})
	fmt.Println(err)
	// Output:
	// Issuer: must be https, or http on loopback
	// ClientID: is required
	// RedirectURL: must be an absolute URL without a fragment
	// SigningAlgs: "none" is not supported
}

func Example() {
	provider := oidctest.NewServer(nil, oidctest.Config{Algorithm: "ES256"})
	defer provider.Close()
	provider.SignIn(oidctest.User{Subject: "alice"})

	client, err := oidc.NewClient(oidc.Config{
		Issuer: provider.Issuer(), ClientID: "app", ClientSecret: "secret", RedirectURL: "https://app.example.com/callback",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	request := oidc.AuthRequest{State: "random", Nonce: "random", CodeVerifier: strings.Repeat("random", 8)}
	location, err := client.AuthCodeURL(ctx, request)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The browser goes there and comes back.
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(location)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	back, _ := res.Location()

	answer, err := oidc.ParseCallback(back.Query())
	if err != nil || answer.State != request.State {
		fmt.Println("not ours", err)
		return
	}
	if err := client.CheckCallback(ctx, answer); err != nil {
		fmt.Println(err)
		return
	}
	grant, err := client.Exchange(ctx, answer.Code, request)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(grant.IDClaims["sub"], grant.Tokens)
	// Output: alice [redacted]
}

// TestIssuerSpeltOtherwise: the error says how the provider spells it, and no more of
// a name than it takes.
func TestIssuerSpeltOtherwise(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	for _, spelt := range []string{p.provider.Issuer() + "/", "https://idp.example.com/" + strings.Repeat("x", 10_000)} {
		p.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) { d["issuer"] = spelt })
		p.advance(time.Hour)
		c, err := oidc.NewClient(oidc.Config{Issuer: p.provider.Issuer(), ClientID: "app", ClientSecret: clientSecret, RedirectURL: redirectURL})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.AuthCodeURL(t.Context(), request)
		if !errors.Is(err, oidc.ErrToken) || !strings.Contains(err.Error(), spelt[:min(len(spelt), 100)]) || len(err.Error()) > 1000 {
			t.Errorf("%.1000v", err)
		}
	}
}
