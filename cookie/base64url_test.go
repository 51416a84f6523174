package cookie

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
)

var strict = base64.RawURLEncoding.Strict()

// agree fails unless text is decoded as encoding/base64 does in its strict mode,
// which skips line ends besides.
func agree(t *testing.T, text string) {
	t.Helper()
	want, err := strict.DecodeString(text)
	ok := err == nil && !strings.ContainsAny(text, "\r\n")
	got := make([]byte, decodedLen(len(text)))
	if decoded := newBase64url().decode(got, text); decoded != ok || ok && !bytes.Equal(got, want) {
		t.Errorf("%q: %v %x, want %v %x", text, decoded, got, ok, want)
	}
}

func TestBase64url(t *testing.T) {
	for length := range 70 {
		plain := make([]byte, length)
		_, _ = rand.Read(plain)
		text := strict.EncodeToString(plain)
		agree(t, text)
		agree(t, text+"A")
		agree(t, text+"=")
		for i := range text {
			for _, wrong := range []string{"+", "/", "=", "\n", "\r", " ", "~", "\x00", "\x80", "\xff", "A", "_"} {
				agree(t, text[:i]+wrong+text[i+1:])
			}
		}
	}
}

func FuzzBase64url(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) { agree(t, text) })
}

func BenchmarkBase64url(b *testing.B) {
	plain := make([]byte, 2000)
	_, _ = rand.Read(plain)
	text := strict.EncodeToString(plain)
	for _, c := range []struct {
		name   string
		decode func(dst []byte, text string) bool
	}{
		{"ours", newBase64url().decode},
		{"encoding/base64", func(dst []byte, text string) bool {
			_, err := strict.Decode(dst, []byte(text))
			return err == nil
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			dst := make([]byte, decodedLen(len(text)))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if !c.decode(dst, text) {
					b.Fatal("not decoded")
				}
			}
		})
	}
}
