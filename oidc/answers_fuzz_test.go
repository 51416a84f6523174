package oidc

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/claims"
)

// FuzzMetadata: whatever a provider publishes about itself, secrets and people are
// sent to https addresses alone, and only for the issuer that was meant.
func FuzzMetadata(f *testing.F) {
	const whole = `{"issuer":"https://idp.example","authorization_endpoint":"https://idp.example/a","token_endpoint":"https://idp.example/t","jwks_uri":"https://idp.example/k"`
	for _, more := range []string{
		`}`, `,"userinfo_endpoint":"http://idp.example/u"}`, `,"end_session_endpoint":"javascript:alert(1)"}`, `,"revocation_endpoint":"//idp.example"}`,
		`,"introspection_endpoint":"https:\\\\idp.example"}`, `,"userinfo_endpoint":"https://idp.example/#x"}`, `,"userinfo_endpoint":["https://idp.example"]}`,
		`,"Issuer":"https://evil.example"}`, `,"issuer":"https://evil.example"}`, `,"id_token_signing_alg_values_supported":["none",7,"HS256"]}`,
		`,"pushed_authorization_request_endpoint":"https://user:pass@idp.example"}`, `,"jwks_uri":"file:///etc/passwd"}`, `,"scopes_supported":"openid"}`,
		`,"userinfo_endpoint":"https://"}`, `,"userinfo_endpoint":"https:idp.example"}`, `}{}`,
	} {
		f.Add([]byte(whole + more))
	}
	f.Add([]byte(`{"issuer":["https://idp.example"]}`))
	f.Add([]byte(`null`))
	d := newDiscovery(newCaller("https://idp.example", nil, nil, nil, false), "authorization_endpoint", "token_endpoint", "jwks_uri")
	f.Fuzz(func(t *testing.T, body []byte) {
		document, err := claims.Parse(body)
		if err != nil {
			return
		}
		m, err := d.readMetadata(document)
		if err != nil {
			return
		}
		if document["issuer"] != "https://idp.example" || m.authorization == "" || m.token == "" || m.jwks == "" {
			t.Fatalf("accepted: %s", body)
		}
		for _, address := range []string{m.authorization, m.token, m.jwks, m.userinfo, m.revocation, m.introspection, m.pushed, m.endSession} {
			if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.Fragment != "") {
				t.Fatalf("%q is an endpoint of %s", address, body)
			}
		}
		c := &Client{}
		for _, alg := range c.algorithms(m) {
			if !slices.Contains(asymmetric, alg) {
				t.Fatalf("%q signs ID tokens by %s", alg, body)
			}
		}
	})
}

