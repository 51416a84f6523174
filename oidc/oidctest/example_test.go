package oidctest_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// A provider at which alice is signed in answers a client at once.
func Example() {
	p := oidctest.NewServer(nil, oidctest.Config{}) // in a test: NewServer(t, …), and no Close
	defer p.Close()
	p.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"roles": []string{"admin"}}})

	browser := p.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := browser.Get(p.Issuer() + "/authorize?response_type=code&client_id=app&scope=openid&state=xyz" +
		"&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Body.Close()
	callback, err := r.Location()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Status, callback.Host, callback.Path)
	fmt.Println(callback.Query().Get("state"), callback.Query().Get("iss") == p.Issuer(), callback.Query().Has("code"))
	// Output:
	// 303 See Other app.example /callback
	// xyz true true
}

// A test that no secret is in the log of the program under test.
func ExampleProvider_OnSecret() {
	p := oidctest.NewServer(nil, oidctest.Config{Clients: []oidctest.Client{{ID: "app", Secret: "a secret to be kept"}}})
	defer p.Close()
	secrets := map[string]string{}
	p.OnSecret(func(kind, secret string) { secrets[secret] = kind })

	token := p.Issue(oidctest.User{Subject: "alice"}, "app", "openid")["access_token"].(string)
	log := "GET /orders with " + token // of a program that says too much
	for secret, kind := range secrets {
		if strings.Contains(log, secret) {
			fmt.Println("there is a secret in the log:", kind)
		}
	}
	// Output: there is a secret in the log: access_token
}

// The token endpoint fails twice, and recovers.
func ExampleProvider_Intercept() {
	p := oidctest.NewServer(nil, oidctest.Config{})
	defer p.Close()
	token := p.Issue(oidctest.User{Subject: "alice"}, "app", "openid", "offline_access")
	p.Intercept(oidctest.Token, oidctest.Next(2, oidctest.Status(http.StatusServiceUnavailable)))

	for range 3 {
		r, err := p.Client().Post(p.URL+"/token", "application/x-www-form-urlencoded", strings.NewReader(
			"grant_type=refresh_token&client_id=app&client_secret=secret&refresh_token="+token["refresh_token"].(string)))
		if err != nil {
			fmt.Println(err)
			return
		}
		r.Body.Close()
		fmt.Println(r.Status)
	}
	fmt.Println(p.Calls(oidctest.Token), "calls,", p.Reuses(), "reuses")
	// Output:
	// 503 Service Unavailable
	// 503 Service Unavailable
	// 200 OK
	// 3 calls, 0 reuses
}

// An ID token that is mallory's for those who let the last duplicate win, signed
// by the provider all the same.
func ExampleProvider_OnIDToken() {
	p := oidctest.NewProvider(oidctest.Config{Issuer: "https://idp.example"})
	remove := p.OnIDToken(func(t *oidctest.JWT) {
		t.Claims = map[string]any{"sub": "alice"}
		t.Append("sub", "mallory")
	})
	token := p.Issue(oidctest.User{Subject: "alice"}, "app", "openid")["id_token"].(string)
	fmt.Println(strings.Split(token, ".")[1]) // {"sub":"alice","sub":"mallory"}
	remove()
	// Output:
	// eyJzdWIiOiJhbGljZSIsInN1YiI6Im1hbGxvcnkifQ
}

// A token endpoint that says how long the token lives in ways of its own.
func ExampleProvider_OnAnswer() {
	p := oidctest.NewProvider(oidctest.Config{Issuer: "https://idp.example", OpaqueAccessTokens: true})
	p.OnAnswer(oidctest.Token, func(document map[string]any) { document["expires_in"] = "3600" })

	token := p.Issue(oidctest.User{Subject: "alice"}, "app", "orders:read")
	fmt.Printf("%q %q\n", token["expires_in"], token["scope"])
	// Output:
	// "3600" "orders:read"
}

// A token that no endpoint issues, signed by the provider's key.
func ExampleProvider_NewJWT() {
	p := oidctest.NewProvider(oidctest.Config{Issuer: "https://idp.example"})
	token := p.NewJWT(map[string]any{
		"iss":    p.Issuer(),
		"aud":    "app",
		"sub":    "alice",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	})
	token.Header["typ"] = "logout+jwt"
	fmt.Println(len(strings.Split(token.Sign(), ".")), "parts, by", token.Header["alg"])
	// Output:
	// 3 parts, by RS256
}
