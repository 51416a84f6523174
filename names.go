package gatehouse

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// names are what stores, directories and denylists know people and sessions as:
// hashes, which say nothing, and which differ by issuer and client, so that
// several gates can share one server.
type names struct{ issuer, client string }

// nameLength is that of every name: a letter for its kind, and 192 bits in
// base64url.
const nameLength = 1 + 32

func (n names) session(id sessionID) string { return n.of('s', string(id[:])) }

func (n names) of(kind byte, what string) string {
	var plain []byte
	for _, part := range []string{n.issuer, n.client, what} {
		plain = binary.AppendUvarint(plain, uint64(len(part)))
		plain = append(plain, part...)
	}
	hash := sha256.Sum256(append(plain, kind))
	name := append(make([]byte, 0, nameLength), kind)
	return string(base64.RawURLEncoding.AppendEncode(name, hash[:24]))
}
