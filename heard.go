package gatehouse

import (
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/memo"
)

// heard are the people of whom the shared list has told lately that a word on them has
// come, in the order in which this process heard it. It is bounded.
type heard struct {
	turn  atomic.Uint64 // how often it was told
	all   atomic.Uint64 // the turn in which it might have been anybody
	names *memo.Memo[string, uint64]
}

const maxHeard = 16_384

func newHeard() *heard { return &heard{names: memo.New[string, uint64](maxHeard)} }

// note takes names, nil for all. Those of sessions and of tokens are nobody's.
func (h *heard) note(names []string) {
	turn := h.turn.Add(1)
	if names == nil {
		h.all.Store(turn)
	}
	for _, name := range names {
		if ofPeople(name) {
			h.names.Put(name, turn)
		}
	}
}

// after reports whether a word on any of names was heard of after so many turns.
func (h *heard) after(turns uint64, names ...string) bool {
	for _, name := range names {
		if turn, _ := h.names.Get(name); turn > turns {
			return true
		}
	}
	return h.all.Load() > turns
}
