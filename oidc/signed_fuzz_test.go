package oidc

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	fuzzIssuer = "https://idp.example"
	fuzzNow    = 1_800_000_000
)

// fuzzKey signs what a fuzzer says, as the provider would.
var fuzzKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// canned is a provider that has one answer to everything.
type canned struct {
	status int
	header http.Header
	body   []byte
	calls  int
	sent   []*http.Request
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls++
	c.sent = append(c.sent, r)
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return &http.Response{StatusCode: c.status, Header: c.header.Clone(), Body: io.NopCloser(bytes.NewReader(c.body)), Request: r}, nil
}

// answer sets what is answered from now on. The status is made one that there is.
func (c *canned) answer(status int, media string, body []byte) {
	*c = canned{status: 200 + (status%400+400)%400, header: http.Header{"Content-Type": {media}}, body: body}
}

// fuzzClient is a client that knows its provider, whose answers are canned.
func fuzzClient(f testing.TB, change func(*Config)) (*Client, *canned) {
	f.Helper()
	provider := &canned{}
	config := Config{
		Issuer: fuzzIssuer, ClientID: "app", ClientSecret: "a client secret that is long enough", RedirectURL: "https://app.example/auth/callback",
		HTTPClient: &http.Client{Transport: provider}, Clock: func() time.Time { return time.Unix(fuzzNow, 0) },
	}
	if change != nil {
		change(&config)
	}
	c, err := NewClient(config)
	if err != nil {
		f.Fatal(err)
	}
	c.metadata.known, c.metadata.fetched = &metadata{
		authorization: fuzzIssuer + "/authorize", token: fuzzIssuer + "/token", jwks: fuzzIssuer + "/jwks", userinfo: fuzzIssuer + "/userinfo",
		pushed: fuzzIssuer + "/par", algorithms: []string{"EdDSA"},
	}, time.Unix(fuzzNow, 0)
	c.keys = newFixedKeys(c.caller, []key{{kid: "1", public: fuzzKey.Public()}})
	return c, provider
}

// The ways in which a fuzzer's token is signed.
const (
	byProvider byte = iota
	byNobody
	byPublicKey // as an HMAC secret
	byAnotherKey
	signers
)

func fuzzSigned(header, payload []byte, by byte) string {
	signed := encode(header) + "." + encode(payload)
	switch by % signers {
	case byProvider:
		return signed + "." + encode(ed25519.Sign(fuzzKey, []byte(signed)))
	case byPublicKey:
		mac := hmac.New(sha256.New, fuzzKey.Public().(ed25519.PublicKey))
		mac.Write([]byte(signed))
		return signed + "." + encode(mac.Sum(nil))
	case byAnotherKey:
		return signed + "." + encode(ed25519.Sign(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), []byte(signed)))
	}
	return signed + "."
}

// isOurs reports whether a text is a JWS of the provider's.
func isOurs(text string) bool {
	token, err := parseJWS(text)
	return err == nil && ed25519.Verify(fuzzKey.Public().(ed25519.PublicKey), []byte(token.signed), token.signature)
}

// FuzzSigned: what passes for an ID token, a logout token or an access token was
// signed by the issuer, by the algorithm of its key, for us and for now. No logout token
// passes for something else, and an ID token for an access token only where its issuer
// says that it is for the API too (RFC 8725 §3.11).
func FuzzSigned(f *testing.F) {
	c, _ := fuzzClient(f, nil)
	v, err := NewVerifier(VerifierConfig{
		Audience: []string{"api", "app"}, LoginClients: []string{"app"}, RememberedTokens: -1, Clock: c.clock,
		Issuers: []TrustedIssuer{{Issuer: fuzzIssuer, JWKS: fuzzIssuer + "/jwks"}},
	})
	if err != nil {
		f.Fatal(err)
	}
	v.issuers[fuzzIssuer].keys = c.keys
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, header, payload []byte, by byte) {
		text := fuzzSigned(header, payload, by)
		_, asID := c.verifyIDToken(ctx, text, expectation{nonce: "n"})
		logout, asLogout := c.verifyLogout(ctx, text)
		accepted, asAccess := v.Verify(ctx, text)
		kinds := 0
		for _, err := range []error{asID, asLogout, asAccess} {
			if err == nil {
				kinds++
			} else if !errors.Is(err, ErrToken) {
				t.Errorf("%s.%s: %v", header, payload, err)
			}
		}
		if kinds == 0 {
			return
		}
		if !isOurs(text) || kinds > 1 && asLogout == nil {
			t.Fatalf("%s.%s, signed by %d: ID token: %v, logout token: %v, access token: %v", header, payload, by%signers, asID, asLogout, asAccess)
		}
		var head, said map[string]any
		if json.Unmarshal(header, &head) != nil || json.Unmarshal(payload, &said) != nil || head["alg"] != "EdDSA" || head["crit"] != nil || said["iss"] != fuzzIssuer {
			t.Fatalf("accepted: %s.%s", header, payload)
		}
		audience, ok := audienceOf(said["aud"])
		exp, _ := said["exp"].(float64)
		sub, _ := said["sub"].(string)
		_, event := said["events"]
		switch {
		case !ok, asLogout != nil && (exp <= fuzzNow-60 || sub == ""):
			t.Errorf("accepted: %s", payload)
		case asID == nil && (said["nonce"] != "n" || !slices.Contains(audience, "app") || len(audience) > 1 && said["azp"] != "app"):
			t.Errorf("an ID token: %s", payload)
		case asLogout == nil && (!event || said["nonce"] != nil || !slices.Contains(audience, "app") || logout.ID == ""):
			t.Errorf("a logout token: %s", payload)
		case kinds > 1 && !slices.Contains(audience, "api"):
			t.Errorf("an ID token and an access token: %s.%s", header, payload)
		case asAccess == nil && (event || accepted.Subject() != sub || !slices.Contains(audience, "api") && head["typ"] == nil):
			t.Errorf("an access token: %s.%s", header, payload)
		}
	})
}

