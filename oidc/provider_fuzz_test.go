package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzTokenAnswer: whatever the token endpoint answers, with whatever status, type
// and nonce, what counts as tokens is of the kind that was asked for and lives for a
// while, and what doesn't is an error that quotes nothing.
func FuzzTokenAnswer(f *testing.F) {
	proof := DeriveProofKey(bytes.Repeat([]byte{7}, 32))
	f.Fuzz(func(t *testing.T, status int, media, nonce string, body []byte, bound bool) {
		c, provider := fuzzClient(t, nil)
		provider.answer(status, media, body)
		provider.header["Dpop-Nonce"] = []string{nonce}
		var key ProofKey
		if bound {
			key = proof
		}
		set, err := c.redeem(context.Background(), c.metadata.known, "token", key, "openid", url.Values{"grant_type": {"refresh_token"}})
		if provider.calls > 2 || provider.calls == 2 && !bound {
			t.Errorf("%d calls", provider.calls)
		}
		if again := c.sender.nonce("authorization " + fuzzIssuer); again != "" && (again != nonce || len(again) > maxNonce || strings.ContainsAny(again, " \"\\\r\n")) {
			t.Errorf("remembers the nonce %q", again)
		}
		if err != nil {
			var failed *Error
			if !errors.As(err, &failed) || cleanCode(failed.Code) != failed.Code {
				t.Errorf("%v", err)
			}
			checkQuotesNothing(t, err, body)
			return
		}
		life := set.Expires.Sub(time.Unix(fuzzNow, 0))
		if set.AccessToken == "" || life <= 0 || life > maxLifetime || provider.status >= 300 || set.ProofKey != key {
			t.Errorf("%d %s: %s gives tokens for %v", provider.status, media, body, life)
		}
		kind := ""
		var said map[string]any
		if json.Unmarshal(body, &said) == nil {
			for name, value := range said {
				if text, ok := value.(string); ok && strings.EqualFold(name, "token_type") {
					kind += " " + strings.ToLower(text)
				}
			}
		} else if form, err := url.ParseQuery(string(body)); err == nil {
			kind = strings.ToLower(strings.Join(form["token_type"], " "))
		}
		if bound && !strings.Contains(kind, "dpop") || !bound && kind != "" && !strings.Contains(kind, "bearer") && strings.TrimSpace(kind) != "" {
			t.Errorf("%s gives tokens, bound: %v", body, bound)
		}
	})
}

// FuzzExchanged: of whatever an exchange answers, an access token is kept and nothing
// else (RFC 8693 §2.2.1).
func FuzzExchanged(f *testing.F) {
	c, provider := fuzzClient(f, nil)
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		provider.answer(status, "application/json", body)
		tokens, err := c.ExchangeToken(context.Background(), "subject", Target{Audience: "orders"}, ProofKey{})
		if err != nil {
			checkQuotesNothing(t, err, body)
			return
		}
		var said map[string]any
		_ = json.Unmarshal(body, &said)
		kind, _ := said["issued_token_type"].(string)
		if tokens.HasRefresh() || tokens.IDToken() != "" || tokens.AccessToken() == "" || !strings.HasSuffix(kind, ":access_token") && !strings.HasSuffix(kind, ":jwt") {
			t.Errorf("%s gives tokens", body)
		}
	})
}

// FuzzPushed: whatever a pushed request is answered with, the browser is sent to the
// provider with the client's name and a reference, and nothing else.
func FuzzPushed(f *testing.F) {
	c, provider := fuzzClient(f, func(c *Config) { c.PushedRequests = true })
	request := AuthRequest{State: "state", Nonce: "nonce", CodeVerifier: strings.Repeat("v", 43)}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		provider.answer(status, "application/json", body)
		address, err := c.AuthCodeURL(context.Background(), request)
		if err != nil {
			checkQuotesNothing(t, err, body)
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme+"://"+u.Host+u.Path != fuzzIssuer+"/authorize" || u.Fragment != "" {
			t.Fatalf("%s leads to %q, %v", body, address, err)
		}
		query, err := url.ParseQuery(u.RawQuery)
		if err != nil || len(query) != 2 || len(query["client_id"]) != 1 || query.Get("client_id") != "app" || len(query["request_uri"]) != 1 ||
			query.Get("request_uri") == "" || len(query.Get("request_uri")) > maxParameter {
			t.Fatalf("%s leads to %q, %v", body, address, err)
		}
		if provider.status != http.StatusOK && provider.status != http.StatusCreated {
			t.Fatalf("%d leads to %q", provider.status, address)
		}
	})
}

