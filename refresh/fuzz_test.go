package refresh

import (
	"bytes"
	"testing"
	"time"
)

// FuzzUnseal: what a coordinator hands out is a result of that very renewal, or an
// error, whatever it is.
func FuzzUnseal(f *testing.F) {
	next := bytes.Repeat([]byte{7}, len(Key{}))
	key, other := KeyOf([]byte("a refresh token")), KeyOf([]byte("another"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, err := unseal(key, text); err == nil {
			t.Fatalf("%x is the result %v", text, got)
		}
		hostile := aead(key).Seal(nil, nil, text, []byte(nameOf(key))) // by somebody with the token
		got, err := unseal(key, hostile)
		if err == nil && (text[0] != sealedVersion || len(text) != sealedHead+len(got.Value) || !bytes.Equal(got.Next[:], text[9:sealedHead])) {
			t.Fatalf("%x is read as %v", text, got)
		}
		want := Result{Value: text, Next: Key(next), Expires: time.UnixMilli(1_800_000_000_000)}
		sealed := seal(key, want)
		if got, err := unseal(key, sealed); err != nil || !bytes.Equal(got.Value, text) || got.Next != want.Next || !got.Expires.Equal(want.Expires) {
			t.Fatalf("%x came back as %v, %v", text, got, err)
		}
		if _, err := unseal(other, sealed); err == nil {
			t.Fatal("it opens for another renewal")
		}
	})
}
