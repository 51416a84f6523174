package cookie

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"

	"github.com/gatehouse-go/gatehouse/internal/memo"
)

const (
	nonceLength = 24
	tagLength   = 16
)

// xaes is XAES-256-GCM as C2SP specifies it: AES-256-GCM under a key derived from
// the first half of a 192-bit nonce, so that nonces can be random for as many
// messages as anybody will ever seal.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte // CMAC's subkey (NIST SP 800-38B §6.1)
	known *memo.Memo[half, cipher.AEAD]
	run   run
}

// half is the first half of a nonce, which a key is derived from.
type half [nonceLength / 2]byte

// maxKnown is how many derived ciphers are remembered, at 1.3 kB each: those that
// something genuine was sealed with, which strangers add none to.
const maxKnown = 256

func newXAES(key []byte) (*xaes, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	x := &xaes{block: block, known: memo.New[half, cipher.AEAD](maxKnown)}
	block.Encrypt(x.k1[:], x.k1[:])
	var carry byte
	for i := len(x.k1) - 1; i >= 0; i-- {
		carry, x.k1[i] = x.k1[i]>>7, x.k1[i]<<1|carry
	}
	x.k1[len(x.k1)-1] ^= carry * 0b10000111
	return x, nil
}

// derived is a message's key. It belongs to whoever seals or opens, because one
// that lives here would be allocated for every message.
type derived [2 * aes.BlockSize]byte

// seal appends the sealed plaintext to dst.
func (x *xaes) seal(dst, nonce, plaintext, data []byte) ([]byte, error) {
	first := half(nonce)
	gcm, ok := x.known.Get(first)
	if !ok {
		var err error
		if gcm, err = x.derive(new(derived), first); err != nil {
			return nil, err
		}
		x.known.Put(first, gcm)
	}
	return gcm.Seal(dst, nonce[len(first):], plaintext, data), nil
}

// open appends the opened ciphertext to dst. It fails when anything is not as it
// was sealed.
func (x *xaes) open(key *derived, dst, nonce, ciphertext, data []byte) ([]byte, error) {
	first := half(nonce)
	gcm, ok := x.known.Get(first)
	if !ok {
		var err error
		if gcm, err = x.derive(key, first); err != nil {
			return nil, err
		}
	}
	opened, err := gcm.Open(dst, nonce[len(first):], ciphertext, data)
	if err == nil && !ok {
		x.known.Put(first, gcm)
	}
	return opened, err
}

// derive makes the cipher that takes the nonce's second half.
func (x *xaes) derive(key *derived, first half) (cipher.AEAD, error) {
	for i := range 2 {
		part := key[i*aes.BlockSize:][:aes.BlockSize]
		copy(part, []byte{0, byte(i + 1), 'X', 0})
		copy(part[4:], first[:])
		subtle.XORBytes(part, part, x.k1[:])
		x.block.Encrypt(part, part)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
