package cookie_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
)

func TestCodecTypes(t *testing.T) {
	c := codec(t, keys(t, 1))
	if _, err := c.Encode("x", "text"); err == nil {
		t.Error("sealed a string")
	}
	var into string
	if err := c.Decode("x", "", &into); err == nil {
		t.Error("opened into a string")
	}
	var zero cookie.Codec
	var plain []byte
	if _, err := zero.Encode("x", plain); err == nil {
		t.Error("the zero Codec sealed")
	}
	if err := zero.Decode("x", strings.Repeat("A", 100), &plain); err == nil {
		t.Error("the zero Codec opened")
	}
}

func TestCodecPacks(t *testing.T) {
	c := codec(t, keys(t, 1))
	for name, value := range map[string][]byte{"words": bytes.Repeat([]byte("long "), 100), "nothing": nil, "random": random(1000), "64 KiB": make([]byte, 64<<10)} {
		text, err := c.Encode("x", value)
		if err != nil {
			t.Fatal(err)
		}
		var plain []byte
		if err := c.Decode("x", text, &plain); err != nil || !bytes.Equal(plain, value) {
			t.Errorf("%s: %d bytes, %v", name, len(plain), err)
		}
		if most := base64.RawURLEncoding.EncodedLen(24 + 1 + len(value) + 16); len(text) > most || (name == "words" && len(text) > 130) {
			t.Errorf("%s: %d bytes of text", name, len(text))
		}
	}
}

// TestCodecSealsNothingItCannotOpen: neither too much text nor too much of what
// it unpacks to.
func TestCodecSealsNothingItCannotOpen(t *testing.T) {
	c := codec(t, keys(t, 1))
	for _, value := range [][]byte{random(24_570), random(30_000), make([]byte, 64<<10+1), make([]byte, 10<<20)} {
		_, err := c.Encode("x", value)
		var tooLarge *cookie.TooLargeError
		if !errors.As(err, &tooLarge) || tooLarge.Size <= tooLarge.Max {
			t.Errorf("%d bytes: %v", len(value), err)
		}
	}
}

func TestCodecRefusesOtherTexts(t *testing.T) {
	c := codec(t, keys(t, 1))
	text, err := c.Encode("x", []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	others := []string{"", "A", text[:54], text + "=", text + "A", text[:9] + "\n" + text[9:], text + "\r\n", " " + text, strings.Repeat("A", 1<<20)}
	whole, last := text[:len(text)-1], text[len(text)-1:] // the last character has four stray bits
	for char := range strings.SplitSeq("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", "") {
		if char != last {
			others = append(others, whole+char)
		}
	}
	for _, other := range others {
		var plain []byte
		if err := c.Decode("x", other, &plain); err != cookie.ErrInvalid || plain != nil {
			t.Errorf("%.80q: %v", other, err)
		}
	}
	huge := strings.Repeat("A", 1<<20)
	if allocs := testing.AllocsPerRun(50, func() { _ = c.Decode("x", huge, new([]byte)) }); allocs > 1 {
		t.Errorf("%v allocations for a megabyte", allocs)
	}
}

// TestFormat opens what an earlier version sealed. It fails when the format or
// the vocabulary changes, which would sign everybody out.
func TestFormat(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		{"MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=", "MGbIQx8FEl_PiZwv8x0RSO7ZTrgS6pveYqyMVZiqvklSoZhzbFRQvuPXXdRkLmGVUXE7H7cuye9SRIA1o2WGMvsA", `{"sub":"alice","email_verified":true,"realm_access":{"roles":["offline_access","uma_authorization"]}}`},
		{"MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVorLw==", "WDcQa7YFqJsWTX4fSP_LcekRA2qXkmDrruz1j4OBcP7M1H2Gu220q8FskpMSKA", `short`},
	} {
		keys, err := cookie.ParseKeys(c.key)
		if err != nil {
			t.Fatal(err)
		}
		var plain []byte
		if err := codec(t, keys, "session", "https://idp.example.com", "shop").Decode("__Host-session", c.text, &plain); err != nil || string(plain) != c.want {
			t.Errorf("opened to %q, %v", plain, err)
		}
	}
}

func TestNewCodecReportsEveryMistake(t *testing.T) {
	for _, c := range []struct {
		keys []cookie.Key
		want []string
	}{
		{nil, []string{"at least one key"}},
		{[]cookie.Key{{}}, []string{"key 1: "}},
		{[]cookie.Key{cookie.NewKey(), {}, {}}, []string{"key 2: ", "key 3: "}},
		{append(keys(t, 16), cookie.Key{}), []string{"at most 16", "key 17: "}},
	} {
		made, err := cookie.NewCodec(c.keys)
		if err == nil || made != nil {
			t.Errorf("%d bad keys: %v, %v", len(c.keys), made, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
	}
}

func TestRotation(t *testing.T) {
	all := keys(t, 3)
	b, newest := browser{}, jar(t, cookie.Config{Codec: codec(t, all)})
	for i := range all {
		older := jar(t, cookie.Config{Codec: codec(t, all[i:i+1])})
		b.set(t, older, []byte("x"), time.Hour)
		if got, err := newest.Get(b.request()); err != nil || string(got) != "x" {
			t.Errorf("key %d doesn't open: %v", i+1, err)
		}
		b.set(t, newest, []byte("y"), time.Hour)
		if _, err := older.Get(b.request()); (err == nil) != (i == 0) {
			t.Errorf("key %d: %v", i+1, err)
		}
	}
}

// TestLongKeys: all of a long key counts.
func TestLongKeys(t *testing.T) {
	material := random(64)
	parse := func(material []byte) *cookie.Codec {
		keys, err := cookie.ParseKeys(base64.StdEncoding.EncodeToString(material))
		if err != nil {
			t.Fatal(err)
		}
		return codec(t, keys)
	}
	text, err := parse(material).Encode("x", []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	var plain []byte
	if err := parse(material).Decode("x", text, &plain); err != nil || string(plain) != "value" {
		t.Errorf("the same key: %q, %v", plain, err)
	}
	for _, length := range []int{32, 63} {
		if err := parse(material[:length]).Decode("x", text, &plain); err != cookie.ErrInvalid {
			t.Errorf("its first %d bytes: %v", length, err)
		}
	}
}

func TestCodecIsSafeForConcurrentUse(t *testing.T) {
	c, value := codec(t, keys(t, 2)), keycloak.session(nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				var plain []byte
				text, err := c.Encode("x", value)
				if err == nil {
					err = c.Decode("x", text, &plain)
				}
				if err != nil || !bytes.Equal(plain, value) {
					t.Errorf("%d bytes, %v", len(plain), err)
				}
			}
		})
	}
	group.Wait()
}
