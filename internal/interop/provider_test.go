package interop_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gatehouse-go/gatehouse/internal/interop"
	"github.com/gatehouse-go/gatehouse/rbac"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

// The harness is held against each provider by a client that has nothing to do
// with Gatehouse: every trait is what the provider shows.

// party is an application of go-oidc and x/oauth2 alone.
type party struct {
	*testing.T
	server   *interop.Server
	app      *httptest.Server
	provider *oidc.Provider
	config   oauth2.Config
	browser  *interop.Browser
}

func newParty(t *testing.T, p interop.Provider) *party {
	t.Helper()
	app := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(app.Close)
	server := p.Start(t, app.URL, new(interop.Clock))
	provider, err := oidc.NewProvider(t.Context(), server.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	return &party{t, server, app, provider, oauth2.Config{
		ClientID:     server.Client.ID,
		ClientSecret: server.Client.Secret,
		Endpoint:     provider.Endpoint(),
		RedirectURL:  server.Client.RedirectURI,
		Scopes:       p.Traits.Scopes,
	}, interop.NewBrowser(t, http.DefaultClient)}
}

const verifier = "a-verifier-that-is-long-enough-to-be-one-by-RFC-7636"

// login returns the parameters of the callback.
func (p *party) login(who interop.Person, options ...oauth2.AuthCodeOption) url.Values {
	p.Helper()
	options = append(options, oauth2.S256ChallengeOption(verifier), oidc.Nonce("the nonce"))
	page := p.browser.Open(p.config.AuthCodeURL("the state", options...))
	page, err := p.server.SignIn(p.browser, page, who)
	if err != nil {
		p.Fatal(err)
	}
	if !strings.HasPrefix(page.URL.String(), p.server.Client.RedirectURI) {
		p.Fatalf("the login ends elsewhere: %s", page)
	}
	return page.URL.Query()
}

// signIn returns the tokens of a login with consent.
func (p *party) signIn(who interop.Person) *oauth2.Token {
	p.Helper()
	answer := p.login(who, oauth2.SetAuthURLParam("prompt", "consent"))
	token, err := p.config.Exchange(p.Context(), answer.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		p.Fatal(err)
	}
	return token
}

func (p *party) renew(refreshToken string) (*oauth2.Token, error) {
	return p.config.TokenSource(p.Context(), &oauth2.Token{RefreshToken: refreshToken}).Token()
}

// verify returns the ID token, if go-oidc accepts it.
func (p *party) verify(token *oauth2.Token) (*oidc.IDToken, error) {
	raw, _ := token.Extra("id_token").(string)
	verifier := p.provider.Verifier(&oidc.Config{ClientID: p.server.Client.ID, Now: p.server.Clock.Now})
	return verifier.Verify(p.Context(), raw)
}

// idClaims returns the claims of a verified ID token.
func (p *party) idClaims(token *oauth2.Token) map[string]any {
	p.Helper()
	idToken, err := p.verify(token)
	if err != nil {
		p.Fatal(err)
	}
	claims := map[string]any{}
	if err := idToken.Claims(&claims); err != nil {
		p.Fatal(err)
	}
	return claims
}

func (p *party) userinfo(token *oauth2.Token) map[string]any {
	p.Helper()
	info, err := p.provider.UserInfo(p.Context(), oauth2.StaticTokenSource(token))
	if err != nil {
		p.Fatal(err)
	}
	claims := map[string]any{}
	if err := info.Claims(&claims); err != nil {
		p.Fatal(err)
	}
	return claims
}

// eachProvider runs a test against every one.
func eachProvider(t *testing.T, test func(*testing.T, interop.Provider)) {
	providers, skipped := interop.Providers(), 0
	for _, p := range providers {
		t.Run(p.Name, func(t *testing.T) {
			defer func() {
				if t.Skipped() {
					skipped++
				}
			}()
			test(t, p)
		})
	}
	if skipped == len(providers) && allRequired() { // what nobody has is shown by nothing
		t.Error("no provider has what the test is about")
	}
}

// allRequired reports whether a provider that can't be started is a failure.
func allRequired() bool {
	return !slices.ContainsFunc([]string{"REQUIRE_NODE", "REQUIRE_HYDRA", "REQUIRE_KEYCLOAK"}, func(name string) bool { return os.Getenv(name) == "" })
}

func TestProviderDiscovery(t *testing.T) {
	eachProvider(t, func(t *testing.T, provider interop.Provider) {
		p := newParty(t, provider)
		var metadata struct {
			EndSession  string   `json:"end_session_endpoint"`
			Revocation  string   `json:"revocation_endpoint"`
			Backchannel bool     `json:"backchannel_logout_supported"`
			Issuer      bool     `json:"authorization_response_iss_parameter_supported"`
			Modes       []string `json:"response_modes_supported"`
		}
		if err := p.provider.Claims(&metadata); err != nil {
			t.Fatal(err)
		}
		traits := provider.Traits
		for name, c := range map[string]struct{ got, want bool }{
			"end_session_endpoint":                           {metadata.EndSession != "", traits.EndSession},
			"revocation_endpoint":                            {metadata.Revocation != "", traits.Revocation},
			"authorization_response_iss_parameter_supported": {metadata.Issuer, traits.Issuer},
			"backchannel_logout_supported":                   {metadata.Backchannel, traits.Backchannel},
			"form_post":                                      {slices.Contains(metadata.Modes, "form_post"), traits.FormPost},
		} {
			if c.got != c.want {
				t.Errorf("%s: %v, want %v", name, c.got, c.want)
			}
		}
	})
}

func TestProviderLogin(t *testing.T) {
	eachProvider(t, func(t *testing.T, provider interop.Provider) {
		p := newParty(t, provider)
		traits := provider.Traits
		for _, who := range interop.People() {
			p.browser = interop.NewBrowser(t, http.DefaultClient)
			answer := p.login(who, oauth2.SetAuthURLParam("prompt", "consent"))
			if answer.Get("state") != "the state" || answer.Has("iss") != traits.Issuer {
				t.Errorf("callback: %v", answer)
			}
			token, err := p.config.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			if lifetime := int64(traits.AccessLifetime.Seconds()); token.ExpiresIn > lifetime || token.ExpiresIn < lifetime/2 { // it may take a while
				t.Errorf("expires_in is %d, want %v", token.ExpiresIn, traits.AccessLifetime)
			}
			if token.RefreshToken == "" {
				t.Error("no refresh token")
			}
			claims := p.idClaims(token)
			if claims["nonce"] != "the nonce" {
				t.Errorf("nonce: %v", claims["nonce"])
			}
			if _, list := claims["aud"].([]any); list != traits.AudienceList {
				t.Errorf("aud: %v", claims["aud"])
			}
			if (claims["name"] == nil) != traits.UserinfoOnly {
				t.Errorf("name in the ID token: %v", claims["name"])
			}
			info := p.userinfo(token)
			if info["sub"] != claims["sub"] || info["email"] != who.Email {
				t.Errorf("userinfo: %v, ID token: %v", info, claims)
			}
			if roles := texts(at(info, traits.RoleClaim)); traits.RoleClaim != nil && (!slices.Contains(roles, who.Role) || slices.Contains(roles, other(who).Role)) {
				t.Errorf("%s: %v, want %s", traits.RoleClaim, roles, who.Role)
			}
		}
	})
}

// TestProviderConsent: what prompt=consent is for.
func TestProviderConsent(t *testing.T) {
	eachProvider(t, func(t *testing.T, provider interop.Provider) {
		p := newParty(t, provider)
		answer := p.login(interop.Alice)
		token, err := p.config.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		if (token.RefreshToken == "") != provider.Traits.ConsentFirst {
			t.Errorf("a refresh token without prompt=consent: %v", token.RefreshToken != "")
		}
	})
}

// TestProviderRekeys: the new key signs, and is published along with the old.
func TestProviderRekeys(t *testing.T) {
	eachProvider(t, func(t *testing.T, provider interop.Provider) {
		if !provider.Traits.Rekeys {
			t.Skip("has its keys from its start to its end")
		}
		p := newParty(t, provider)
		before := p.signIn(interop.Alice)
		p.server.Rekey(t)
		after, err := p.renew(before.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		p.idClaims(before)
		if named := kidOf(t, before) == kidOf(t, after); named != provider.Traits.OldKeyName {
			t.Errorf("named as before: %v, want %v", named, provider.Traits.OldKeyName)
		}
		if _, err := p.verify(after); (err != nil) != provider.Traits.OldKeyName { // which takes the name at its word
			t.Errorf("the renewed ID token: %v", err)
		}
	})
}

func kidOf(t *testing.T, token *oauth2.Token) string {
	t.Helper()
	raw, _ := token.Extra("id_token").(string)
	signed, err := jose.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	return signed.Signatures[0].Header.KeyID
}

// at returns the claim at a path.
func at(claims any, path rbac.Path) any {
	for _, name := range path {
		object, _ := claims.(map[string]any)
		claims = object[name]
	}
	return claims
}

// other is who somebody isn't.
func other(who interop.Person) interop.Person {
	if who == interop.Alice {
		return interop.Bob
	}
	return interop.Alice
}

func texts(list any) []string {
	encoded, _ := json.Marshal(list)
	var all []string
	_ = json.Unmarshal(encoded, &all)
	return all
}

func TestProviderRenewal(t *testing.T) {
	eachProvider(t, func(t *testing.T, provider interop.Provider) {
		p := newParty(t, provider)
		traits := provider.Traits
		first := p.signIn(interop.Alice)
		second, err := p.renew(first.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		if second.AccessToken == first.AccessToken {
			t.Error("the access token is the same")
		}
		if changed := second.RefreshToken != first.RefreshToken; changed != (traits.Rotates || traits.Reissues) {
			t.Errorf("refresh token changed: %v, want %v", changed, traits.Rotates || traits.Reissues)
		}
		if renewed := p.idClaims(second)["nonce"] == "the nonce"; renewed != traits.RenewedNonce {
			t.Errorf("the renewed ID token has the nonce: %v, want %v", renewed, traits.RenewedNonce)
		}
		if p.server.LastRefreshToken() != second.RefreshToken && traits.Rotates {
			t.Error("the ledger has another refresh token")
		}
		if renewals := p.server.Renewals(); len(renewals) != 1 || renewals[0].RefreshToken != first.RefreshToken || renewals[0].Status != http.StatusOK {
			t.Errorf("the ledger has %+v", renewals)
		}
		if !traits.Rotates {
			if _, err := p.renew(first.RefreshToken); err != nil {
				t.Errorf("the first refresh token again: %v", err)
			}
			return
		}
		p.wantDead(first.RefreshToken)
		if _, err := p.renew(second.RefreshToken); (err != nil) != traits.FamilyRevoked {
			t.Errorf("the newest after reuse of an old one: %v", err)
		}
	})
}

// wantDead fails the test unless a refresh token is refused as such.
func (p *party) wantDead(refreshToken string) {
	p.Helper()
	_, err := p.renew(refreshToken)
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != p.server.Traits.DeadCode || refused.Response.StatusCode != http.StatusBadRequest {
		p.Errorf("a dead refresh token: %v, want 400 %s", err, p.server.Traits.DeadCode)
	}
}

func TestProviderSecondLogin(t *testing.T) {
	eachProvider(t, func(t *testing.T, provider interop.Provider) {
		p := newParty(t, provider)
		first := p.signIn(interop.Alice)
		p.browser = interop.NewBrowser(t, http.DefaultClient)
		p.signIn(interop.Alice)
		if provider.Traits.OneGrant {
			p.wantDead(first.RefreshToken)
		} else if _, err := p.renew(first.RefreshToken); err != nil {
			t.Errorf("the refresh token of the first login: %v", err)
		}
	})
}

func TestProviderSession(t *testing.T) {
	eachProvider(t, func(t *testing.T, provider interop.Provider) {
		p := newParty(t, provider)
		p.signIn(interop.Alice)
		page := p.browser.Open(p.config.AuthCodeURL("the state again", oauth2.S256ChallengeOption(verifier)))
		asked := !strings.HasPrefix(page.URL.String(), p.server.Client.RedirectURI)
		if asked == provider.Traits.Session {
			t.Errorf("asked again: %v, remembers: %v: %s", asked, provider.Traits.Session, page)
		}
	})
}

func TestProviderEndSession(t *testing.T) {
	eachProvider(t, func(t *testing.T, provider interop.Provider) {
		if !provider.Traits.EndSession {
			t.Skip("has no end_session_endpoint")
		}
		p := newParty(t, provider)
		token := p.signIn(interop.Alice)
		var metadata struct {
			EndSession string `json:"end_session_endpoint"`
		}
		if err := p.provider.Claims(&metadata); err != nil {
			t.Fatal(err)
		}
		idToken, _ := token.Extra("id_token").(string)
		page := p.browser.Open(metadata.EndSession + "?" + url.Values{
			"id_token_hint":            {idToken},
			"client_id":                {p.server.Client.ID},
			"post_logout_redirect_uri": {p.server.Client.PostLogoutRedirectURI},
			"state":                    {"the state"},
		}.Encode())
		page, err := p.server.SignIn(p.browser, page, interop.Alice)
		if err != nil {
			t.Fatal(err)
		}
		if want := p.server.Client.PostLogoutRedirectURI + "?state=the+state"; page.URL.String() != want && page.URL.String() != strings.ReplaceAll(want, "+", "%20") {
			t.Errorf("ends at %s, want %s", page.URL, want)
		}
		page = p.browser.Open(p.config.AuthCodeURL("the state again", oauth2.S256ChallengeOption(verifier)))
		if !p.server.At(page) {
			t.Errorf("still signed in: %s", page)
		}
	})
}

func TestProviderRevocation(t *testing.T) {
	eachProvider(t, func(t *testing.T, provider interop.Provider) {
		if !provider.Traits.Revocation {
			t.Skip("has no revocation_endpoint")
		}
		p := newParty(t, provider)
		token := p.signIn(interop.Alice)
		if err := p.server.Revoke(t.Context(), token.RefreshToken); err != nil {
			t.Fatal(err)
		}
		p.wantDead(token.RefreshToken)
	})
}

func TestProviderStopsAndResumes(t *testing.T) {
	p := newParty(t, interop.GoOIDC())
	token := p.signIn(interop.Alice)
	p.server.Stop()
	if _, err := p.renew(token.RefreshToken); err == nil {
		t.Error("renewed at a provider that is stopped")
	}
	p.server.Resume(t)
	if _, err := p.renew(token.RefreshToken); err != nil {
		t.Error(err)
	}
}
