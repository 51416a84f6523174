package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/claims"
	"github.com/golang-jwt/jwt/v5"
)

// jws is a signed token taken apart (RFC 7515 §7.1), nothing of it believed yet.
type jws struct {
	header        map[string]any
	alg, kid, typ string
	signed        string // header and payload, as they were signed
	payload       []byte
	signature     []byte
}

// parseJWS reads a compact JWS. Of the header it takes alg, kid and typ: keys
// that a token brings or points to itself (jwk, jku, x5c, x5u) are nobody's, and
// an extension that must be understood (crit, RFC 7515 §4.1.11) is not.
func parseJWS(text string) (*jws, error) {
	if !hasThreeParts(text) || strings.IndexByte(text, '\n') >= 0 || strings.IndexByte(text, '\r') >= 0 { // which encoding/base64 passes over
		return nil, errors.New("not a signed token")
	}
	signed := text[:strings.LastIndexByte(text, '.')]
	first, second, _ := strings.Cut(signed, ".")
	parts := [3]string{first, second, text[len(signed)+1:]}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return nil, errors.New("not base64url")
		}
	}
	header, err := claims.Parse(decoded[0])
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if _, critical := header["crit"]; critical {
		return nil, errors.New("header: crit is not understood")
	}
	t := &jws{header: header, signed: signed, payload: decoded[1], signature: decoded[2]}
	for _, member := range []struct {
		name string
		into *string
	}{{"alg", &t.alg}, {"kid", &t.kid}, {"typ", &t.typ}} {
		value, there := header[member.name]
		text, ok := value.(string)
		if there && !ok {
			return nil, fmt.Errorf("header: %s is no string", member.name)
		}
		*member.into = text
	}
	return t, nil
}

// hasThreeParts is what a compact JWS looks like.
func hasThreeParts(text string) bool { return strings.Count(text, ".") == 2 }

// verify checks the signature by one key, which must be of the algorithm's kind:
// a public key never serves as an HMAC secret (RFC 8725 §3.1).
func (t *jws) verify(key any) error {
	method := jwt.GetSigningMethod(t.alg)
	if method == nil || !fits(key, t.alg) {
		return errors.New("the key does not fit the algorithm")
	}
	return method.Verify(t.signed, t.signature, key)
}

// fits reports whether a key is of the kind that alg needs.
func fits(key any, alg string) bool {
	switch key := key.(type) {
	case []byte:
		_, hmac := symmetric[alg]
		return hmac
	case *rsa.PublicKey:
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	case *ecdsa.PublicKey:
		curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[alg]
		return curve != nil && key.Curve == curve
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// acceptable reports whether a published key may verify anything at all.
func acceptable(key crypto.PublicKey) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192 // RFC 7518 §3.3, and no longer than is quick
	case *ecdsa.PublicKey:
		return slices.Contains([]elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}, key.Curve)
	case ed25519.PublicKey:
		return len(key) == ed25519.PublicKeySize
	}
	return false
}
