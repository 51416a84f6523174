package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"

	"github.com/golang-jwt/jwt/v5"
)

// Key signs tokens. Its fields may be changed before it is given to a provider.
type Key struct {
	// ID is the kid; two keys may share one, and an empty one is left out.
	ID string
	// Algorithm is the JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
	Algorithm string

	private any // what golang-jwt signs with: a crypto.Signer, or the bytes of an HMAC secret
}

// NewKey makes a key for RS256, RS384, RS512, PS256, PS384, PS512 (2048 bits),
// ES256, ES384, ES512 or EdDSA (Ed25519), with a kid of its own. It panics for
// any other algorithm.
func NewKey(algorithm string) *Key {
	private, err := generate(algorithm)
	if err != nil {
		panic("oidctest: " + err.Error())
	}
	return &Key{ID: rand.Text()[:8], Algorithm: algorithm, private: private}
}

// HMACKey returns a key that signs with secret, for HS256, HS384 or HS512. It
// has no kid, and is never published.
func HMACKey(algorithm string, secret []byte) *Key {
	return &Key{Algorithm: algorithm, private: secret}
}

func generate(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("no key can be made for algorithm %q", algorithm)
}

// known tells whether algorithm signs.
func known(algorithm string) bool {
	return algorithm != "none" && jwt.GetSigningMethod(algorithm) != nil
}

// isHMAC tells whether algorithm signs with a shared secret.
func isHMAC(algorithm string) bool {
	_, ok := jwt.GetSigningMethod(algorithm).(*jwt.SigningMethodHMAC)
	return ok
}

// Public returns the public key, nil for an HMAC key.
func (k *Key) Public() crypto.PublicKey {
	if signer, ok := k.private.(crypto.Signer); ok {
		return signer.Public()
	}
	return nil
}

// PublicPEM returns the public key as anyone could write it down: PKIX, in PEM.
// These bytes are the secret of the classic key confusion, see [JWT.SignWith].
// Nil for an HMAC key.
func (k *Key) PublicPEM() []byte {
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// JWK returns the public key as the JWKS lists it (RFC 7517), nil for an HMAC key.
func (k *Key) JWK() map[string]any {
	jwk := map[string]any{"use": "sig", "alg": k.Algorithm}
	if k.ID != "" {
		jwk["kid"] = k.ID
	}
	switch public := k.Public().(type) {
	case *rsa.PublicKey:
		jwk["kty"] = "RSA"
		jwk["n"] = base64url(public.N.Bytes())
		jwk["e"] = base64url(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return nil
		}
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:] // after SEC 1's 0x04
		jwk["kty"] = "EC"
		jwk["crv"] = public.Params().Name
		jwk["x"] = base64url(x)
		jwk["y"] = base64url(y)
	case ed25519.PublicKey:
		jwk["kty"] = "OKP"
		jwk["crv"] = "Ed25519"
		jwk["x"] = base64url(public)
	default:
		return nil
	}
	return jwk
}

// sign returns the JWS signature of what is signed, encoded (RFC 7515 §5.1).
func (k *Key) sign(signed string) (string, error) {
	method := jwt.GetSigningMethod(k.Algorithm)
	if method == nil {
		return "", fmt.Errorf("no such algorithm: %q", k.Algorithm)
	}
	signature, err := method.Sign(signed, k.private)
	return base64url(signature), err
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
