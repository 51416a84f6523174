package gatehouse

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/shelf"
)

// MemoryStore keeps sessions in this process's memory, for one process and for
// tests: it is a [Store], [Revocations], [Directory], [Watcher] and
// [refresh.Coordinator] in one, and several gates may share it. What it holds is
// gone when the process ends. Make one with [NewMemoryStore]; it is safe for
// concurrent use.
type MemoryStore struct {
	clock    func() time.Time
	denials  *denylist
	renewals *memoryCoordinator

	mu       sync.RWMutex // read by Load, which every request does
	sessions *shelf.Shelf[string, []byte]
	entries  *shelf.Shelf[string, []byte]   // by owner and id
	owned    map[string]map[string]struct{} // ids, by owner
	watchers map[*watcher]struct{}
}

type watcher struct{ changed func(names []string) }

// MemoryStoreConfig bounds a [MemoryStore]. Its zero value is usable.
type MemoryStoreConfig struct {
	// MaxSessions bounds how many sessions are kept, MaxBytes how large they are
	// together. The ones that were not used for long go first, and their people
	// have to sign in again. Default 100,000 and 512 MiB.
	MaxSessions, MaxBytes int
	// MaxRevocations bounds how many revocations are kept. One more than that
	// ends every session begun until then, so that none is forgotten; what anybody
	// may have said, by a front-channel logout, fills half of that at most. Default
	// 250,000.
	MaxRevocations int
	// Clock tells the time. Default time.Now.
	Clock func() time.Time
}

const defaultRevocations = 250_000

// NewMemoryStore returns an empty MemoryStore. A negative bound counts as zero,
// and so as the default.
func NewMemoryStore(config MemoryStoreConfig) *MemoryStore {
	if config.Clock == nil {
		config.Clock = time.Now
	}
	sessions := orDefault(max(config.MaxSessions, 0), 100_000)
	size := orDefault(max(config.MaxBytes, 0), 512<<20)
	s := &MemoryStore{
		clock:    config.Clock,
		denials:  newDenylist(orDefault(max(config.MaxRevocations, 0), defaultRevocations), config.Clock),
		renewals: newMemoryCoordinator(config.Clock),
		sessions: shelf.New[string, []byte](sessions, size, nil),
		owned:    map[string]map[string]struct{}{},
		watchers: map[*watcher]struct{}{},
	}
	s.denials.offers = s.denials.most / 2
	s.entries = shelf.New(sessions, size, func(key string, _ []byte) { s.disown(key) })
	return s
}

// Load implements [Store].
func (s *MemoryStore) Load(_ context.Context, id string) ([]byte, error) {
	now := s.clock()
	s.mu.RLock()
	defer s.mu.RUnlock()
	value, _ := s.sessions.Look(id, now)
	return value, nil
}

// Save implements [Store].
func (s *MemoryStore) Save(_ context.Context, id string, previous, value []byte, expires time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	kept, ok := s.sessions.Get(id, now)
	if ok != (previous != nil) || !bytes.Equal(kept, previous) {
		return false, nil
	}
	s.sessions.Put(id, slices.Clone(value), len(id)+len(value), now, expires)
	return true, nil
}

// Delete implements [Store].
func (s *MemoryStore) Delete(_ context.Context, id string) error {
	s.mu.Lock()
	s.sessions.Remove(id)
	s.mu.Unlock()
	s.tell(id)
	return nil
}

// Revoke implements [Revocations].
func (s *MemoryStore) Revoke(_ context.Context, name string, before, until time.Time) error {
	if s.denials.revoke(name, before, until) {
		s.tell() // of any
	} else {
		s.tell(name)
	}
	return nil
}

// offer is Revoke for what a stranger asks for: it fills half of the list at most.
func (s *MemoryStore) offer(name string, before, until time.Time) bool {
	kept := s.denials.offer(name, before, until)
	if kept {
		s.tell(name)
	}
	return kept
}

// tell tells the watchers that names have changed, or, without one, that any may.
func (s *MemoryStore) tell(names ...string) {
	s.mu.Lock()
	told := make([]*watcher, 0, len(s.watchers))
	for w := range s.watchers {
		told = append(told, w)
	}
	s.mu.Unlock()
	for _, w := range told {
		w.changed(names)
	}
}

// Revoked implements [Revocations].
func (s *MemoryStore) Revoked(_ context.Context, names ...string) ([]time.Time, error) {
	before := make([]time.Time, len(names))
	if s.denials.holds() == 0 {
		return before, nil
	}
	for i, name := range names {
		before[i] = s.denials.before(name)
	}
	return before, nil
}

// Watch implements [Watcher].
func (s *MemoryStore) Watch(changed func(names []string)) (stop func()) {
	w := &watcher{changed}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[w] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, w)
	}
}

// ownerEnd stands between owner and id in a key of entries. Neither has one.
const ownerEnd = "\x00"

// Enter implements [Directory].
func (s *MemoryStore) Enter(_ context.Context, owner, id string, entry []byte, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	s.entries.Put(owner+ownerEnd+id, slices.Clone(entry), len(owner)+len(id)+len(entry), now, expires)
	if _, ok := s.entries.Get(owner+ownerEnd+id, now); !ok { // expired, or larger than all there is
		return nil
	}
	if s.owned[owner] == nil {
		s.owned[owner] = map[string]struct{}{}
	}
	s.owned[owner][id] = struct{}{}
	return nil
}

// List implements [Directory].
func (s *MemoryStore) List(_ context.Context, owner string) (map[string][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := map[string][]byte{}
	for id := range s.owned[owner] {
		if entry, ok := s.entries.Get(owner+ownerEnd+id, s.clock()); ok {
			entries[id] = entry
		}
	}
	return entries, nil
}

// Leave implements [Directory].
func (s *MemoryStore) Leave(_ context.Context, owner, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries.Remove(owner + ownerEnd + id)
	return nil
}

// disown forgets that an entry that is gone had an owner.
func (s *MemoryStore) disown(key string) {
	owner, id, _ := strings.Cut(key, ownerEnd)
	delete(s.owned[owner], id)
	if len(s.owned[owner]) == 0 {
		delete(s.owned, owner)
	}
}
