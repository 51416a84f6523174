package cookie

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gorilla/securecookie"
)

// Codec seals bytes into text and opens them again. It implements
// [securecookie.Codec], whose values must be []byte here, and is safe for
// concurrent use.
//
// Text is base64url, unpadded, of a random 24-byte nonce and the XAES-256-GCM
// ciphertext of the compressed bytes. Name and binding are authenticated with
// it. A Codec knows no expiry; that is the [Jar]'s.
type Codec struct {
	ciphers   []*xaes
	binding   []byte
	packer    *packer
	text      *base64url
	scratches sync.Pool // of *scratch
}

var _ securecookie.Codec = (*Codec)(nil)

// version begins what every message is bound to. It changes with the format.
const version = "gatehouse cookie 1"

// NewCodec makes a Codec of at most 16 keys, of which the first seals and all
// open. What was sealed opens only under the same binding: say what for and
// where, such as the purpose, the issuer and the client. The error joins every
// mistake in the keys.
func NewCodec(keys []Key, binding ...string) (*Codec, error) {
	c := &Codec{
		packer:  newPacker(),
		text:    newBase64url(),
		binding: appendPart(nil, version),
	}
	for _, part := range binding {
		c.binding = appendPart(c.binding, part)
	}
	mistakes := []error{checkCount(len(keys))}
	for i, key := range keys {
		cipher, err := key.cipher()
		if err != nil {
			mistakes = append(mistakes, keyMistake(i, err))
			continue
		}
		c.ciphers = append(c.ciphers, cipher)
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return c, nil
}

func appendPart(b []byte, part string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// associated appends what a message is bound to. Every part stands behind its
// length, so that no two lists of parts run together.
func (c *Codec) associated(b []byte, name string) []byte {
	return appendPart(append(b, c.binding...), name)
}

// Encode seals value, a []byte of up to 64 KiB, under name. The error is a
// [*TooLargeError] when the text would have more than 32,760 bytes, which is what
// eight cookies hold.
func (c *Codec) Encode(name string, value any) (string, error) {
	plain, ok := value.([]byte)
	if !ok {
		return "", fmt.Errorf("cookie: can't seal a %T, only []byte", value)
	}
	if c == nil || len(c.ciphers) == 0 {
		return "", errNoKeys
	}
	if err := fits(len(plain), maxPlain); err != nil {
		return "", err
	}
	packed := c.packer.pack(plain)
	size := nonceLength + len(packed) + tagLength
	if err := fits(base64.RawURLEncoding.EncodedLen(size), maxText); err != nil {
		return "", err
	}
	cipher, sealed := c.ciphers[0], make([]byte, nonceLength, size)
	cipher.run.nonce(sealed)
	sealed, err := cipher.seal(sealed, sealed, packed, c.associated(nil, name))
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Decode opens text, sealed under name, into dst, a *[]byte. The error is
// [ErrInvalid] when the text is not authentic.
func (c *Codec) Decode(name, text string, dst any) error {
	into, ok := dst.(*[]byte)
	if !ok {
		return fmt.Errorf("cookie: can't open into a %T, only *[]byte", dst)
	}
	if c == nil || len(c.ciphers) == 0 {
		return errNoKeys
	}
	opened, err := c.open(name, text)
	if err != nil {
		return err
	}
	*into = opened
	return nil
}

// scratch is memory that opening one message takes, and none of it afterwards.
type scratch struct {
	key   derived
	bytes []byte
}

// take returns n bytes, of any content.
func (s *scratch) take(n int) []byte {
	s.bytes = slices.Grow(s.bytes[:0], n)
	return s.bytes[:n]
}

func (c *Codec) open(name, text string) ([]byte, error) {
	size := decodedLen(len(text))
	if len(text) > maxText || size < nonceLength+tagLength {
		return nil, ErrInvalid
	}
	work, _ := c.scratches.Get().(*scratch)
	if work == nil {
		work = new(scratch)
	}
	defer c.scratches.Put(work)
	// The message, room to open it in, and what it is bound to: opened in place it
	// would be spoiled for a second key.
	room := size
	if len(c.ciphers) > 1 {
		room += size
	}
	buffer := work.take(room + len(c.binding) + binary.MaxVarintLen64 + len(name))
	if !c.text.decode(buffer[:size], text) {
		return nil, ErrInvalid
	}
	nonce, ciphertext := buffer[:nonceLength], buffer[nonceLength:size]
	into := buffer[room-len(ciphertext) : room][:0]
	associated := c.associated(buffer[room:room], name)
	for _, cipher := range c.ciphers {
		if packed, err := cipher.open(&work.key, into, nonce, ciphertext, associated); err == nil {
			return c.packer.unpack(packed)
		}
	}
	return nil, ErrInvalid
}
