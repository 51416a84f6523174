package oidc

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/caught"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	// keysLifetime is how long published keys are trusted before they are read
	// again.
	keysLifetime = 10 * time.Minute
	// keysStale is how much longer they are while the provider can't be reached.
	keysStale = 24 * time.Hour
	// keysPause is how long nobody who can go on with old keys waits for newer ones,
	// after somebody has waited in vain.
	keysPause = 30 * time.Second
	// keysRecheck is how old keys are at least when a bad signature under a known
	// kid has them read again: providers have been seen to reuse a kid. In a renewal
	// they needn't be old, since no stranger has a say in what the provider answers.
	keysRecheck = time.Minute

	// Tokens of strangers cost at most keysBurst fetches, and one more every
	// keysInterval: five in ten seconds.
	keysBurst    = 5
	keysInterval = 10 * time.Second
	maxKeys      = 100
)

// keySet holds the keys that a provider publishes, or those it was given.
type keySet struct {
	caller
	address func(context.Context) (string, error) // of the JWK Set; nil for keys that were given
	group   singleflight.Group
	known   atomic.Pointer[published]

	mu      sync.Mutex
	fetches []time.Time // of the last keysInterval
	failed  time.Time   // when reading them last did, or took too long; zero when it succeeded
}

// published are the keys as they were read at one time.
type published struct {
	keys    []key
	fetched time.Time
}

// key is one published key (RFC 7517 §4).
type key struct {
	kid, alg string
	anyKid   bool             // it was given without a kid, and serves tokens with any
	public   crypto.PublicKey // or the bytes of a shared secret
}

func newKeySet(c caller, address func(context.Context) (string, error)) *keySet {
	return &keySet{caller: c, address: address}
}

// newFixedKeys holds keys that nobody publishes.
func newFixedKeys(c caller, keys []key) *keySet {
	k := &keySet{caller: c}
	k.known.Store(&published{keys: keys})
	return k
}

// verifySignature checks a signature by the keys of the provider, or by the client's
// secret, and returns the payload. It serves in place of go-oidc's own key set,
// which fetches once for every bad signature; known keys of at least the age recheck
// are read again for one.
func (c *Client) verifySignature(ctx context.Context, text string, recheck time.Duration) ([]byte, error) {
	m, err := c.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	token, err := parseJWS(text)
	if err != nil {
		return nil, fail(ErrToken, "signature", err)
	}
	if !slices.Contains(c.algorithms(m), token.alg) {
		return nil, fail(ErrToken, "signature", errors.New("the algorithm is not allowed"))
	}
	if _, hmac := symmetric[token.alg]; hmac {
		if err := token.verify([]byte(c.secret.Reveal())); err != nil {
			return nil, fail(ErrToken, "signature", errBadSignature)
		}
		return token.payload, nil
	}
	_, err = c.keys.verify(ctx, token, recheck)
	return token.payload, err
}

var (
	errBadSignature = errors.New("bad signature")
	errUnknownKey   = errors.New("signed by an unknown key")
)

// verify tries the keys that are known, and once more when newer ones might do.
// It returns the key that verified.
func (k *keySet) verify(ctx context.Context, token *jws, recheck time.Duration) (any, error) {
	known, err := k.current(ctx)
	if err != nil {
		return nil, err
	}
	by, verdict := verifyBy(known.keys, token)
	if verdict == nil || k.address == nil || verdict == errBadSignature && k.clock().Sub(known.fetched) < recheck {
		return by, notValid(verdict)
	}
	newer, err := k.refetch(ctx, known)
	switch {
	case err == errEmptyBucket && k.failing():
		return nil, fail(ErrUnavailable, "jwks", err)
	case err == errEmptyBucket:
		return nil, notValid(fmt.Errorf("%w, and %w", verdict, err))
	case err != nil:
		return nil, err
	}
	by, verdict = verifyBy(newer.keys, token)
	return by, notValid(verdict)
}

// holds reports whether a key is still among them.
func (p *published) holds(by any) bool {
	return slices.ContainsFunc(p.keys, func(key key) bool { return sameKey(key.public, by) })
}

func sameKey(a, b any) bool {
	if secret, ok := a.([]byte); ok {
		other, ok := b.([]byte)
		return ok && bytes.Equal(secret, other)
	}
	comparable, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && comparable.Equal(b)
}

func notValid(verdict error) error {
	if verdict == nil {
		return nil
	}
	return fail(ErrToken, "signature", verdict)
}

