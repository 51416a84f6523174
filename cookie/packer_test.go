package cookie

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/s2"
)

func TestUnpackIsBounded(t *testing.T) {
	p := newPacker()
	for name, packed := range map[string][]byte{
		"nothing":          nil,
		"an unknown way":   {2, 0},
		"no s2":            {packedS2},
		"cut off":          p.pack(bytes.Repeat([]byte("x"), 1000))[:5],
		"more than 64 KiB": append([]byte{packedS2}, s2.Encode(nil, make([]byte, maxPlain+1))...),
		"4 GiB":            {packedS2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0},
	} {
		if plain, err := p.unpack(packed); err != ErrInvalid || plain != nil {
			t.Errorf("%s: %d bytes, %v", name, len(plain), err)
		}
	}
}

func FuzzPacker(f *testing.F) {
	p := newPacker()
	f.Fuzz(func(t *testing.T, b []byte) {
		if plain, err := p.unpack(b); err == nil && len(plain) > max(maxPlain, len(b)) {
			t.Fatalf("%d bytes unpack to %d", len(b), len(plain))
		}
		packed := p.pack(b)
		plain, err := p.unpack(packed)
		if err != nil || !bytes.Equal(plain, b) || len(packed) > 1+len(b) {
			t.Fatalf("%d bytes, packed to %d, come back as %d: %v", len(b), len(packed), len(plain), err)
		}
	})
}
