package interop

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/luikyv/go-oidc/pkg/goidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// keyring holds the signing keys of a provider, the newest first.
type keyring struct {
	mu   sync.Mutex
	keys []jose.JSONWebKey
}

// add makes a key, which signs from now on.
func (k *keyring) add(t testing.TB) {
	t.Helper()
	key := newKey(t)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = append([]jose.JSONWebKey{key}, k.keys...)
}

// all returns the keys. What it returned before is not changed by add.
func (k *keyring) all() []jose.JSONWebKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys
}

func newKey(t testing.TB) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: rand.Text(), Algorithm: string(jose.RS256), Use: "sig"}
}

// jwks is the keyring as go-oidc asks for it, which signs with the first key.
func (k *keyring) jwks(context.Context) (goidc.JSONWebKeySet, error) {
	return goidc.JSONWebKeySet{Keys: k.all()}, nil
}

// zitadelKey is a key as zitadel/oidc asks for it.
type zitadelKey struct {
	key    jose.JSONWebKey
	public bool
}

func (z zitadelKey) ID() string                                  { return z.key.KeyID }
func (z zitadelKey) Use() string                                 { return z.key.Use }
func (z zitadelKey) Algorithm() jose.SignatureAlgorithm          { return jose.RS256 }
func (z zitadelKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

func (z zitadelKey) Key() any {
	if z.public {
		return z.key.Public().Key
	}
	return z.key.Key
}

func (k *keyring) signing() op.SigningKey { return zitadelKey{key: k.all()[0]} }

func (k *keyring) published() []op.Key {
	var keys []op.Key
	for _, key := range k.all() {
		keys = append(keys, zitadelKey{key, true})
	}
	return keys
}
