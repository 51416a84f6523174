package interop

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"strconv"
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

// add has another key sign from now on.
func (k *keyring) add(t testing.TB) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = append([]jose.JSONWebKey{keyNumber(t, len(k.keys))}, k.keys...)
}

// all returns the keys. What it returned before is not changed by add.
func (k *keyring) all() []jose.JSONWebKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys
}

// signingKeys are made when they are first needed, and serve every provider:
// making them takes longer than most tests.
var signingKeys = [...]func() (*rsa.PrivateKey, error){
	sync.OnceValues(newKey), sync.OnceValues(newKey), sync.OnceValues(newKey),
}

func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// keyNumber returns a provider's nth key.
func keyNumber(t testing.TB, n int) jose.JSONWebKey {
	t.Helper()
	key, err := signingKeys[n]()
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: "key-" + strconv.Itoa(n), Algorithm: string(jose.RS256), Use: "sig"}
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
