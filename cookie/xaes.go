package cookie

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

const (
	nonceLength = 24
	tagLength   = 16
)

// xaes is XAES-256-GCM as C2SP specifies it: AES-256-GCM under a key derived for
// every message from half of a 192-bit nonce, so that nonces can be random for
// as many messages as anybody will ever seal.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte // CMAC's subkey (NIST SP 800-38B §6.1)
}

func newXAES(key []byte) (*xaes, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	x := &xaes{block: block}
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

// gcm derives the message's cipher, which takes the nonce's second half.
func (x *xaes) gcm(key *derived, nonce []byte) (cipher.AEAD, error) {
	for i := range 2 {
		half := key[i*aes.BlockSize:][:aes.BlockSize]
		copy(half, []byte{0, byte(i + 1), 'X', 0})
		copy(half[4:], nonce[:12])
		subtle.XORBytes(half, half, x.k1[:])
		x.block.Encrypt(half, half)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal appends the sealed plaintext to dst.
func (x *xaes) seal(dst, nonce, plaintext, data []byte) ([]byte, error) {
	gcm, err := x.gcm(new(derived), nonce)
	if err != nil {
		return nil, err
	}
	return gcm.Seal(dst, nonce[12:], plaintext, data), nil
}

// open appends the opened ciphertext to dst. It fails when anything is not as it
// was sealed.
func (x *xaes) open(key *derived, dst, nonce, ciphertext, data []byte) ([]byte, error) {
	gcm, err := x.gcm(key, nonce)
	if err != nil {
		return nil, err
	}
	return gcm.Open(dst, nonce[12:], ciphertext, data)
}
