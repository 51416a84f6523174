package oidc

import (
	"bytes"
	"crypto/elliptic"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"
)

// FuzzParseSigningKeys: every key that is read signs what its public key verifies, by
// an algorithm that goes with it; and an error shows nothing of any.
func FuzzParseSigningKeys(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := ParseSigningKeys(text)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		if err != nil {
			checkQuotesNothing(t, err, text)
			return
		}
		for _, key := range keys {
			signed, err := key.jwt("JWT", map[string]any{"sub": "a"})
			if err != nil {
				t.Fatal(err)
			}
			token, err := parseJWS(signed)
			if err != nil || token.kid != key.ID() || token.alg != key.Algorithm() || !acceptable(key.Public()) || token.verify(key.Public()) != nil {
				t.Fatalf("a key for %s doesn't sign by it: %v", key.Algorithm(), err)
			}
		}
	})
}

// FuzzParsePEM: of an issuer's PEM, public keys that may verify are read, and where
// there is anything else it is a mistake that shows nothing of it.
func FuzzParsePEM(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parsePEM(text)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		if err != nil {
			checkQuotesNothing(t, err, text)
			return
		}
		for _, key := range keys {
			if _, secret := key.public.([]byte); secret || !acceptable(key.public) || !key.anyKid {
				t.Fatalf("%T is a key", key.public)
			}
		}
		if block, _ := pem.Decode(text); strings.Contains(block.Type, "PRIVATE") {
			t.Fatal("a private key is published")
		}
	})
}

// FuzzParseProofKey: a key for proofs is read back as it was, makes proofs that it
// verifies, and is no other key.
func FuzzParseProofKey(f *testing.F) {
	order := elliptic.P256().Params().N.Bytes()
	r, err := http.NewRequest(http.MethodGet, "https://api.example", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		key, err := ParseProofKey(raw)
		if err != nil {
			if !key.IsZero() || key.Thumbprint() != "" {
				t.Fatalf("%x: %v, and a key", raw, err)
			}
			return
		}
		if !bytes.Equal(key.Bytes(), raw) || len(raw) != proofKeyLength || bytes.Compare(raw, order) >= 0 {
			t.Fatalf("%x is read as %x", raw, key.Bytes())
		}
		text, err := key.prove(r, "token", "", time.Unix(fuzzNow, 0))
		if err != nil {
			t.Fatal(err)
		}
		proof, err := parseJWS(text)
		if err != nil {
			t.Fatal(err)
		}
		public, err := publicJWK(proof.header["jwk"])
		if err != nil || proof.verify(public) != nil {
			t.Fatalf("%x proves nothing: %v", raw, err)
		}
		if print, err := thumbprint(public); err != nil || print != key.Thumbprint() {
			t.Fatalf("%x: %q, %v", raw, print, err)
		}
	})
}
