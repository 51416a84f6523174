package redisstore

import (
	"strconv"
	"testing"
)

// FuzzParseDenial: whatever stands in Redis, it is two moments or revokes nothing.
func FuzzParseDenial(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		d := parseDenial(text)
		if d.publish || d.stale {
			t.Fatalf("%q is taken for one of our own", text)
		}
		again := strconv.FormatInt(d.before, 10) + ":" + strconv.FormatInt(d.until, 10)
		if parseDenial(again) != d {
			t.Fatalf("%q is read as %s, which reads otherwise", text, again)
		}
	})
}
