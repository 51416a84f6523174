package oidc

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	// keysLifetime is how long published keys are trusted before they are read
	// again.
	keysLifetime = 10 * time.Minute
	// keysStale is how much longer they are while the provider can't be reached.
	keysStale = 24 * time.Hour
	// keysRecheck is how old keys are at least when a bad signature under a known
	// kid has them read again: providers have been seen to reuse a kid.
	keysRecheck = time.Minute

	// Tokens of strangers cost at most keysBurst fetches, and one more every
	// keysInterval: five in ten seconds.
	keysBurst    = 5
	keysInterval = 10 * time.Second
	maxKeys      = 100
)

// keySet holds the keys that the provider publishes. It verifies signatures for
// go-oidc, whose own key set fetches once for every bad signature.
type keySet struct {
	client *Client
	group  singleflight.Group

	mu      sync.Mutex
	keys    []key
	fetched time.Time
	fetches []time.Time // of the last keysInterval
}

// key is one published key (RFC 7517 §4).
type key struct {
	kid, alg string
	public   crypto.PublicKey
}

func newKeySet(c *Client) *keySet { return &keySet{client: c} }

// VerifySignature implements go-oidc's KeySet. It returns the payload.
func (k *keySet) VerifySignature(ctx context.Context, text string) ([]byte, error) {
	m, err := k.client.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	token, err := parseJWS(text)
	if err != nil {
		return nil, fail(ErrToken, "signature", err)
	}
	if !slices.Contains(m.algorithms, token.alg) {
		return nil, fail(ErrToken, "signature", errors.New("the algorithm is not allowed"))
	}
	if _, hmac := symmetric[token.alg]; hmac {
		if err := token.verify([]byte(k.client.secret.Reveal())); err != nil {
			return nil, fail(ErrToken, "signature", errBadSignature)
		}
		return token.payload, nil
	}
	return token.payload, k.verify(ctx, token)
}

var (
	errBadSignature = errors.New("bad signature")
	errUnknownKey   = errors.New("signed by an unknown key")
)

// verify tries the keys that are known, and once more when newer ones might do.
func (k *keySet) verify(ctx context.Context, token *jws) error {
	keys, err := k.current(ctx)
	if err != nil {
		return err
	}
	verdict := verifyBy(keys, token)
	if verdict == nil || verdict == errBadSignature && k.age() < keysRecheck {
		return notValid(verdict)
	}
	newer, err := k.refetch(ctx)
	switch {
	case err == errEmptyBucket:
		return notValid(verdict)
	case err != nil:
		return err
	}
	return notValid(verifyBy(newer, token))
}

func notValid(verdict error) error {
	if verdict == nil {
		return nil
	}
	return fail(ErrToken, "signature", verdict)
}

// verifyBy tries every key that fits by kid, type and algorithm. Several may
// share a kid, and a token without one may be by any of them.
func verifyBy(keys []key, token *jws) error {
	verdict := errUnknownKey
	for _, key := range keys {
		if token.kid != "" && key.kid != token.kid || key.alg != "" && key.alg != token.alg || !fits(key.public, token.alg) {
			continue
		}
		if token.verify(key.public) == nil {
			return nil
		}
		verdict = errBadSignature
	}
	return verdict
}

func (k *keySet) age() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.client.clock().Sub(k.fetched)
}

// current returns the keys, read again where they have become old. Where that
// fails, old ones serve for a while.
func (k *keySet) current(ctx context.Context) ([]key, error) {
	k.mu.Lock()
	keys, age := k.keys, k.client.clock().Sub(k.fetched)
	k.mu.Unlock()
	if keys != nil && age < keysLifetime {
		return keys, nil
	}
	newer, err := k.refetch(ctx)
	if err != nil && keys != nil && age < keysStale {
		return keys, nil
	}
	if err == errEmptyBucket {
		err = fail(ErrUnavailable, "jwks", err)
	}
	return newer, err
}

var errEmptyBucket = errors.New("the keys were read too often")

// refetch reads the keys, once for all who ask at the same time, and not more
// often than the bucket allows.
func (k *keySet) refetch(ctx context.Context) ([]key, error) {
	fetching := k.group.DoChan("", func() (any, error) {
		if !k.take() {
			return nil, errEmptyBucket
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), budget)
		defer cancel()
		return k.fetch(ctx)
	})
	select {
	case result := <-fetching:
		keys, _ := result.Val.([]key)
		return keys, result.Err
	case <-ctx.Done():
		return nil, unavailable("jwks", ctx.Err())
	}
}

// take takes one fetch out of the bucket.
func (k *keySet) take() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.client.clock()
	k.fetches = slices.DeleteFunc(k.fetches, func(t time.Time) bool { return now.Sub(t) >= keysInterval })
	if len(k.fetches) >= keysBurst {
		return false
	}
	k.fetches = append(k.fetches, now)
	return true
}

func (k *keySet) fetch(ctx context.Context) ([]key, error) {
	m, err := k.client.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	body, _, err := k.client.get(ctx, "jwks", m.jwks, "")
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(body)
	if err != nil {
		return nil, unavailable("jwks", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.fetched = keys, k.client.clock()
	return keys, nil
}

// parseKeys reads a JWK Set (RFC 7517 §5), entry by entry: what is broken, of an
// unknown type, for encryption or too weak is passed over, as its §5 asks.
func parseKeys(body []byte) ([]key, error) {
	var document map[string]json.RawMessage
	var entries []json.RawMessage
	if err := json.Unmarshal(body, &document); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(document["keys"], &entries); err != nil {
		return nil, err
	}
	keys := []key{}
	for _, entry := range entries[:min(len(entries), maxKeys)] {
		if parsed, ok := parseKey(entry); ok {
			keys = append(keys, parsed)
		}
	}
	return keys, nil
}

// publicMembers are those of a key that matter to a verifier. A broken
// certificate beside them doesn't break the key.
var publicMembers = []string{"kty", "kid", "use", "key_ops", "alg", "n", "e", "crv", "x", "y"}

func parseKey(entry []byte) (key, bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(entry, &members) != nil {
		return key{}, false
	}
	for name := range members {
		if !slices.Contains(publicMembers, name) {
			delete(members, name)
		}
	}
	var operations []string
	if ops, ok := members["key_ops"]; ok && (json.Unmarshal(ops, &operations) != nil || !slices.Contains(operations, "verify")) {
		return key{}, false
	}
	delete(members, "key_ops")
	clean, err := json.Marshal(members)
	if err != nil {
		return key{}, false
	}
	var parsed jose.JSONWebKey
	if parsed.UnmarshalJSON(clean) != nil || parsed.Use != "" && parsed.Use != "sig" || !acceptable(parsed.Key) {
		return key{}, false
	}
	return key{kid: parsed.KeyID, alg: parsed.Algorithm, public: parsed.Key}, true
}
