package cookie

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/secret"
	"github.com/gorilla/securecookie"
)

const (
	keyLength    = 32 // bytes of a sealing key
	maxKeyLength = 64
	maxKeys      = 16
	// minDistinct is how many different bytes a key has at least. Of 32 random
	// bytes some 30 are different; fewer than 8 are a word, or nothing.
	minDistinct = 8
)

// Key seals and opens cookies. The zero Key is invalid. A Key never prints
// itself; [Key.Encode] is the one way to get it out.
type Key struct{ material secret.String }

// NewKey makes a random key of 32 bytes.
func NewKey() Key {
	material := securecookie.GenerateRandomKey(keyLength)
	if material == nil { // securecookie's word for a failing random source
		panic("cookie: no random bytes")
	}
	return keyOf(material)
}

func keyOf(material []byte) Key {
	return Key{secret.New(string(material))}
}

// ParseKeys reads keys in base64 (standard or URL alphabet, padded or not),
// separated by commas: the first seals, all open. A key has 32 bytes, or up to
// 64, from which the 32 are derived. Keys that are too short or obviously not
// random are refused, and so are an empty list and one of more than 16; the error
// joins every mistake, names its position and shows no key.
func ParseKeys(text string) ([]Key, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errNoKeys
	}
	items := strings.Split(text, ",")
	mistakes := []error{checkCount(len(items))}
	var keys []Key
	for i, item := range items[:min(len(items), maxKeys)] {
		material, err := decodeKey(strings.TrimSpace(item))
		if err == nil {
			err = checkKey(material)
		}
		if err != nil {
			mistakes = append(mistakes, keyMistake(i, err))
			continue
		}
		keys = append(keys, keyOf(material))
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return keys, nil
}

var (
	errNoKeys   = errors.New("at least one key is required; make one with cookie.NewKey or: openssl rand -base64 32")
	errManyKeys = fmt.Errorf("at most %d keys", maxKeys)
	errZeroKey  = errors.New("is the zero Key")
	errBase64   = errors.New("is not base64")
	errUniform  = errors.New("is not random: too few different bytes")
	errRepeats  = errors.New("is not random: it repeats itself")
)

func keyMistake(i int, err error) error { return fmt.Errorf("key %d: %w", i+1, err) }

func checkCount(keys int) error {
	switch {
	case keys == 0:
		return errNoKeys
	case keys > maxKeys:
		return errManyKeys
	}
	return nil
}

func decodeKey(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	material, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, errBase64 // not err, which quotes the input
	}
	return material, nil
}

// checkKey finds what no random source makes: it can't tell a good key, only
// the placeholder that somebody forgot to replace.
func checkKey(material []byte) error {
	if len(material) < keyLength || len(material) > maxKeyLength {
		return fmt.Errorf("has %d bytes, want %d", len(material), keyLength)
	}
	distinct := map[byte]bool{}
	for _, b := range material {
		distinct[b] = true
	}
	if len(distinct) < minDistinct {
		return errUniform
	}
	for period := minDistinct; period <= len(material)/2; period++ {
		if bytes.Equal(material[period:], material[:len(material)-period]) {
			return errRepeats
		}
	}
	return nil
}

// Encode returns the key in base64, as [ParseKeys] reads it. It is the secret
// itself; "" for the zero Key.
func (k Key) Encode() string {
	return base64.StdEncoding.EncodeToString([]byte(k.material.Reveal()))
}

// cipher is what the key seals with: under the material itself, or, where that
// is longer, under 32 bytes drawn from it (HKDF, RFC 5869).
func (k Key) cipher() (*xaes, error) {
	if k.material.IsZero() {
		return nil, errZeroKey
	}
	sealing := []byte(k.material.Reveal())
	if len(sealing) > keyLength {
		var err error
		if sealing, err = hkdf.Key(sha256.New, sealing, nil, "gatehouse cookie key", keyLength); err != nil {
			return nil, err
		}
	}
	return newXAES(sealing)
}

// Format prints no key, whatever the verb; fmt itself answers %p and %T, with an
// address and a type.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Redacted) }

// LogValue logs no key.
func (Key) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }

// MarshalText encodes no key, in JSON too.
func (Key) MarshalText() ([]byte, error) { return []byte(secret.Redacted), nil }
