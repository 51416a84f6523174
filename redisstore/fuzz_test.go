package redisstore

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzURL: whatever the address of Redis is, neither a mistake in it nor the
// configuration says its password.
func FuzzURL(f *testing.F) {
	f.Fuzz(func(t *testing.T, before, after string) {
		const password = "Sw0rdfish-7d1"
		if strings.ContainsAny(before, "@?#/[") && !strings.HasSuffix(before, ":") && !strings.Contains(before, "password=") {
			return // what stands there is no password
		}
		config := Config{URL: before + password + after}
		said := fmt.Sprintf("%v %+v %#v %s", config, config, &config, config.String())
		if err := config.check(); err != nil {
			said += err.Error()
		}
		if strings.Contains(said, password) {
			t.Errorf("%q is shown: %s", config.URL, said)
		}
	})
}

// FuzzKey: a key that Redis speaks of stands for the one name that we would write it
// for, or for none.
func FuzzKey(f *testing.F) {
	k := keys("gatehouse")
	f.Fuzz(func(t *testing.T, text string) {
		if name, ok := k.name(text); ok && (name == "" || text != k.session(name) && text != k.revocation(name)) {
			t.Fatalf("%q stands for %q", text, name)
		}
		for _, key := range []string{k.session(text), k.revocation(text)} {
			if name, ok := k.name(key); ok != (text != "") || ok && name != text {
				t.Fatalf("%q is read back as %q, %v", text, name, ok)
			}
		}
		for _, key := range []string{k.directory(text), k.renewal(text), k.origin(text), k.spent(text), k.epoch(), k.ready()} {
			if name, ok := k.name(key); ok {
				t.Fatalf("%q stands for %q", key, name)
			}
		}
	})
}

// FuzzParseField: what stands in a directory is an entry that lives, as it was entered,
// or none.
func FuzzParseField(f *testing.F) {
	const now = 1_800_000_000_000
	f.Fuzz(func(t *testing.T, field string) {
		entry, ok := parseField(field, now)
		if !ok {
			return
		}
		if len(field) < fieldHead || string(entry) != field[fieldHead:] || !strings.ContainsAny(field[:expiryDigits], "123456789") || field[0] == '-' {
			t.Fatalf("%q is the entry %q", field, entry)
		}
	})
}

// FuzzVerdict: what the script that takes leases replies is a lease, a result or the
// word to wait; anything else is an error, so that nobody leads who wasn't told to.
func FuzzVerdict(f *testing.F) {
	f.Fuzz(func(t *testing.T, verdict, result string, n uint8) {
		reply := []string{verdict, result, result, result}[:n%4]
		kind, value, err := readVerdict(reply)
		is := func(want string, length int) bool { return len(reply) == length && verdict == want }
		if (err == nil) != (is("lease", 1) || is("wait", 1) || is("result", 2)) {
			t.Fatalf("%q: %q, %q, %v", reply, kind, value, err)
		}
		if err == nil && (kind != verdict || kind == "result" && string(value) != result || kind != "result" && value != nil) {
			t.Fatalf("%q: %q, %q", reply, kind, value)
		}
	})
}
