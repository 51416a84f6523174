package oidctest

import (
	"net/http"
	"slices"
	"sync"
)

// keyring holds the published keys. The first is made when it is needed.
type keyring struct {
	mu        sync.Mutex
	algorithm string // of the key to make
	keys      []*Key
}

func newKeyring(algorithm string, keys []*Key) *keyring {
	if isHMAC(algorithm) {
		algorithm = "ES256"
	}
	return &keyring{algorithm: algorithm, keys: slices.Clone(keys)}
}

// all returns the published keys, the signing one first.
func (k *keyring) all() []*Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.keys) == 0 {
		k.keys = []*Key{NewKey(k.algorithm)}
	}
	return slices.Clone(k.keys)
}

func (k *keyring) set(keys []*Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = slices.Clone(keys)
}

// algorithms returns those of the published keys, without making one.
func (k *keyring) algorithms() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.keys) == 0 {
		return []string{k.algorithm}
	}
	var names []string
	for _, key := range k.keys {
		if !slices.Contains(names, key.Algorithm) {
			names = append(names, key.Algorithm)
		}
	}
	return names
}

// Keys returns the published keys; the first one signs.
func (p *Provider) Keys() []*Key { return p.keys.all() }

// SetKeys publishes these keys, and no others. The first one signs.
func (p *Provider) SetKeys(signing *Key, others ...*Key) {
	p.keys.set(append([]*Key{signing}, others...))
}

// RotateKeys makes a new signing key of the same algorithm. The old keys stay
// published; [Provider.RetireKeys] takes them out.
func (p *Provider) RotateKeys() {
	old := p.keys.all()
	p.SetKeys(NewKey(old[0].Algorithm), old...)
}

// RetireKeys publishes the signing key alone: tokens signed by older ones stop
// verifying once the JWKS is fetched again.
func (p *Provider) RetireKeys() { p.SetKeys(p.keys.all()[0]) }

// jwks answers the published keys (RFC 7517 §5).
func (p *Provider) jwks(w http.ResponseWriter, r *http.Request) {
	keys := []any{}
	for _, key := range p.keys.all() {
		if jwk := key.JWK(); jwk != nil {
			keys = append(keys, jwk)
		}
	}
	p.answer(w, JWKS, map[string]any{"keys": keys})
}

// OddKeys returns entries that a JWKS may hold beside good ones and that sign
// nothing: an encryption key, an unknown type, an unknown curve, a shared
// secret, values of the wrong type or that don't decode, and things that are no
// key at all. A client is expected to skip them (RFC 7517 §5). See [Provider.OnAnswer].
func OddKeys() []any {
	encryption := NewKey("ES256").JWK()
	encryption["use"], encryption["alg"] = "enc", "ECDH-ES"
	return []any{
		encryption,
		map[string]any{"kty": "AKP", "kid": "odd-type", "alg": "ML-DSA-44", "pub": "AQAB"},
		map[string]any{"kty": "EC", "kid": "odd-curve", "crv": "P-640", "x": "AQAB", "y": "AQAB"},
		map[string]any{"kty": "EC", "kid": "odd-point", "crv": "P-256", "x": "AQAB", "y": "AQAB"},
		map[string]any{"kty": "oct", "kid": "odd-secret", "k": "c2VjcmV0"},
		map[string]any{"kty": "RSA", "kid": "odd-modulus", "n": "!", "e": "AQAB"},
		map[string]any{"kty": "RSA", "kid": 7, "n": nil, "e": []any{}},
		map[string]any{},
		"key",
		nil,
	}
}
