package cookie

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gorilla/securecookie"
)

// ErrInvalid is returned for whatever is not exactly what was sealed, under this
// name and binding, by one of the keys. Why it isn't makes no difference.
var ErrInvalid = errors.New("cookie: not valid")

// Codec seals bytes into text and opens them again. It implements
// [securecookie.Codec], whose values must be []byte here, and is safe for
// concurrent use.
//
// Text is base64url of a 24-byte random nonce and the XAES-256-GCM ciphertext of
// the compressed bytes. Name and binding are authenticated with it.
type Codec struct {
	ciphers []*xaes
	binding []byte
	packer  *packer
}

var _ securecookie.Codec = (*Codec)(nil)

// NewCodec makes a Codec of keys, of which the first seals and all open. What
// was sealed opens only under the same binding: say what for and where, such as
// the purpose, the issuer and the client.
func NewCodec(keys []Key, binding ...string) (*Codec, error) {
	if len(keys) == 0 {
		return nil, errNoKeys
	}
	if len(keys) > maxKeys {
		return nil, errManyKeys
	}
	c := &Codec{packer: newPacker(), binding: []byte("gatehouse cookie 1")}
	for _, part := range binding {
		c.binding = appendPart(c.binding, part)
	}
	var mistakes []error
	for i, key := range keys {
		sealing, err := key.sealing()
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("key %d: %w", i+1, err))
			continue
		}
		cipher, err := newXAES(sealing)
		if err != nil {
			return nil, err
		}
		c.ciphers = append(c.ciphers, cipher)
	}
	return c, errors.Join(mistakes...)
}

func appendPart(b []byte, part string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// associated is what a message is bound to: no two lists of parts run together.
func (c *Codec) associated(buffer []byte, name string) []byte {
	return appendPart(append(buffer, c.binding...), name)
}

// Encode seals value, a []byte, under name.
func (c *Codec) Encode(name string, value any) (string, error) {
	plain, ok := value.([]byte)
	if !ok {
		return "", fmt.Errorf("cookie: can't seal a %T, only []byte", value)
	}
	packed := c.packer.pack(plain)
	sealed := make([]byte, nonceLength, nonceLength+len(packed)+tagLength)
	_, _ = rand.Read(sealed) // never fails (crypto/rand)
	sealed, err := c.ciphers[0].seal(sealed, sealed[:nonceLength], packed, c.associated(nil, name))
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Decode opens text, sealed under name, into dst, a *[]byte. Its error is
// [ErrInvalid].
func (c *Codec) Decode(name, text string, dst any) error {
	into, ok := dst.(*[]byte)
	if !ok {
		return fmt.Errorf("cookie: can't open into a %T, only *[]byte", dst)
	}
	opened, err := c.open(name, text)
	if err != nil {
		return err
	}
	*into = opened
	return nil
}

// strict refuses the stray bits that would let two texts open to one message.
var strict = base64.RawURLEncoding.Strict()

func (c *Codec) open(name, text string) ([]byte, error) {
	if len(text) > maxText {
		return nil, ErrInvalid
	}
	// One buffer for the text as bytes and for what it decodes to.
	room := strict.DecodedLen(len(text))
	buffer := append(make([]byte, room, room+len(text)), text...)
	n, err := strict.Decode(buffer, buffer[room:])
	if err != nil || n < nonceLength+tagLength {
		return nil, ErrInvalid
	}
	sealed := buffer[:n]
	nonce, ciphertext := sealed[:nonceLength], sealed[nonceLength:]
	associated := c.associated(make([]byte, 0, 256), name)
	for i, cipher := range c.ciphers {
		// Opening in place overwrites the ciphertext, so only the last may.
		var into []byte
		if i == len(c.ciphers)-1 {
			into = ciphertext[:0]
		}
		if packed, err := cipher.open(into, nonce, ciphertext, associated); err == nil {
			return c.packer.unpack(packed)
		}
	}
	return nil, ErrInvalid
}
