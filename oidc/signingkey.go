package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"

	"github.com/golang-jwt/jwt/v5"
)

// SigningKey is a private key that signs what the application itself says: tokens
// for other services (see [Minter]), and who it is to the provider
// ([Config.ClientKey]). It prints without itself; the zero SigningKey is none.
type SigningKey struct {
	id, alg string
	public  crypto.PublicKey
	sign    func(text string) ([]byte, error) // of which nothing prints more than an address
}

// minRSA is the least length of an RSA key, in bits (RFC 7518 §3.3).
const minRSA = 2048

// NewSigningKey returns a random key for ES256.
func NewSigningKey() SigningKey {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil { // never fails (crypto/rand)
		panic("oidc: " + err.Error())
	}
	key, err := signingKey(private)
	if err != nil {
		panic("oidc: " + err.Error())
	}
	return key
}

// ParseSigningKeys reads private keys from PEM, one or several (PKCS #8, SEC 1,
// PKCS #1; not encrypted). A P-256, P-384 or P-521 key signs by ES256, ES384 or
// ES512, an Ed25519 key by EdDSA, and an RSA key of at least 2048 bits by RS256.
// The error holds nothing of them.
func ParseSigningKeys(text []byte) ([]SigningKey, error) {
	var keys []SigningKey
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type == "EC PARAMETERS" { // which openssl writes before the key
			continue
		}
		private, err := parsePrivate(block)
		if err != nil {
			return nil, fmt.Errorf("oidc: key %d: %w", len(keys)+1, err)
		}
		key, err := signingKey(private)
		if err != nil {
			return nil, fmt.Errorf("oidc: key %d: %w", len(keys)+1, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("oidc: no private key in PEM")
	}
	return keys, nil
}

func parsePrivate(block *pem.Block) (private any, err error) {
	switch block.Type {
	case "PRIVATE KEY":
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		private, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, errors.New("not a private key")
	}
	if err != nil {
		return nil, errors.New("not a private key that can be read")
	}
	return private, nil
}

// signingKey pins the algorithm to the key.
func signingKey(private any) (SigningKey, error) {
	var alg string
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		alg = map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384", elliptic.P521(): "ES512"}[key.Curve]
	case ed25519.PrivateKey:
		alg = "EdDSA"
	case *rsa.PrivateKey:
		if key.N.BitLen() >= minRSA {
			alg = "RS256"
		}
	}
	signer, ok := private.(crypto.Signer)
	if alg == "" || !ok {
		return SigningKey{}, errors.New("must be of P-256, P-384, P-521, Ed25519, or RSA of at least 2048 bits")
	}
	id, err := thumbprint(signer.Public())
	if err != nil {
		return SigningKey{}, err
	}
	method := jwt.GetSigningMethod(alg)
	sign := func(text string) ([]byte, error) { return method.Sign(text, private) }
	return SigningKey{id: id, alg: alg, public: signer.Public(), sign: sign}, nil
}

// ID returns the kid: the key's thumbprint (RFC 7638).
func (k SigningKey) ID() string { return k.id }

// Algorithm returns the JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
func (k SigningKey) Algorithm() string { return k.alg }

// Public returns the public key.
func (k SigningKey) Public() crypto.PublicKey { return k.public }

// IsZero reports whether there is no key.
func (k SigningKey) IsZero() bool { return k.sign == nil }

// Format prints the key's ID, whatever the verb.
func (k SigningKey) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "oidc.SigningKey(%s)", k.id) }

// jwt signs claims.
func (k SigningKey) jwt(typ string, said map[string]any) (string, error) {
	token := &jwt.Token{
		Header: map[string]any{"typ": typ, "alg": k.alg, "kid": k.id},
		Claims: jwt.MapClaims(maps.Clone(said)),
		Method: jwt.GetSigningMethod(k.alg),
	}
	signed, err := token.SigningString()
	if err != nil {
		return "", err
	}
	signature, err := k.sign(signed)
	if err != nil {
		return "", err
	}
	return signed + "." + token.EncodeSegment(signature), nil
}
