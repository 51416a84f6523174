package sealing

import (
	"bytes"
	"testing"
)

// FuzzOpen: nothing opens that wasn't sealed, and what was opens to no more than it
// may, whatever it says of its own size.
func FuzzOpen(f *testing.F) {
	const most = 1 << 12
	secret := [32]byte{1}
	aead, err := newAEAD(secret)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if plain, err := Open(secret, "here", text, most); err == nil {
			t.Fatalf("%x opens to %x", text, plain)
		}
		hostile := aead.Seal(nil, nil, text, []byte("here")) // by somebody with the secret
		if plain, err := Open(secret, "here", hostile, most); err == nil && len(plain) > most {
			t.Fatalf("%d bytes", len(plain))
		}
		sealed, err := Seal(secret, "here", text)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := Open(secret, "here", sealed, most)
		if (err == nil) != (len(text) <= most) || err == nil && !bytes.Equal(plain, text) {
			t.Fatalf("%x came back as %x, %v", text, plain, err)
		}
		if _, err := Open(secret, "there", sealed, most); err == nil {
			t.Fatal("it opens elsewhere")
		}
	})
}
