// Package sealing seals what is kept on a server under a key that isn't.
package sealing

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"

	"github.com/klauspost/compress/s2"
)

// ErrInvalid is returned for what is not exactly what was sealed.
var ErrInvalid = errors.New("sealing: not valid")

// Seal compresses plain and seals it with AES-256-GCM for the place named name: it
// doesn't open anywhere else. A secret is random, serves as nothing but this key,
// and for one place, so that random nonces of 96 bits never meet.
func Seal(secret [32]byte, name string, plain []byte) ([]byte, error) {
	aead, err := newAEAD(secret)
	if err != nil {
		return nil, err
	}
	packed := s2.EncodeBetter(nil, plain)
	return aead.Seal(nil, nil, packed, place(name)), nil
}

// Open returns what was sealed, of most bytes at most.
func Open(secret [32]byte, name string, sealed []byte, most int) ([]byte, error) {
	aead, err := newAEAD(secret)
	if err != nil {
		return nil, err
	}
	packed, err := aead.Open(nil, nil, sealed, place(name))
	if err != nil {
		return nil, ErrInvalid
	}
	if size, err := s2.DecodedLen(packed); err != nil || size > most {
		return nil, ErrInvalid
	}
	plain, err := s2.Decode(nil, packed)
	if err != nil {
		return nil, ErrInvalid
	}
	return plain, nil
}

func newAEAD(secret [32]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func place(name string) []byte { return []byte("gatehouse stored session\x00" + name) }
