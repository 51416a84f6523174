package refresh

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// What is shared is sealed with AES-256-GCM under a key that is derived from the
// old secret's, and addressed by another derivation of it: who keeps it learns
// neither. A frame is
//
//	version  1 byte
//	expires  8 bytes, Unix milliseconds
//	next     32 bytes
//	value    the rest
const (
	sealedVersion = 1
	sealedHead    = 1 + 8 + len(Key{})
	nameBytes     = 24
)

var errSealed = errors.New("refresh: a shared result can't be opened")

// derive returns a value for one purpose, from which neither the key nor the
// values for other purposes can be computed.
func derive(key Key, purpose string) []byte {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// nameOf is what a coordinator calls key: r and 32 characters of base64url.
func nameOf(key Key) string {
	return "r" + base64.RawURLEncoding.EncodeToString(derive(key, "gatehouse refresh name")[:nameBytes])
}

func aead(key Key) cipher.AEAD {
	block, err := aes.NewCipher(derive(key, "gatehouse refresh result"))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has blocks of 16 bytes
	}
	return sealer
}

func seal(key Key, result Result) []byte {
	frame := make([]byte, 0, sealedHead+len(result.Value))
	frame = append(frame, sealedVersion)
	frame = binary.BigEndian.AppendUint64(frame, uint64(result.Expires.UnixMilli()))
	frame = append(frame, result.Next[:]...)
	frame = append(frame, result.Value...)
	return aead(key).Seal(nil, nil, frame, []byte(nameOf(key)))
}

func unseal(key Key, sealed []byte) (Result, error) {
	frame, err := aead(key).Open(nil, nil, sealed, []byte(nameOf(key)))
	if err != nil || len(frame) < sealedHead || frame[0] != sealedVersion {
		return Result{}, errSealed
	}
	return Result{
		Expires: time.UnixMilli(int64(binary.BigEndian.Uint64(frame[1:]))),
		Next:    Key(frame[9:sealedHead]),
		Value:   frame[sealedHead:],
	}, nil
}