// verifyBy tries every key that fits by kid, type and algorithm, and returns the
// one that did. Several may share a kid, and a token without one may be by any of
// them. Where it is by none that has its kid, the others are tried as well: what Ory
// Hydra issues for a session that is older than its newest key is signed by that, and
// names the one before. A kid is a hint (RFC 7515 §4.1.4), and all are the issuer's.
func verifyBy(keys []key, token *jws) (any, error) {
	var others []key
	verdict := errUnknownKey
	for _, key := range keys {
		switch {
		case key.alg != "" && key.alg != token.alg || !fits(key.public, token.alg):
		case token.kid != "" && key.kid != token.kid && !key.anyKid:
			others = append(others, key)
		case token.verify(key.public) == nil:
			return key.public, nil
		default:
			verdict = errBadSignature
		}
	}
	if verdict == errUnknownKey {
		return nil, verdict
	}
	for _, key := range others {
		if token.verify(key.public) == nil {
			return key.public, nil
		}
	}
	return nil, verdict
}

// current returns the keys, read again where they have become old. Where that
// fails or takes long, old ones serve for a while.
func (k *keySet) current(ctx context.Context) (*published, error) {
	known := k.known.Load()
	if k.address == nil {
		return known, nil
	}
	var age time.Duration
	if known != nil {
		age = k.clock().Sub(known.fetched)
		if age < keysLifetime {
			return known, nil
		}
	}
	stale := known != nil && age < keysStale
	if stale && k.failedLately() {
		return known, nil
	}
	patient := ctx
	if stale {
		var cancel context.CancelFunc
		patient, cancel = context.WithTimeout(ctx, stalePatience)
		defer cancel()
	}
	newer, err := k.refetch(patient, known)
	if err != nil && stale {
		k.waitedInVain(known)
		return known, nil
	}
	if err == errEmptyBucket {
		err = fail(ErrUnavailable, "jwks", err)
	}
	return newer, err
}

var errEmptyBucket = errors.New("the keys were read too often")

// refetch returns newer keys than known, nil for none. They are read once for all who
// know the same, and not more often than the bucket allows.
func (k *keySet) refetch(ctx context.Context, known *published) (*published, error) {
	if k.address == nil {
		return nil, errEmptyBucket
	}
	fetching := k.group.DoChan(fmt.Sprintf("%p", known), func() (_ any, err error) {
		defer caught.Into(&err, "the reading of keys")
		if newer := k.known.Load(); newer != known { // read by others, since this one looked
			return newer, nil
		}
		if !k.take() {
			return nil, errEmptyBucket
		}
		ctx, done := k.background.begin(ctx)
		defer done()
		newer, err := k.fetch(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		if err != nil {
			k.failed = k.clock()
			return nil, err
		}
		k.failed = time.Time{}
		k.known.Store(newer)
		return newer, nil
	})
	select {
	case result := <-fetching:
		newer, _ := result.Val.(*published)
		return newer, result.Err
	case <-ctx.Done():
		return nil, unavailable("jwks", ctx.Err())
	}
}

// failedLately reports whether asking again would be too early for somebody who
// can go on without.
func (k *keySet) failedLately() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return within(keysPause, k.failed, k.clock())
}

// waitedInVain notes that nothing newer than known came in time.
func (k *keySet) waitedInVain(known *published) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known.Load() == known {
		k.failed = k.clock()
	}
}

// failing reports whether the keys couldn't be read when they last were to be.
func (k *keySet) failing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.failed.IsZero()
}

// take takes one fetch out of the bucket. As long as no keys are known there is no
// stranger's token to blame, and everybody waits for them: a failure then keeps
// others from trying for a second only.
func (k *keySet) take() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock()
	k.fetches = slices.DeleteFunc(k.fetches, func(t time.Time) bool { return !within(keysInterval, t, now) })
	full := len(k.fetches) >= keysBurst
	if k.known.Load() == nil {
		full = within(failureMemory, k.failed, now)
	}
	if !full {
		k.fetches = append(k.fetches, now)
	}
	return !full
}

func (k *keySet) fetch(ctx context.Context) (*published, error) {
	address, err := k.address(ctx)
	if err != nil {
		return nil, err
	}
	body, _, err := k.get(ctx, "jwks", address, "application/json")
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(body)
	if err != nil {
		return nil, unavailable("jwks", err)
	}
	return &published{keys, k.clock()}, nil
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
