package gatehouse

import (
	"strings"
	"testing"
)

// TestOpenedNames: a cookie that was seen before is known by a hash of all of it and
// by its seal. Neither is enough alone.
func TestOpenedNames(t *testing.T) {
	o := newOpened(1)
	text := strings.Repeat("abcdefgh", 100)
	known := o.name(text)
	if got := string(known.end[:]); got != text[len(text)-22:] {
		t.Errorf("it ends in %q", got)
	}
	for i := range text {
		other := o.name(text[:i] + "_" + text[i+1:])
		if other.hash == known.hash {
			t.Errorf("byte %d doesn't count", i)
		}
		if atEnd := i >= len(text)-22; (other.end != known.end) != atEnd {
			t.Errorf("byte %d, the end differs: %v", i, !atEnd)
		}
	}
	if short := o.name("abc"); string(short.end[:3]) != "abc" {
		t.Errorf("%v", short)
	}
}
