package refresh

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"

	"github.com/gatehouse-go/gatehouse/internal/secret"
)

// Key names a secret without containing it. What several processes share is sealed
// under it, so it never prints itself.
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

// Format prints no key, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Redacted) }

// LogValue logs no key.
func (Key) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }

// MarshalText encodes no key.
func (Key) MarshalText() ([]byte, error) { return []byte(secret.Redacted), nil }
