package gatehouse

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/shelf"
	"github.com/gatehouse-go/gatehouse/refresh"
)

// refusedTokens are access tokens that another service has refused and that couldn't
// be renewed at once, because the cookies of the request were written. The next
// request of their session renews them, although they aren't due.
type refusedTokens struct {
	clock func() time.Time
	some  atomic.Bool // whether there are any, which most processes never have

	mu    sync.Mutex
	known *shelf.Shelf[string, struct{}]
}

const (
	refusedEntries = 10_000
	refusedMemory  = time.Hour
)

func newRefusedTokens(clock func() time.Time) *refusedTokens {
	return &refusedTokens{clock: clock, known: shelf.New[string, struct{}](refusedEntries, refusedEntries, nil)}
}

// add notes the tokens that key names.
func (t *refusedTokens) add(key refresh.Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	t.known.Put(string(key[:]), struct{}{}, 1, now, now.Add(refusedMemory))
	t.some.Store(true)
}

// has reports whether the tokens of s were refused.
func (t *refusedTokens) has(s *session) bool {
	if !t.some.Load() {
		return false
	}
	key := s.key()
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	t.known.Sweep(now)
	t.some.Store(t.known.Len() > 0)
	_, refused := t.known.Get(string(key[:]), now)
	return refused
}
