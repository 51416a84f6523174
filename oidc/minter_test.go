package oidc_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
)

// pemOf writes a private key down.
func pemOf(t testing.TB, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func curveKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func TestParseSigningKeys(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(curveKey(t, elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		text []byte
		algs string // "" is an error
	}{
		{"P-256", pemOf(t, curveKey(t, elliptic.P256())), "ES256"},
		{"P-384", pemOf(t, curveKey(t, elliptic.P384())), "ES384"},
		{"P-521", pemOf(t, curveKey(t, elliptic.P521())), "ES512"},
		{"Ed25519", pemOf(t, edwards), "EdDSA"},
		{"SEC 1", append([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})...), "ES256"},
		{"several", append(pemOf(t, edwards), pemOf(t, curveKey(t, elliptic.P256()))...), "EdDSA,ES256"},
		{"P-224", pemOf(t, curveKey(t, elliptic.P224())), ""},
		{"RSA of 1024 bits", pemOf(t, small), ""},
		{"a public key", []byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), ""},
		{"no key", []byte("-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n"), ""},
		{"nothing", nil, ""},
	} {
		keys, err := oidc.ParseSigningKeys(c.text)
		var algs []string
		for _, key := range keys {
			algs = append(algs, key.Algorithm())
			if len(key.ID()) != 43 || key.Public() == nil || key.IsZero() {
				t.Errorf("%s: key %v", c.name, key)
			}
		}
		if got := strings.Join(algs, ","); got != c.algs || (err == nil) != (c.algs != "") {
			t.Errorf("%s: %s, %v", c.name, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error shows the key", c.name)
		}
	}
}

func TestSigningKeyDoesNotPrint(t *testing.T) {
	private := curveKey(t, elliptic.P256())
	raw, err := private.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := oidc.ParseSigningKeys(pemOf(t, private))
	if err != nil {
		t.Fatal(err)
	}
	type holder struct{ key oidc.SigningKey }
	var text strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&text, verb+verb+verb, keys[0], holder{keys[0]}, oidc.Config{ClientKey: keys[0]})
	}
	for _, shown := range []string{fmt.Sprintf("%x", raw), strings.Trim(fmt.Sprint(raw), "[]"), new(big.Int).SetBytes(raw).String()} {
		if strings.Contains(text.String(), shown) {
			t.Errorf("the key is printed: %s", text.String())
		}
	}
}

