package soak

import (
	"bytes"
	"slices"
	"strings"
	"sync"
)

// Tail keeps the last of what is written to it.
type Tail struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text.Cap() == 0 {
		t.text.Grow(3 << 20) // all that it will ever need, so that nobody takes it for growth
	}
	if t.text.Len() > 1<<20 {
		t.text.Next(t.text.Len() - 1<<19)
	}
	return t.text.Write(b)
}

// About returns the last lines that say this.
func (t *Tail) About(what string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := slices.DeleteFunc(strings.SplitAfter(t.text.String(), "\n"), func(line string) bool { return !strings.Contains(line, what) })
	return strings.Join(lines[max(len(lines)-12, 0):], "")
}
