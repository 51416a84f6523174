package refresh

import (
	"crypto/sha256"
	"encoding/binary"
)

// Key names a secret without containing it.
type Key [sha256.Size]byte

// KeyOf returns the SHA-256 of the secrets, each preceded by its length so that
// no two lists run together. Hash everything that a renewal changes: of a
// provider that doesn't rotate refresh tokens only the access token changes.
func KeyOf(secrets ...[]byte) Key {
	hash := sha256.New()
	var length [8]byte
	for _, secret := range secrets {
		binary.BigEndian.PutUint64(length[:], uint64(len(secret)))
		hash.Write(length[:])
		hash.Write(secret)
	}
	var key Key
	hash.Sum(key[:0])
	return key
}
