package sealing

import (
	"bytes"
	"testing"
)

func TestSeal(t *testing.T) {
	secret, other := [32]byte{1}, [32]byte{2}
	plain := bytes.Repeat([]byte("a session "), 100)
	sealed, err := Seal(secret, "here", plain)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Seal(secret, "here", plain); err != nil || bytes.Equal(again, sealed) {
		t.Errorf("sealed alike twice: %v", err)
	}
	if bytes.Contains(sealed, []byte("session")) || len(sealed) >= len(plain) {
		t.Errorf("%d bytes, %q", len(sealed), sealed)
	}
	opened, err := Open(secret, "here", sealed, len(plain))
	if err != nil || !bytes.Equal(opened, plain) {
		t.Errorf("%q, %v", opened, err)
	}
	for name, c := range map[string]struct {
		secret [32]byte
		name   string
		sealed []byte
		most   int
	}{
		"another secret": {other, "here", sealed, 1 << 20},
		"another place":  {secret, "there", sealed, 1 << 20},
		"too large":      {secret, "here", sealed, len(plain) - 1},
		"cut":            {secret, "here", sealed[:len(sealed)-1], 1 << 20},
		"nothing":        {secret, "here", nil, 1 << 20},
	} {
		if opened, err := Open(c.secret, c.name, c.sealed, c.most); err == nil {
			t.Errorf("%s: opens to %q", name, opened)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := Open(secret, "here", changed, 1<<20); err == nil {
			t.Fatalf("opens with byte %d changed", i)
		}
	}
}
