package oidc_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
)

func TestTokensRoundTrip(t *testing.T) {
	for _, text := range []string{
		"", ".", "..", "a", "opaque-token_1", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "not base64!", "AAAA.AAAA=.AAAB", "QQ", "QR", "ünïcode", "a.b.c.d.e",
		strings.Repeat("x", 5000), "\x00\xff",
	} {
		set := oidc.TokenSet{AccessToken: text, RefreshToken: text + "r", IDToken: text, Scope: "openid email"}
		set.Issued, set.Expires = time.Unix(1_800_000_000, 0), time.Unix(1_800_000_300, 0)
		tokens := set.Pack()
		again, err := oidc.ParseTokens(tokens.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for _, tk := range []oidc.Tokens{tokens, again} {
			if tk.AccessToken() != text || tk.RefreshToken() != text+"r" || tk.IDToken() != text || tk.Scope() != "openid email" ||
				!tk.Issued().Equal(set.Issued) || !tk.Expires().Equal(set.Expires) || !tk.HasRefresh() {
				t.Errorf("%q came back as %q", text, tk.AccessToken())
			}
		}
	}
	var zero oidc.Tokens
	if zero.AccessToken() != "" || zero.HasRefresh() || !zero.Expires().IsZero() || zero.IDTokenPayload() != nil || zero.Bytes() != nil {
		t.Error("the zero Tokens holds something")
	}
}

func TestTokensAreSmall(t *testing.T) {
	segment := strings.Repeat("Zm9v", 300)
	token := segment + "." + segment + "." + segment
	if size := len(oidc.TokenSet{AccessToken: token}.Pack().Bytes()); size > len(token)*3/4+30 {
		t.Errorf("%d bytes for a token of %d", size, len(token))
	}
}

func TestIDTokenPayload(t *testing.T) {
	for token, want := range map[string]string{
		"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln": `{"sub":"a"}`,
		"opaque": "", "": "", "a.!!.c": "",
	} {
		if got := string(oidc.TokenSet{IDToken: token}.Pack().IDTokenPayload()); got != want {
			t.Errorf("%q has the payload %q, want %q", token, got, want)
		}
	}
}

func TestTokensDoNotPrint(t *testing.T) {
	const canary = "canary-token-4711"
	set := oidc.TokenSet{AccessToken: canary, RefreshToken: canary, IDToken: canary}
	type holder struct{ tokens oidc.Tokens }
	tokens := set.Pack()
	var output strings.Builder
	slog.New(slog.NewJSONHandler(&output, nil)).Info("x", "set", set, "tokens", tokens, "holder", holder{tokens})
	encoded, err := json.Marshal(map[string]any{"set": set, "tokens": tokens})
	if err != nil {
		t.Fatal(err)
	}
	output.Write(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&output, verb+verb+verb+verb, set, tokens, &tokens, holder{tokens})
	}
	for _, secret := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprint([]byte(canary))} {
		if strings.Contains(output.String(), secret) {
			t.Errorf("a token is in %s", output.String())
		}
	}
}

func FuzzParseTokens(f *testing.F) {
	f.Fuzz(func(t *testing.T, frame []byte) {
		tokens, err := oidc.ParseTokens(frame)
		if err != nil {
			return
		}
		tokens.IDTokenPayload()
		again := oidc.TokenSet{
			AccessToken: tokens.AccessToken(), RefreshToken: tokens.RefreshToken(), IDToken: tokens.IDToken(), Scope: tokens.Scope(),
			Issued: tokens.Issued(), Expires: tokens.Expires(), ProofKey: tokens.ProofKey(),
		}.Pack()
		if again.AccessToken() != tokens.AccessToken() || again.IDToken() != tokens.IDToken() || again.ProofKey().Thumbprint() != tokens.ProofKey().Thumbprint() {
			t.Fatalf("%x doesn't round-trip", frame)
		}
	})
}

func FuzzTokenText(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		if got := (oidc.TokenSet{AccessToken: text}).Pack().AccessToken(); got != text {
			t.Fatalf("%q came back as %q", text, got)
		}
	})
}

func ExampleTokenSet_Pack() {
	tokens := oidc.TokenSet{AccessToken: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.", Expires: time.Unix(1_800_000_000, 0)}.Pack()
	fmt.Println(tokens)
	fmt.Println(len(tokens.AccessToken()), "characters in", len(tokens.Bytes()), "bytes")
	// Output:
	// [redacted]
	// 41 characters in 43 bytes
}
