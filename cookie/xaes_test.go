package cookie

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"testing"
)

// TestXAESVectors are the published vectors of C2SP XAES-256-GCM: one key whose
// CMAC subkey needs no reduction, and one whose does.
func TestXAESVectors(t *testing.T) {
	for _, c := range []struct {
		key        byte
		data, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		x, err := newXAES(bytes.Repeat([]byte{c.key}, 32))
		if err != nil {
			t.Fatal(err)
		}
		nonce, plaintext := []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM")
		sealed, err := x.seal(nil, nonce, plaintext, []byte(c.data))
		if err != nil || hex.EncodeToString(sealed) != c.want {
			t.Errorf("key %d: sealed %x, %v, want %s", c.key, sealed, err, c.want)
		}
		opened, err := x.open(new(derived), nil, nonce, sealed, []byte(c.data))
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Errorf("key %d: opened %q, %v", c.key, opened, err)
		}
	}
}

// TestXAESAccumulated is the specification's randomized test of 10,000
// messages.
func TestXAESAccumulated(t *testing.T) {
	random, hash := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		_, _ = random.Read(b)
		return b
	}
	for range 10_000 {
		key, nonce := read(32), read(24)
		plaintext := read(int(read(1)[0]))
		data := read(int(read(1)[0]))
		x, err := newXAES(key)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := x.seal(nil, nonce, plaintext, data)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = hash.Write(sealed)
	}
	sum := make([]byte, 32)
	_, _ = hash.Read(sum)
	if got, want := hex.EncodeToString(sum), "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}
