package cookie

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// FuzzSealed: what somebody with the key seals, in whatever form, is a value that
// fits and hasn't expired, or none.
func FuzzSealed(f *testing.F) {
	const now = 1_800_000_000
	keys, err := ParseKeys("c2FtZSBrZXlzIGZvciBldmVyeSBmdXp6IHRhcmdldCE=")
	if err != nil {
		f.Fatal(err)
	}
	codec, err := NewCodec(keys)
	if err != nil {
		f.Fatal(err)
	}
	jar, err := New(Config{Name: "session", Codec: codec, Clock: func() time.Time { return time.Unix(now, 0) }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		nonce := bytes.Repeat([]byte{9}, nonceLength)
		sealed, err := codec.ciphers[0].seal(bytes.Clone(nonce), nonce, packed, codec.associated(nil, jar.name))
		if err != nil {
			t.Fatal(err)
		}
		value, err := jar.Open(base64.RawURLEncoding.EncodeToString(sealed))
		if err != nil {
			if value != nil || err != ErrInvalid && err != ErrExpired {
				t.Fatalf("%x, %v", value, err)
			}
			return
		}
		if len(value) > maxPlain {
			t.Fatalf("%d bytes", len(value))
		}
		if packed[0] == packedNot {
			expires, n := binary.Uvarint(packed[1:])
			if n <= 0 || expires <= now || expires > maxExpires || !bytes.Equal(packed[1+n:], value) {
				t.Fatalf("%x opens to %x", packed, value)
			}
		}
	})
}

// FuzzName: under whatever name a jar is made, what it sets is one cookie of that
// name, for this host alone, out of reach of scripts.
func FuzzName(f *testing.F) {
	keys, err := ParseKeys("c2FtZSBrZXlzIGZvciBldmVyeSBmdXp6IHRhcmdldCE=")
	if err != nil {
		f.Fatal(err)
	}
	codec, err := NewCodec(keys)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		jar, err := New(Config{Name: name, Codec: codec})
		if err != nil {
			return
		}
		checkSet(t, jar, name)
		if member := jar.Member(name); member.Name() != "" {
			checkSet(t, member, name)
		}
	})
}

func checkSet(t *testing.T, jar *Jar, about string) {
	t.Helper()
	w := httptest.NewRecorder()
	if err := jar.Set(w, nil, []byte("value"), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	set := w.Result().Cookies()
	if len(set) != 1 || set[0].Name != jar.Name() || set[0].Domain != "" || set[0].Path != "/" || !set[0].HttpOnly || !set[0].Secure || set[0].Valid() != nil {
		t.Fatalf("%q sets %q", about, w.Header())
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(set[0])
	if value, err := jar.Get(r); err != nil || string(value) != "value" {
		t.Fatalf("%q: %q, %v", about, value, err)
	}
}
