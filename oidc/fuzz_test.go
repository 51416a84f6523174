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

	for _, header := range []string{
		`{"alg":"RS256","kid":"1","typ":"JWT"}`, `{"alg":"none"}`, `{"alg":7}`, `{"alg":"RS256","alg":"none"}`, `{"ALG":"none"}`,
		`{"alg":"RS256","crit":["exp"],"exp":1}`, `{"alg":"RS256","jwk":{}}`, `{}`, `[]`, `null`, "",
	} {
		f.Add(encode([]byte(header)) + "." + encode([]byte(`{"sub":"a"}`)) + "." + encode([]byte("signature")))
	}
	f.Add("..")
	f.Add("a.b.c.d.e")
	f.Add(strings.Repeat(".", 1000))
	f.Add("e30=.e30.AA")
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
	for _, seed := range []string{
		`{"keys":[]}`, `{"keys":null}`, `{}`, `[]`, `{"keys":[{}]}`, `{"keys":[{"kty":"oct","k":"AAAA"}]}`, `{"keys":[7,null,"x",[]]}`,
		`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig","kid":"1"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","key_ops":["sign"]}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"AA"}],"keys":[]}`,
	} {
		f.Add([]byte(seed))
	}
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
	for _, seed := range []string{"300", `"300"`, "-1", "0", "600000000000", "1e400", `"x"`, "null", "[]", "0.5", `"NaN"`, `"Inf"`, `"-Inf"`, "1e-300"} {
		f.Add([]byte(seed), "e30.eyJleHAiOjE4MDAwMDAwMDB9.")
	}
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
