package oidc

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/origin"
	"github.com/go-jose/go-jose/v4"
)

// proofType is the typ of a DPoP proof (RFC 9449 §4.2).
const proofType = "dpop+jwt"

// thumbprint is the SHA-256 thumbprint of a public key, as cnf.jkt has it (RFC 7638,
// RFC 9449 §6.1).
func thumbprint(public crypto.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", errors.New("the key has no thumbprint")
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// privateMembers are those of a JWK that nobody else may know (RFC 7518 §6).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// publicJWK reads the key that a proof brings along. A private one would be known
// to everybody now.
func publicJWK(value any) (crypto.PublicKey, error) {
	members, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("jwk is missing")
	}
	for _, name := range privateMembers {
		if _, there := members[name]; there {
			return nil, errors.New("jwk is not a public key")
		}
	}
	delete(members, "key_ops") // what else it is for is nobody's business here
	delete(members, "use")
	encoded, err := json.Marshal(members)
	if err != nil {
		return nil, errors.New("jwk is no key")
	}
	parsed, ok := parseKey(encoded)
	if !ok {
		return nil, errors.New("jwk is no key that is accepted")
	}
	return parsed.public, nil
}

// proofAddress is a URL as htu is compared: without query and fragment, after
// syntax- and scheme-based normalization (RFC 9449 §4.3, RFC 3986 §6.2.2, §6.2.3).
// Dot segments stay: what a router makes of them isn't known here.
func proofAddress(u *url.URL) string { return origin.Of(u) + canonicalPath(u.EscapedPath()) }

// canonicalPath writes percent-encodings in upper case, and none of characters that
// need none.
func canonicalPath(path string) string {
	if path == "" {
		return "/"
	}
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b.WriteByte(path[i])
			continue
		}
		decoded, err := url.PathUnescape(path[i : i+3])
		if err == nil && isUnreserved(decoded[0]) {
			b.WriteByte(decoded[0])
		} else {
			b.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

// isUnreserved is RFC 3986 §2.3.
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}
