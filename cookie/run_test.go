package cookie

import (
	"bytes"
	"testing"
)

// TestRun: nonces of a run have their first half in common, and nothing else;
// after runLength of them another one begins.
func TestRun(t *testing.T) {
	var r run
	next := func() (first, second half) {
		b := make([]byte, nonceLength)
		r.nonce(b)
		return half(b), half(b[len(first):])
	}
	begun, one := next()
	again, other := next()
	if begun != again || one == other {
		t.Errorf("%x %x, then %x %x", begun, one, again, other)
	}
	if r.left != runLength-2 {
		t.Errorf("%d left", r.left)
	}
	r.left = 1
	if last, _ := next(); last != begun {
		t.Error("the run ended before its end")
	}
	if fresh, _ := next(); fresh == begun {
		t.Error("the run goes on after its end")
	}
	var elsewhere run
	b := make([]byte, nonceLength)
	if elsewhere.nonce(b); half(b) == begun || half(b) == (half{}) {
		t.Error("two processes have one run")
	}
}

// TestKnownCiphers: a derived cipher is remembered when it opened something, and
// then opens no more than before. What strangers make up is not remembered.
func TestKnownCiphers(t *testing.T) {
	x, err := newXAES(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	nonce := bytes.Repeat([]byte{9}, nonceLength)
	sealed, err := x.seal(nil, nonce, []byte("a session"), nil)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := newXAES(bytes.Repeat([]byte{7}, 32)) // another process
	if err != nil {
		t.Fatal(err)
	}
	open := func(sealed []byte) bool {
		opened, err := reader.open(new(derived), nil, nonce, sealed, nil)
		return err == nil && string(opened) == "a session"
	}
	known := func() bool {
		_, ok := reader.known.Get(half(nonce))
		return ok
	}
	forged := bytes.Clone(sealed)
	forged[0] ^= 1
	if open(forged) || known() {
		t.Error("a forgery opens, or is remembered")
	}
	if !open(sealed) || !known() {
		t.Error("what was sealed elsewhere does not open, or is not remembered")
	}
	if open(forged) || !open(sealed) {
		t.Error("a known cipher opens a forgery, or nothing any more")
	}
}
