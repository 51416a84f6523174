package oidc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
	"slices"
	"testing"
)

func ofCurve(curve elliptic.Curve) *ecdsa.PublicKey { return &ecdsa.PublicKey{Curve: curve} }

func ofLength(bits uint) *rsa.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537}
}

// TestFits: a key serves the algorithms of its own kind and curve (RFC 8725 §3.1),
// whatever the libraries that verify would let it do.
func TestFits(t *testing.T) {
	hmac, rsa, none := []string{"HS256", "HS384", "HS512"}, []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, []string(nil)
	for name, c := range map[string]struct {
		key  any
		algs []string
	}{
		"secret":   {[]byte("secret"), hmac},
		"RSA":      {ofLength(2048), rsa},
		"P-256":    {ofCurve(elliptic.P256()), []string{"ES256"}},
		"P-384":    {ofCurve(elliptic.P384()), []string{"ES384"}},
		"P-521":    {ofCurve(elliptic.P521()), []string{"ES512"}},
		"P-224":    {ofCurve(elliptic.P224()), none},
		"Ed25519":  {ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)), []string{"EdDSA"}},
		"no key":   {nil, none},
		"a string": {"secret", none},
	} {
		for _, alg := range slices.Concat(hmac, asymmetric, []string{"none", "None", "", "rs256", "ES256K"}) {
			if got, want := fits(c.key, alg), slices.Contains(c.algs, alg); got != want {
				t.Errorf("%s fits %q: %v", name, alg, got)
			}
			if err := (&jws{alg: alg}).verify(c.key); !slices.Contains(c.algs, alg) && (err == nil || err.Error() != "the key does not fit the algorithm") {
				t.Errorf("%s verifies %q: %v", name, alg, err)
			}
		}
	}
}

// TestAcceptable: keys that are too weak to verify anything, or too long to do so
// quickly.
func TestAcceptable(t *testing.T) {
	for name, c := range map[string]struct {
		key  any
		want bool
	}{
		"RSA, 1024 bits":   {ofLength(1024), false},
		"RSA, 2047 bits":   {ofLength(2047), false},
		"RSA, 2048 bits":   {ofLength(2048), true},
		"RSA, 8192 bits":   {ofLength(8192), true},
		"RSA, 8193 bits":   {ofLength(8193), false},
		"P-224":            {ofCurve(elliptic.P224()), false},
		"P-256":            {ofCurve(elliptic.P256()), true},
		"P-521":            {ofCurve(elliptic.P521()), true},
		"Ed25519":          {ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)), true},
		"Ed25519, cut off": {ed25519.PublicKey(make([]byte, 31)), false},
		"a secret":         {[]byte("secret"), false},
		"a private key":    {ed25519.PrivateKey(make([]byte, ed25519.PrivateKeySize)), false},
	} {
		if got := acceptable(c.key); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
