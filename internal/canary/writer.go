package canary

import (
	"strings"
	"sync"
)

// writer keeps what is written.
type writer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *writer) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
