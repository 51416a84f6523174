package oidc

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// FuzzParseJWS: whatever is taken apart reads back as it was, so that what is
// verified and what is believed are the same text.
func FuzzParseJWS(f *testing.F) {

	f.Fuzz(func(t *testing.T, text string) {
		token, err := parseJWS(text)
		if err != nil {
			return
		}
		if got := token.signed + "." + encode(token.signature); got != text {
			t.Fatalf("%q was read as %q", text, got)
		}
		if encoded := encode(token.payload); !strings.HasSuffix(token.signed, "."+encoded) {
			t.Fatalf("%q: the payload is not what was signed", text)
		}
		var header map[string]any
		raw, _, _ := strings.Cut(text, ".")
		decoded, _ := base64.RawURLEncoding.DecodeString(raw)
		if err := json.Unmarshal(decoded, &header); err != nil || header["crit"] != nil {
			t.Fatalf("%q: header %v, %v", text, header, err)
		}
		if alg, _ := header["alg"].(string); alg != token.alg {
			t.Fatalf("%q: alg was read as %q", text, token.alg)
		}
	})
}

// FuzzParseKeys: of whatever is published, only keys that may verify are kept.
func FuzzParseKeys(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := parseKeys(body)
		if err != nil {
			return
		}
		if len(keys) > maxKeys {
			t.Fatalf("%d keys", len(keys))
		}
		for _, key := range keys {
			if !acceptable(key.public) {
				t.Fatalf("a key of type %T is kept", key.public)
			}
		}
	})
}

// FuzzLifetime: whatever a provider says about its access token, it lives for
// longer than nothing and no longer than a day.
func FuzzLifetime(f *testing.F) {
	now := time.Unix(1_799_999_000, 0)
	f.Fuzz(func(t *testing.T, expiresIn []byte, accessToken string) {
		var value any
		if json.Unmarshal(expiresIn, &value) != nil {
			return
		}
		if got := lifetime(value, accessToken, now); got <= 0 || got > maxLifetime {
			t.Fatalf("lifetime(%v, %q) = %v", value, accessToken, got)
		}
	})
}

var encode = base64.RawURLEncoding.EncodeToString
