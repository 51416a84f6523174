package main

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
)

// floors are what nobody can do without: the cryptography and the encoding.
func floors(s signer) []contender {
	return []contender{floorOpen(), floorBase64(), floorRSA(s), floorECDSA(), floorEd25519()}
}

func floorOpen() contender {
	block := must(aes.NewCipher([]byte(text(32))))
	aead := must(cipher.NewGCM(block))
	nonce := []byte(text(12))
	sealed := aead.Seal(nil, nonce, []byte(text(2000)), nil)
	into := make([]byte, 0, len(sealed))
	return contender{name: "AES-256-GCM open, 2 kB", run: func(n int) {
		for range n {
			must(aead.Open(into, nonce, sealed, nil))
		}
	}}
}

func floorBase64() contender {
	encoded := []byte(text(2700))
	into := make([]byte, len(encoded))
	return contender{name: "base64url decode, 2.7 kB", run: func(n int) {
		for range n {
			must(base64.RawURLEncoding.Decode(into, encoded))
		}
	}}
}

func digest() []byte {
	sum := sha256.Sum256([]byte(text(tokenBytes)))
	return sum[:]
}

func floorRSA(s signer) contender {
	hashed := digest()
	signature := must(rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, hashed))
	return contender{name: "RSA 2048 verify", run: func(n int) {
		for range n {
			check(rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, hashed, signature))
		}
	}}
}

func floorECDSA() contender {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	hashed := digest()
	signature := must(ecdsa.SignASN1(rand.Reader, key, hashed))
	return contender{name: "ECDSA P-256 verify", run: func(n int) {
		for range n {
			if !ecdsa.VerifyASN1(&key.PublicKey, hashed, signature) {
				panic("not verified")
			}
		}
	}}
}

func floorEd25519() contender {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	check(err)
	message := []byte(text(tokenBytes))
	signature := ed25519.Sign(private, message)
	return contender{name: "Ed25519 verify, 1.1 kB", run: func(n int) {
		for range n {
			if !ed25519.Verify(public, message, signature) {
				panic("not verified")
			}
		}
	}}
}
