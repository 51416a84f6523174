package refresh

// presented are the keys that the coordinator was told about, two generations
// of them: when the younger one is full it becomes the older, and that is
// dropped. A key that was dropped is told again. The group's lock guards it.
type presented struct {
	max            int // of one generation
	younger, older map[Key]struct{}
}

func newPresented(max int) *presented {
	return &presented{max: max, younger: map[Key]struct{}{}}
}

func (p *presented) has(key Key) bool {
	if _, ok := p.younger[key]; ok {
		return true
	}
	if _, ok := p.older[key]; !ok {
		return false
	}
	p.add(key) // in use
	return true
}

func (p *presented) add(key Key) {
	if len(p.younger) >= p.max {
		p.younger, p.older = map[Key]struct{}{}, p.younger
	}
	p.younger[key] = struct{}{}
}

func (p *presented) remove(key Key) {
	delete(p.younger, key)
	delete(p.older, key)
}
