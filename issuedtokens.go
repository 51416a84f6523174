package gatehouse

import (
	"context"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/shelf"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/refresh"
)

// issuedTokens remembers tokens that can be asked for at any time, and asks once for
// all who wait. When the provider is away, a token serves to its end.
type issuedTokens struct {
	clock   func() time.Time
	flights *refresh.Group

	mu    sync.Mutex
	known *shelf.Shelf[string, oidc.Tokens]
}

const (
	issuedEntries = 10_000
	issuedBytes   = 64 << 20
)

func newIssuedTokens(flights *refresh.Group, clock func() time.Time) *issuedTokens {
	return &issuedTokens{clock: clock, flights: flights, known: shelf.New[string, oidc.Tokens](issuedEntries, issuedBytes, nil)}
}

// get returns the token that key names, new where ask brings one and the old one is
// due. ask runs once at a time.
func (i *issuedTokens) get(ctx context.Context, key refresh.Key, ask func(context.Context) (oidc.Tokens, error)) (oidc.Tokens, error) {
	old, known := i.lookup(key)
	if known && !i.flights.Due(old.Issued(), old.Expires()) {
		return old, nil
	}
	value, err := i.flights.Do(ctx, key, func(ctx context.Context) (refresh.Result, error) {
		// Somebody may have brought one since.
		if kept, ok := i.lookup(key); ok && !i.flights.Due(kept.Issued(), kept.Expires()) {
			return refresh.Result{Value: kept.Bytes()}, nil
		}
		tokens, err := ask(ctx)
		if err != nil {
			return refresh.Result{}, err
		}
		i.keep(key, tokens)
		return refresh.Result{Value: tokens.Bytes()}, nil
	})
	if err != nil {
		if old, known = i.lookup(key); known {
			return old, nil
		}
		return oidc.Tokens{}, err
	}
	return oidc.ParseTokens(value)
}

func (i *issuedTokens) lookup(key refresh.Key) (oidc.Tokens, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.known.Get(string(key[:]), i.clock())
}

func (i *issuedTokens) keep(key refresh.Key, tokens oidc.Tokens) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.known.Put(string(key[:]), tokens, len(tokens.Bytes()), i.clock(), tokens.Expires())
}

// forget drops a token that a service has refused, unless it is another one by now.
func (i *issuedTokens) forget(key refresh.Key, refused string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if kept, ok := i.known.Get(string(key[:]), i.clock()); ok && kept.AccessToken() == refused {
		i.known.Remove(string(key[:]))
	}
}