// FuzzLogoutClaims: whatever a provider signs, a logout token that is obeyed says
// that it is one, for us, about somebody, and for no longer than it is good.
func FuzzLogoutClaims(f *testing.F) {
	const now = 1_800_000_000
	const whole = `{"iss":"https://idp.example","aud":"app","jti":"1","iat":1800000000,"exp":1800000120,"events":{"` + logoutEvent + `":{}}`
	for _, more := range []string{
		`,"sub":"alice"}`, `,"sid":"s"}`, `}`, `,"sub":""}`, `,"sub":7,"sid":"s"}`, `,"sub":"alice","nonce":null}`, `,"sub":"alice","nonce":"n"}`,
		`,"sub":"alice","iat":1900000000}`, `,"sub":"alice","Aud":"other"}`, `,"sub":"alice","events":{}}`,
	} {
		f.Add([]byte(whole + more))
	}
	for _, seed := range []string{
		`{"iss":"https://idp.example","aud":["app","x"],"jti":"1","iat":1800000000,"sid":"s","events":{"` + logoutEvent + `":{}}}`,
		`{"iss":"https://idp.example","aud":"app","jti":"1","iat":1e400,"sid":"s","events":{"` + logoutEvent + `":{}}}`,
		`{"iss":"https://idp.example","aud":"app","jti":"1","iat":1800000000,"exp":1799999000,"sid":"s","events":{"` + logoutEvent + `":{}}}`,
		`{"iss":"https://idp.example","aud":"app","jti":"1","iat":1800000000,"exp":9e18,"sid":"s","events":{"` + logoutEvent + `":[]}}`,
		`{"iss":"https://idp.example","aud":"app","jti":"1","iat":1800000000,"exp":1800000120,"sid":"s"}`,
		`{"iss":"https://idp.example","aud":"app","jti":"1","iat":1800000000,"exp":1800000120,"sid":"s","events":{"other":{}}}`,
		`{"iss":"https://idp.example","aud":"other","jti":"1","iat":1800000000,"exp":1800000120,"sid":"s","events":{"` + logoutEvent + `":{}}}`,
		`{"iss":"https://evil.example","aud":"app","jti":"1","iat":1800000000,"exp":1800000120,"sid":"s","events":{"` + logoutEvent + `":{}}}`,
		`{}`, `[]`, ``,
	} {
		f.Add([]byte(seed))
	}
	c := &Client{config: Config{Issuer: "https://idp.example", ClientID: "app"}}
	c.clock = func() time.Time { return time.Unix(now, 0) }
	f.Fuzz(func(t *testing.T, payload []byte) {
		said, err := claims.Parse(payload)
		if err != nil {
			return
		}
		logout, err := c.readLogout(said)
		if err != nil {
			return
		}
		events, _ := said["events"].(map[string]any)
		_, isLogout := events[logoutEvent]
		_, nonce := said["nonce"]
		if !isLogout || nonce || said["iss"] != "https://idp.example" || !strings.Contains(string(payload), `app`) {
			t.Errorf("obeyed: %s", payload)
		}
		if logout.ID == "" || logout.Subject == "" && logout.SID == "" || len(logout.Subject)+len(logout.SID)+len(logout.ID) > 3*maxIdentifier {
			t.Errorf("%+v of %s", logout, payload)
		}
		if !logout.Until.After(c.clock()) {
			t.Errorf("good until %v: %s", logout.Until, payload)
		}
	})
}

// FuzzIntrospected: whatever an issuer answers about an opaque token, what is
// believed is for us, of now, of this issuer, and of somebody.
func FuzzIntrospected(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	const whole = `{"active":true,"sub":"alice","aud":"https://api.example.com","client_id":"app"`
	for _, more := range []string{
		`}`, `,"exp":1800000300}`, `,"exp":"1800000300"}`, `,"exp":1799999000}`, `,"exp":1e400}`, `,"nbf":1900000000}`, `,"iss":"https://evil.example"}`, `,"iss":null}`,
		`,"token_type":"refresh_token"}`, `,"token_type":["Bearer"]}`, `,"token_type":"bearer"}`, `,"cnf":{"jkt":7}}`, `,"Aud":"x","at_hash":"y"}`, `,"events":{}}`,
	} {
		f.Add([]byte(whole + more))
	}
	f.Add([]byte(`{"active":"true","sub":"alice"}`))
	f.Add([]byte(`{"active":true,"sub":"alice","aud":["https://other.example.com",7]}`))
	f.Add([]byte(`{"active":true,"sub":["alice"],"aud":"https://api.example.com"}`))
	verifier, err := NewVerifier(VerifierConfig{
		Audience: []string{"https://api.example.com"},
		Issuers: []TrustedIssuer{{Issuer: "https://idp.example", Introspection: &Introspection{
			URL: "https://idp.example/introspect", ClientID: "api", ClientSecret: "secret",
		}}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = verifier.Close() })
	issuer := verifier.issuers["https://idp.example"]
	f.Fuzz(func(t *testing.T, body []byte) {
		said, err := claims.Parse(body)
		if err != nil {
			return
		}
		iss, given := said["iss"]
		expires, err := issuer.checkIntrospected(said, now)
		if err != nil {
			return
		}
		sub, _ := said["sub"].(string)
		if given && iss != "https://idp.example" || said["iss"] != "https://idp.example" || sub == "" || !strings.Contains(string(body), "aud") {
			t.Errorf("believed: %s", body)
		}
		if !expires.After(now.Add(-skew)) {
			t.Errorf("good until %v: %s", expires, body)
		}
	})
}
