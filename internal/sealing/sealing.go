// Package sealing seals what is kept on a server under a key that isn't.
package sealing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"

	"github.com/klauspost/compress/s2"
)

// ErrInvalid is returned for what is not exactly what was sealed.
var ErrInvalid = errors.New("sealing: not valid")

// Seal compresses plain and seals it with AES-256-GCM, under a key derived from
// secret (HKDF, RFC 5869), for the place named name: it doesn't open anywhere
// else. A secret is random and serves one place, so that random nonces of 96
// bits never meet.
func Seal(secret [32]byte, name string, plain []byte) ([]byte, error) {
	aead, err := newAEAD(secret)
	if err != nil {
		return nil, err
	}
	packed := s2.EncodeBetter(nil, plain)
	return aead.Seal(nil, nil, packed, []byte(name)), nil
}

// Open returns what was sealed, of most bytes at most.
func Open(secret [32]byte, name string, sealed []byte, most int) ([]byte, error) {
	aead, err := newAEAD(secret)
	if err != nil {
		return nil, err
	}
	packed, err := aead.Open(nil, nil, sealed, []byte(name))
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
	key, err := hkdf.Key(sha256.New, secret[:], nil, "gatehouse stored session", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
