package refresh

import "sync"

// presented are the keys that the coordinator was told about, two generations
// of them: when the younger one is full it becomes the older, and that is
// dropped. A key that was dropped is told again. It has a lock of its own,
// because every request asks.
type presented struct {
	max int // of one generation

	mu             sync.RWMutex
	younger, older map[Key]struct{}
}

func newPresented(max int) *presented {
	return &presented{max: max, younger: map[Key]struct{}{}}
}

func (p *presented) has(key Key) bool {
	p.mu.RLock()
	_, young := p.younger[key]
	_, old := p.older[key]
	p.mu.RUnlock()
	if old && !young { // in use, so it isn't dropped
		p.add(key)
	}
	return young || old
}

// add reports whether the key is new.
func (p *presented) add(key Key) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, young := p.younger[key]
	_, old := p.older[key]
	if young {
		return false
	}
	if len(p.younger) >= p.max {
		p.younger, p.older = map[Key]struct{}{}, p.younger
	}
	p.younger[key] = struct{}{}
	return !old
}

func (p *presented) remove(key Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.younger, key)
	delete(p.older, key)
}
