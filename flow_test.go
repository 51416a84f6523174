package gatehouse

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// TestAsked: a list of classes is the same in any order, and few are remembered.
func TestAsked(t *testing.T) {
	none := asked(nil)
	if none.has([]string{"mfa"}) || none.has(nil) || !none.valid() {
		t.Error("nothing was asked for")
	}
	one := none.with([]string{"phr", "mfa"})
	for _, c := range []struct {
		classes []string
		want    bool
	}{
		{[]string{"phr", "mfa"}, true}, {[]string{"mfa", "phr"}, true}, {[]string{"mfa"}, false}, {nil, false},
	} {
		if got := one.has(c.classes); got != c.want {
			t.Errorf("%q: %v", c.classes, got)
		}
	}
	if again := one.with([]string{"mfa", "phr"}); !bytes.Equal(again, one) || !bytes.Equal(one.with(nil), one) {
		t.Error("the same is remembered twice")
	}
	many := one
	for i := range 100 {
		many = many.with([]string{fmt.Sprint(i)})
	}
	if !many.valid() || len(many) != mostAsked*digestLength || !many.has([]string{"another"}) || many.has(nil) {
		t.Errorf("%d bytes for a hundred", len(many))
	}
	if len(one) != digestLength {
		t.Error("with changes what it copies")
	}
}

func FuzzParseFlow(f *testing.F) {
	age := time.Minute
	bound := newFlow(time.Unix(1_800_000_000, 0), nil)
	bound.bound = true
	long := newFlow(time.Unix(1_800_000_000, 0), &age)
	long.asked = long.asked.with([]string{"mfa"}).with([]string{"phr"})
	f.Fuzz(func(t *testing.T, frame []byte) {
		parsed, ok := parseFlow(frame)
		if ok && !bytes.Equal(parsed.frame(), frame) {
			t.Fatalf("%x doesn't round-trip", frame)
		}
		if ok && !parsed.asked.valid() {
			t.Fatalf("%x asked for too much", frame)
		}
	})
}
