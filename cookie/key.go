package cookie

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/gorilla/securecookie"
)

const (
	keyLength    = 32 // bytes of a sealing key
	maxKeyLength = 64
	maxKeys      = 16
	// minDistinct is how many different bytes a key has at least. Of 32 random
	// bytes some 30 are different; fewer than 8 are a repeated word.
	minDistinct = 8
)

// Key seals and opens cookies. The zero Key is invalid. A Key never prints
// itself; [Key.Encode] is the one way to get it out.
type Key struct {
	// material is a string, because fmt walks a pointer to a slice.
	material *string
}

// NewKey makes a random key of 32 bytes.
func NewKey() Key {
	material := securecookie.GenerateRandomKey(keyLength)
	if material == nil { // securecookie's word for a failing random source
		panic("cookie: no random bytes")
	}
	return keyOf(material)
}

func keyOf(material []byte) Key {
	text := string(material)
	return Key{&text}
}

// ParseKeys reads keys in base64 (standard or URL alphabet, padded or not),
// separated by commas: the first seals, all open. A key has 32 bytes, or up to
// 64. Keys that are too short or obviously not random are refused, and so are an
// empty list and one of more than 16; the error joins every mistake and shows
// no key.
func ParseKeys(text string) ([]Key, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errNoKeys
	}
	var keys []Key
	var mistakes []error
	for i, item := range strings.Split(text, ",") {
		material, err := decodeKey(strings.TrimSpace(item))
		if err == nil {
			err = checkKey(material)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("key %d: %w", i+1, err))
			continue
		}
		keys = append(keys, keyOf(material))
	}
	if len(keys) > maxKeys {
		mistakes = append(mistakes, errManyKeys)
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return keys, nil
}

var (
	errNoKeys   = errors.New("at least one key is required; make one with cookie.NewKey or: openssl rand -base64 32")
	errManyKeys = fmt.Errorf("at most %d keys", maxKeys)
	errZeroKey  = errors.New("is the zero Key")
	errBase64   = errors.New("is not base64")
	errWeakKey  = errors.New("is not random: too few different bytes")
)

func decodeKey(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	material, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, errBase64 // not err, which quotes the input
	}
	return material, nil
}

func checkKey(material []byte) error {
	if len(material) < keyLength || len(material) > maxKeyLength {
		return fmt.Errorf("has %d bytes, want %d", len(material), keyLength)
	}
	distinct := map[byte]bool{}
	for _, b := range material {
		distinct[b] = true
	}
	if len(distinct) < minDistinct {
		return errWeakKey
	}
	return nil
}

// Encode returns the key in base64, as [ParseKeys] reads it. It is the secret
// itself.
func (k Key) Encode() string {
	if k.material == nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(*k.material))
}

// sealing is the key of the cipher: the material itself, or drawn from it where
// it is longer.
func (k Key) sealing() ([]byte, error) {
	if k.material == nil {
		return nil, errZeroKey
	}
	if len(*k.material) == keyLength {
		return []byte(*k.material), nil
	}
	return hkdf.Key(sha256.New, []byte(*k.material), nil, "gatehouse cookie key", keyLength)
}

const redacted = "[redacted]"

// Format prints no key, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue logs no key.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText encodes no key.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