// services are a minter behind its JWKS, and a verifier that trusts it.
func services(t *testing.T, clock func() time.Time, keys ...oidc.SigningKey) (*oidc.Minter, func(token, audience string) error) {
	t.Helper()
	minter, err := oidc.NewMinter(oidc.MinterConfig{Issuer: "https://shop.internal", Keys: keys, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(minter)
	t.Cleanup(server.Close)
	return minter, func(token, audience string) error {
		verifier, err := oidc.NewVerifier(oidc.VerifierConfig{
			Audience: []string{audience}, Clock: clock,
			Issuers: []oidc.TrustedIssuer{{Issuer: "https://shop.internal", JWKS: server.URL, RequireType: true}},
		})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		verified, err := verifier.Authenticate(r)
		if err == nil && (verified.Subject() != "alice" || verified.Claims()["level"] != 7.0) {
			t.Errorf("claims %v", verified.Claims())
		}
		return err
	}
}

func TestMintedTokensAreVerified(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	clock := func() time.Time { return now }
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := oidc.ParseSigningKeys(append(pemOf(t, edwards), pemOf(t, curveKey(t, elliptic.P384()))...))
	if err != nil {
		t.Fatal(err)
	}
	keys = append(keys, oidc.NewSigningKey())
	for _, order := range [][]oidc.SigningKey{keys, {keys[1], keys[0]}, {keys[2]}} {
		minter, verify := services(t, clock, order...)
		token, err := minter.Mint("orders", map[string]any{"sub": "alice", "level": 7, "roles": []string{"admin"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(token, "orders"); err != nil {
			t.Errorf("signed by %v: %v", order[0], err)
		}
		if err := verify(token, "invoices"); err == nil {
			t.Error("good for another audience")
		}
		_, others := services(t, clock, oidc.NewSigningKey())
		if err := others(token, "orders"); err == nil {
			t.Error("verified by another key")
		}
		now = now.Add(10 * time.Minute)
		if err := verify(token, "orders"); err == nil {
			t.Error("good for ever")
		}
	}
}

// A key that is published already verifies tokens as soon as it signs.
func TestRotationOfKeys(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	clock := func() time.Time { return now }
	older, newer := oidc.NewSigningKey(), oidc.NewSigningKey()
	_, verify := services(t, clock, older, newer)
	rotated, err := oidc.NewMinter(oidc.MinterConfig{Issuer: "https://shop.internal", Keys: []oidc.SigningKey{newer, older}, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	token, err := rotated.Mint("orders", map[string]any{"sub": "alice", "level": 7})
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(token, "orders"); err != nil {
		t.Error(err)
	}
}

func TestMintRefuses(t *testing.T) {
	minter, _ := services(t, nil, oidc.NewSigningKey())
	for name, said := range map[string]map[string]any{
		"nobody":             nil,
		"no subject":         {"level": 7},
		"a number":           {"sub": 7},
		"an issuer":          {"sub": "alice", "iss": "https://idp.example.com"},
		"an audience":        {"sub": "alice", "aud": "everybody"},
		"an expiry":          {"sub": "alice", "exp": math.MaxInt32},
		"a key":              {"sub": "alice", "cnf": map[string]any{"jkt": "x"}},
		"what isn't JSON":    {"sub": "alice", "f": func() {}},
		"what can't be read": {"sub": "alice", "n": math.Inf(1)},
	} {
		if token, err := minter.Mint("orders", said); err == nil {
			t.Errorf("%s: minted %s", name, token)
		}
	}
	if _, err := minter.Mint("", map[string]any{"sub": "alice"}); err == nil {
		t.Error("minted for nobody")
	}
}

func TestNewMinterReportsEveryMistake(t *testing.T) {
	_, err := oidc.NewMinter(oidc.MinterConfig{Lifetime: 2 * time.Hour})
	for _, field := range []string{"Issuer:", "Keys:", "Lifetime:"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v doesn't name %s", err, field)
		}
	}
	for _, config := range []oidc.MinterConfig{
		{Issuer: "a", Keys: []oidc.SigningKey{{}}},
		{Issuer: "a", Keys: []oidc.SigningKey{oidc.NewSigningKey()}, Lifetime: -1},
		{Issuer: "a", Keys: []oidc.SigningKey{oidc.NewSigningKey()}, Lifetime: time.Millisecond},
	} {
		if _, err := oidc.NewMinter(config); err == nil {
			t.Errorf("%v was accepted", config)
		}
	}
}

func TestPublishedKeys(t *testing.T) {
	private := curveKey(t, elliptic.P256())
	keys, err := oidc.ParseSigningKeys(pemOf(t, private))
	if err != nil {
		t.Fatal(err)
	}
	minter, _ := services(t, nil, append(keys, oidc.NewSigningKey())...)
	w := httptest.NewRecorder()
	minter.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/jwks", nil))
	body, _ := io.ReadAll(w.Body)
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 || set.Keys[0]["kid"] != keys[0].ID() || set.Keys[0]["alg"] != "ES256" || set.Keys[0]["use"] != "sig" {
		t.Errorf("keys %s", body)
	}
	for _, key := range set.Keys {
		if key["d"] != nil {
			t.Error("a private key is published")
		}
	}
	if w.Header().Get("Content-Type") != "application/jwk-set+json" || !strings.HasPrefix(w.Header().Get("Cache-Control"), "public, max-age=") {
		t.Errorf("headers %v", w.Header())
	}
	for method, want := range map[string]int{http.MethodHead: http.StatusOK, http.MethodPost: http.StatusMethodNotAllowed, http.MethodOptions: http.StatusMethodNotAllowed} {
		w = httptest.NewRecorder()
		minter.ServeHTTP(w, httptest.NewRequest(method, "/jwks", nil))
		if w.Code != want || want != http.StatusOK && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
}

func ExampleMinter() {
	minter, err := oidc.NewMinter(oidc.MinterConfig{
		Issuer: "https://shop.internal",
		Keys:   []oidc.SigningKey{oidc.NewSigningKey()}, // from a file: see ParseSigningKeys
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	jwks := httptest.NewServer(minter) // mux.Handle("/jwks", minter)
	defer jwks.Close()

	token, err := minter.Mint("orders", map[string]any{"sub": "alice", "roles": []string{"admin"}})
	if err != nil {
		fmt.Println(err)
		return
	}

	verifier, err := oidc.NewVerifier(oidc.VerifierConfig{
		Audience: []string{"orders"},
		Issuers:  []oidc.TrustedIssuer{{Issuer: "https://shop.internal", JWKS: jwks.URL}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	verified, err := verifier.Authenticate(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(verified.Subject(), "by", verified.ClientID())
	// Output: alice by https://shop.internal
}
