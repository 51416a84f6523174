// Package storetest says whether an implementation of what gatehouse keeps
// elsewhere is right: sessions, revocations, lists of sessions, and renewals of
// several processes. Its tests take a second or a few, and real time.
//
// Every function takes a constructor that returns two values onto the same data,
// as two processes have them. They may be one, where one process is all there
// is. Data must be empty; the constructor registers its cleaning up with
// testing.TB.Cleanup.
//
//	func TestStore(t *testing.T) {
//		storetest.Store(t, func(t testing.TB) (storetest.Sessions, storetest.Sessions) {
//			server := start(t)
//			return open(t, server), open(t, server)
//		})
//	}
//
// Interfaces are those of packages gatehouse and refresh, written out, so that
// an implementation needs neither.
package storetest

import (
	"bytes"
	"context"
	"testing"
	"time"
)

const (
	// soon is how long a change by one process may take to be seen by another.
	soon = 2 * time.Second
	// short is a lifetime whose end a test waits for.
	short = 300 * time.Millisecond
	// tick is how often a test looks.
	tick = 2 * time.Millisecond
)

// eventually looks until ok, or until it takes too long: by the clock, and in looks, of
// which a machine that is busy with other things has fewer.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for looks := time.Duration(0); !ok(); looks++ {
		if looks > within/tick && time.Now().After(deadline) {
			t.Errorf("not within %v: %s", within, what)
			return
		}
		time.Sleep(tick)
	}
}

// soonOver has try do what is over at a time, to what has a name of its own, and
// returns that name when it is over. What try finds wrong counts if it was found
// before that time; otherwise nobody knows, and it has twice as long for another name.
func soonOver(t testing.TB, try func(name string, over time.Time) (wrong string)) (name string) {
	t.Helper()
	for life := short; ; life *= 2 {
		name = "n" + life.String()
		over := time.Now().Add(life)
		wrong := try(name, over)
		if !time.Now().Before(over) {
			continue
		}
		if wrong != "" {
			t.Error(wrong)
		}
		time.Sleep(time.Until(over) + short)
		return name
	}
}

// background is a context for what must not take longer than a test does.
func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// pair is what a test has: two values onto the same data, which is empty.
type pair[V any] struct {
	*testing.T
	ctx         context.Context
	here, there V
}

// each runs every test with a pair of its own. begin is called first, if it isn't nil.
func each[V, P any](t *testing.T, begin func(*testing.T), open func(t testing.TB) (here, there V), as func(pair[V]) P, tests map[string]func(P)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if begin != nil {
				begin(t)
			}
			p := pair[V]{T: t, ctx: background(t)}
			p.here, p.there = open(t)
			test(as(p))
		})
	}
}

// everyByte is a value that no text survives being taken for.
func everyByte(size int) []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return bytes.Repeat(all, size/256+1)[:size]
}
