package cookie

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// probe is what is sealed to see whether it is.
const probe = "probe of seals"

// checkCodec tries the codec, for one of gorilla's tells only then that it has no key,
// or a serializer that changes what it is given, and never that it has a key for
// signatures alone.
func (j *Jar) checkCodec() error {
	if j.codec == nil {
		return errors.New("Codec: is required")
	}
	text, err := j.codec.Encode(j.name, []byte(probe)) // which gorilla's encrypts in place
	if err != nil {
		return fmt.Errorf("Codec: does not seal: %w", err)
	}
	var opened []byte
	if err := j.codec.Decode(j.name, text, &opened); err != nil {
		return fmt.Errorf("Codec: does not open what it sealed: %w", err)
	}
	switch {
	case string(opened) != probe || !validText(text):
		return errors.New("Codec: must seal []byte as they are, into text that a cookie can hold")
	case readable(text):
		return errors.New("Codec: must encrypt; gorilla/securecookie does with a block key")
	case j.malleable(text):
		return errors.New("Codec: must not open what it didn't seal")
	}
	return nil
}

// readable reports whether text shows the probe, as it is or in base64, of whose layers
// gorilla/securecookie has two.
func readable(text string) bool {
	for range 3 {
		for _, shown := range []string{probe, base64.RawURLEncoding.EncodeToString([]byte(probe))} {
			if strings.Contains(text, shown) {
				return true
			}
		}
		decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(text), "="))
		if err != nil {
			return false
		}
		text = string(decoded)
	}
	return false
}

// malleable reports whether text opens to something else once a character of it is
// another one. That it opens to the same is base64's doing, whose last character may have
// bits that nobody reads.
func (j *Jar) malleable(text string) bool {
	for i := range len(text) {
		other := "A"
		if text[i] == 'A' {
			other = "B"
		}
		if opened, err := j.decodeForeign(text[:i] + other + text[i+1:]); err == nil && string(opened) != probe {
			return true
		}
	}
	return false
}
