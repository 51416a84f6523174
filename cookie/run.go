package cookie

import (
	"crypto/rand"
	"sync"
)

// run is a run of nonces with the same first half, so that what a process sealed
// is opened with one derived key, and not with one for each. The second half is
// random, and a run is over long before two of its halves could be the same: among
// 2^24 of 96 bits, with a probability of 2^-49.
type run struct {
	mu    sync.Mutex
	first half
	left  int
}

const runLength = 1 << 24

// nonce fills b with the next nonce.
func (r *run) nonce(b []byte) {
	_, _ = rand.Read(b) // never fails (crypto/rand)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left == 0 {
		r.first, r.left = half(b), runLength
	}
	r.left--
	copy(b, r.first[:])
}