// FuzzIntrospection: whatever an issuer answers about an opaque token, with whatever
// status, one that is accepted was said to be active, once and by that name.
func FuzzIntrospection(f *testing.F) {
	provider := &canned{}
	v, err := NewVerifier(VerifierConfig{
		Audience: []string{"api"}, RememberedTokens: -1, HTTPClient: &http.Client{Transport: provider}, Clock: func() time.Time { return time.Unix(fuzzNow, 0) },
		Issuers: []TrustedIssuer{{Issuer: fuzzIssuer, Introspection: &Introspection{URL: fuzzIssuer + "/introspect", ClientID: "api", ClientSecret: "secret"}}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = v.Close() })
	f.Fuzz(func(t *testing.T, status int, media string, body []byte) {
		provider.answer(status, media, body)
		accepted, err := v.Verify(context.Background(), "opaque-token")
		if err != nil {
			checkQuotesNothing(t, err, body)
			return
		}
		var said map[string]any
		if json.Unmarshal(body, &said) != nil || said["active"] != true || said["sub"] != accepted.Subject() || provider.status != http.StatusOK ||
			bytes.Count(body, []byte(`"active"`)) > 1 && !bytes.Contains(body, []byte(`{"active"`)) && !bytes.Contains(body, []byte(`\`)) {
			t.Errorf("%d %s is believed", provider.status, body)
		}
	})
}

// FuzzDiscovered: whatever is found where the discovery document ought to be, it is
// the issuer's, or an error that quotes nothing.
func FuzzDiscovered(f *testing.F) {
	f.Fuzz(func(t *testing.T, status int, media string, body []byte) {
		c, provider := fuzzClient(t, nil)
		provider.answer(status, media, body)
		m, err := c.metadata.discover(context.Background())
		if err != nil {
			checkQuotesNothing(t, err, body)
			return
		}
		var said map[string]any
		if provider.status != http.StatusOK || json.Unmarshal(body, &said) != nil || said["issuer"] != fuzzIssuer {
			t.Fatalf("%d %s is believed", provider.status, body)
		}
		for _, address := range []string{m.authorization, m.token, m.jwks} {
			if u, err := url.Parse(address); err != nil || !secure(u, false) {
				t.Fatalf("%q is an endpoint of %s", address, body)
			}
		}
	})
}

// FuzzChallenged: whatever a service says in WWW-Authenticate and DPoP-Nonce, it is
// asked twice at most, and the second proof has the nonce that it gave.
func FuzzChallenged(f *testing.F) {
	key := DeriveProofKey(bytes.Repeat([]byte{7}, 32))
	f.Fuzz(func(t *testing.T, status int, challenge, nonce string) {
		service := &canned{}
		service.answer(status, "", nil)
		service.header["Www-Authenticate"], service.header["Dpop-Nonce"] = []string{challenge}, []string{nonce}
		sender := NewSender(func() time.Time { return time.Unix(fuzzNow, 0) })
		r, err := http.NewRequest(http.MethodGet, "https://orders.example/x?y#z", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sender.Send(service, r, "token", key); err != nil {
			t.Fatal(err)
		}
		if wanted := service.status == http.StatusUnauthorized && strings.Contains(challenge, "use_dpop_nonce"); service.calls > 2 || service.calls == 2 && !wanted {
			t.Fatalf("%d calls for %d %q", service.calls, service.status, challenge)
		}
		for i, sent := range service.sent {
			proof, err := parseJWS(sent.Header.Get("DPoP"))
			if err != nil {
				t.Fatal(err)
			}
			var said map[string]any
			if err := json.Unmarshal(proof.payload, &said); err != nil || said["htu"] != "https://orders.example/x" {
				t.Fatalf("%v, %v", said, err)
			}
			if given := said["nonce"]; i == 0 && given != nil || i == 1 && given != nonce {
				t.Fatalf("proof %d has the nonce %v of %q", i, given, nonce)
			}
		}
	})
}

// FuzzIssuer: an issuer that is accepted is an https address whose document is below
// it, and nowhere else.
func FuzzIssuer(f *testing.F) {
	f.Fuzz(func(t *testing.T, issuer string) {
		if checkIssuer(issuer, false) != nil {
			return
		}
		document, err := url.Parse(strings.TrimSuffix(issuer, "/") + discoveryPath)
		its, err2 := url.Parse(issuer)
		if err != nil || err2 != nil || document.Host != its.Host || document.Host == "" || !strings.HasSuffix(document.Path, discoveryPath) || document.User != nil || !secure(document, false) {
			t.Fatalf("%q has its document at %v, %v", issuer, document, err)
		}
	})
}
