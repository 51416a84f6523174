package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/secret"
	"github.com/golang-jwt/jwt/v5"
)

// ProofKey is a key that tokens are bound to (RFC 9449): who presents them proves
// that it has the key, and whoever else gets hold of them has nothing. It is a
// P-256 key and signs by ES256. The zero ProofKey is none: tokens are bearer
// tokens then. It never prints itself.
type ProofKey struct{ scalar secret.String } // the private key, of 32 bytes

// proofKeyLength is that of a scalar of P-256.
const proofKeyLength = 32

var errProofKey = errors.New("oidc: not a key for DPoP proofs")

// NewProofKey returns a random key.
func NewProofKey() ProofKey {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails (crypto/rand)
	return DeriveProofKey(seed[:])
}

// DeriveProofKey returns the key that belongs to a secret, which must be of at
// least 256 random bits: the same one every time.
func DeriveProofKey(secret []byte) ProofKey {
	for counter := byte(0); ; counter++ { // all but one in 2³² of numbers are keys
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("DPoP P-256 key"))
		mac.Write([]byte{counter})
		if key, err := ParseProofKey(mac.Sum(nil)); err == nil {
			return key
		}
	}
}

// ParseProofKey reads what [ProofKey.Bytes] returned.
func ParseProofKey(raw []byte) (ProofKey, error) {
	if _, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw); err != nil {
		return ProofKey{}, errProofKey
	}
	return ProofKey{secret.New(string(raw))}, nil
}

// Bytes returns a copy of the private key, nil for the zero ProofKey.
func (k ProofKey) Bytes() []byte {
	if k.IsZero() {
		return nil
	}
	return []byte(k.scalar.Reveal())
}

// IsZero reports whether there is no key.
func (k ProofKey) IsZero() bool { return k.scalar.IsZero() }

// Format prints no key, whatever the verb.
func (ProofKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Redacted) }

// LogValue logs no key.
func (ProofKey) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }

// MarshalText encodes no key.
func (ProofKey) MarshalText() ([]byte, error) { return []byte(secret.Redacted), nil }

// Thumbprint returns the SHA-256 thumbprint of the public key (RFC 7638), as
// dpop_jkt and cnf.jkt have it; "" for the zero ProofKey.
func (k ProofKey) Thumbprint() string {
	private, err := k.private()
	if err != nil {
		return ""
	}
	print, err := thumbprint(private.Public())
	if err != nil { // which a key of P-256 doesn't do
		return ""
	}
	return print
}

func (k ProofKey) private() (*ecdsa.PrivateKey, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), k.Bytes())
	if err != nil {
		return nil, errProofKey
	}
	return private, nil
}

// coordinates are those of the public key, as a JWK has them (RFC 7518 §6.2.1).
func coordinates(private *ecdsa.PrivateKey) (x, y string) {
	point, err := private.PublicKey.Bytes() // SEC 1, behind 0x04
	if err != nil {                         // which a key that was parsed doesn't do
		return "", ""
	}
	point = point[1:]
	return base64.RawURLEncoding.EncodeToString(point[:len(point)/2]), base64.RawURLEncoding.EncodeToString(point[len(point)/2:])
}

// prove returns a proof for one request (RFC 9449 §4.2). accessToken is empty at
// the token endpoint, and nonce where none is known.
func (k ProofKey) prove(r *http.Request, accessToken, nonce string, now time.Time) (string, error) {
	private, err := k.private()
	if err != nil {
		return "", err
	}
	x, y := coordinates(private)
	said := jwt.MapClaims{"jti": rand.Text(), "htm": r.Method, "htu": proofTarget(r.URL), "iat": now.Unix()}
	if accessToken != "" {
		sum := sha256.Sum256([]byte(accessToken))
		said["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if nonce != "" {
		said["nonce"] = nonce
	}
	proof := jwt.NewWithClaims(jwt.SigningMethodES256, said)
	proof.Header["typ"] = proofType
	proof.Header["jwk"] = map[string]string{"kty": "EC", "crv": "P-256", "x": x, "y": y}
	return proof.SignedString(private)
}

// proofTarget is the address of a request without query and fragment (§4.2).
func proofTarget(address *url.URL) string {
	target := url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path, RawPath: address.RawPath}
	if target.Path == "" {
		target.Path = "/"
	}
	return target.String()
}
