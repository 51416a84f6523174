package redisstore

import (
	"strconv"
	"testing"
)

// FuzzParseDenial: whatever stands in Redis, it is two moments or revokes nothing.
func FuzzParseDenial(f *testing.F) {
	for _, seed := range []string{
		"1800000000000:1800043200000", "", ":", "1:", ":1", "1:2:3", "-1:-2", "9223372036854775808:1", "1e9:2", " 1:2", "1:2\n", "0x10:2", "\xff:1", "+1:+2",
	} {
		f.Add(seed)
	}
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