// FuzzSignedUserinfo: whatever UserInfo says, and whether it is signed or not, it is
// about the person who signs in, and a JWT is the provider's (OpenID Connect Core 1.0
// §5.3.2).
func FuzzSignedUserinfo(f *testing.F) {
	c, provider := fuzzClient(f, nil)
	f.Fuzz(func(t *testing.T, media string, body []byte, sign bool) {
		if sign {
			body = []byte(fuzzSigned([]byte(`{"alg":"EdDSA"}`), body, byProvider))
		}
		provider.answer(0, media, body)
		said, err := c.userinfo(context.Background(), c.metadata.known, TokenSet{AccessToken: "a"}, "alice")
		if err != nil {
			checkQuotesNothing(t, err, body)
			return
		}
		if said["sub"] != "alice" {
			t.Fatalf("%s is believed: %v", body, said)
		}
		if token, jwt := parseJWS(string(body)); jwt == nil && !isOurs(string(body)) {
			t.Fatalf("%s is believed, of %v", body, token.header)
		}
	})
}

// checkQuotesNothing fails the test if an error holds something that the other side
// wrote and that an error of ours can't hold by chance.
func checkQuotesNothing(t *testing.T, err error, body []byte) {
	t.Helper()
	said := err.Error()
	for _, word := range bytes.FieldsFunc(body, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }) {
		if len(word) >= 6 && strings.Contains(said, string(word)) {
			t.Errorf("%q quotes %q", said, word)
		}
	}
}

// FuzzRefreshed: an ID token that a renewal brings is about the sign-in that it
// renews, even where its signature can't be checked now (§12.2).
func FuzzRefreshed(f *testing.F) {
	f.Fuzz(func(t *testing.T, before, payload string) {
		var previous map[string]any
		if json.Unmarshal([]byte(before), &previous) != nil || previous == nil {
			return
		}
		if checkUnverified(fuzzSigned([]byte(`{"alg":"none"}`), []byte(payload), byNobody), previous) != nil {
			return
		}
		var said map[string]any
		if err := json.Unmarshal([]byte(payload), &said); err != nil {
			t.Fatalf("%s goes on as %s: %v", before, payload, err)
		}
		for _, name := range []string{"iss", "sub", "azp"} {
			if !reflect.DeepEqual(said[name], previous[name]) {
				t.Fatalf("%s goes on as %s", before, payload)
			}
		}
		audience, ok := audienceOf(said["aud"])
		was, ok2 := audienceOf(previous["aud"])
		if !ok || !ok2 || len(audience) != len(was) {
			t.Fatalf("%s goes on as %s", before, payload)
		}
	})
}

// FuzzNonce: a nonce that a proof brings is one of ours, and of now.
func FuzzNonce(f *testing.F) {
	p := newProofs(VerifierConfig{RequireNonce: true, NonceSecret: bytes.Repeat([]byte("n"), 32)}, func() time.Time { return time.Unix(fuzzNow, 0) })
	ours := p.nonce()
	f.Fuzz(func(t *testing.T, text string) {
		if p.isNonce(text) != (text == ours) {
			t.Fatalf("%q is a nonce: %v", text, p.isNonce(text))
		}
	})
}
