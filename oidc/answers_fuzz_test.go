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
			if u, err := url.Parse(address); address != "" && (err != nil || !secure(u, false) || u.Fragment != "") {
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
