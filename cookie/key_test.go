package cookie_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/cookie"
)

func TestParseKeys(t *testing.T) {
	random := cookie.NewKey().Encode()
	long := base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/"))
	for _, c := range []struct {
		name, text string
		keys       int
		complaint  string
	}{
		{"one", random, 1, ""},
		{"two", random + "," + cookie.NewKey().Encode(), 2, ""},
		{"spaces", " " + random + " ,\n" + random, 2, ""},
		{"unpadded", strings.TrimRight(random, "="), 1, ""},
		{"URL alphabet", strings.NewReplacer("+", "-", "/", "_").Replace(random), 1, ""},
		{"64 bytes", long, 1, ""},
		{"none", "", 0, "required"},
		{"blank", "  ", 0, "required"},
		{"empty item", random + ",", 0, "key 2: has 0 bytes"},
		{"too short", base64.StdEncoding.EncodeToString([]byte("0123456789abcdef")), 0, "key 1: has 16 bytes"},
		{"too long", base64.StdEncoding.EncodeToString(make([]byte, 65)), 0, "key 1: has 65 bytes"},
		{"zeros", base64.StdEncoding.EncodeToString(make([]byte, 32)), 0, "key 1: is not random"},
		{"a word", base64.StdEncoding.EncodeToString([]byte("secretsecretsecretsecretsecretse")), 0, "key 1: is not random"},
		{"few letters", base64.StdEncoding.EncodeToString([]byte("abcabbacbcaabcbbacabcabaccbabcab")), 0, "key 1: is not random: too few"},
		{"the same twice", base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef")), 0, "key 1: is not random: it repeats"},
		{"a long word", base64.StdEncoding.EncodeToString([]byte("placeholder!placeholder!placeholder!")), 0, "key 1: is not random: it repeats"},
		{"not base64", "it is a secret passphrase!", 0, "key 1: is not base64"},
		{"two mistakes", "short,====,x!", 0, "key 3"},
		{"sixteen", strings.Repeat(random+",", 15) + random, 16, ""},
		{"too many", strings.Repeat(random+",", 16) + random, 0, "at most 16"},
		{"too many, one bad", "x!," + strings.Repeat(random+",", 16) + random, 0, "at most 16 keys\nkey 1: "},
		{"a flood", strings.Repeat(",", 100_000), 0, "at most 16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys, err := cookie.ParseKeys(c.text)
			if len(keys) != c.keys || (err == nil) != (c.complaint == "") {
				t.Fatalf("%d keys, %v", len(keys), err)
			}
			if err != nil && !strings.Contains(err.Error(), c.complaint) {
				t.Errorf("%q does not say %q", err, c.complaint)
			}
			if err != nil && strings.Count(err.Error(), "\n") > 16 {
				t.Errorf("%d mistakes", strings.Count(err.Error(), "\n")+1)
			}
			if err != nil && c.text != "" && strings.Contains(err.Error(), "passphrase") {
				t.Errorf("%q shows the key", err)
			}
		})
	}
}

func TestKeyDoesNotPrint(t *testing.T) {
	key := cookie.NewKey()
	raw, err := base64.StdEncoding.DecodeString(key.Encode())
	if err != nil {
		t.Fatal(err)
	}
	type holder struct{ key cookie.Key }
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "key", key, "holder", holder{key})
	encoded, err := json.Marshal(map[string]any{"key": key})
	if err != nil {
		t.Fatal(err)
	}
	output := logged.String() + string(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T", "%t"} {
		output += fmt.Sprintf(verb+verb+verb, key, &key, holder{key})
	}
	for _, secret := range []string{key.Encode(), fmt.Sprintf("%x", raw), fmt.Sprint(raw), string(raw)} {
		if strings.Contains(output, secret) {
			t.Errorf("the key is in %q", output)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := cookie.ParseKeys(text)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys and %v", len(keys), err)
		}
		if err != nil {
			return
		}
		if _, err := cookie.NewCodec(keys); err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			again, err := cookie.ParseKeys(key.Encode())
			if err != nil || again[0].Encode() != key.Encode() {
				t.Fatalf("a key changed: %v", err)
			}
		}
	})
}
