package refresh

import (
	"time"

	"github.com/gatehouse-go/gatehouse/internal/shelf"
)

// memory holds flights that landed, under the key they started from, within bounds.
// The group's lock guards it.
type memory struct {
	*shelf.Shelf[Key, *flight]
	origins map[Key]Key // from the key of a renewed secret to the one it came from
}

func newMemory(maxEntries, maxBytes int) *memory {
	m := &memory{origins: map[Key]Key{}}
	m.Shelf = shelf.New(maxEntries, maxBytes, func(key Key, gone *flight) {
		if next := gone.result.Next; m.origins[next] == key {
			delete(m.origins, next)
		}
	})
	return m
}

// origin returns the key that the secret named by next was renewed from.
func (m *memory) origin(next Key) (Key, bool) {
	key, ok := m.origins[next]
	return key, ok
}

func (m *memory) add(key Key, landed *flight, now, until time.Time) {
	m.Put(key, landed, len(landed.result.Value), now, until)
	if _, kept := m.Get(key, now); !kept { // it is too large
		return
	}
	if next := landed.result.Next; next != key && next != (Key{}) {
		m.origins[next] = key
	}
}
