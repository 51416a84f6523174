package cookie_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gorilla/securecookie"
)

// gorillas makes the same codec again and again, as two programs with the same
// keys do.
func gorillas() func() *securecookie.SecureCookie {
	hashKey, blockKey := random(32), random(32)
	return func() *securecookie.SecureCookie {
		return securecookie.New(hashKey, blockKey).SetSerializer(securecookie.NopEncoder{}).MaxLength(0)
	}
}

// TestMomentsBeyondAllTimes: what only looks like an expiry is none.
func TestMomentsBeyondAllTimes(t *testing.T) {
	codec := gorillas()()
	j := jar(t, cookie.Config{Codec: codec})
	for _, moment := range []uint64{1<<40 + 1, 1 << 62, 1<<64 - 1} {
		text, err := codec.Encode(j.Name(), append(binary.AppendUvarint(nil, moment), "value"...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Open(text); err != cookie.ErrInvalid {
			t.Errorf("%d: %v", moment, err)
		}
	}
}

func TestGorillaBetweenJars(t *testing.T) {
	codec := gorillas()
	for _, size := range []int{0, 100, 5000, 15_000} {
		one, other := jar(t, cookie.Config{Codec: codec()}), jar(t, cookie.Config{Codec: codec()})
		b, value := browser{}, random(size)
		b.set(t, one, value, time.Hour)
		if got, err := other.Get(b.request()); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%d bytes: %v", size, err)
		}
		b[one.Name()] = strings.Repeat("A", 100)
		if _, err := one.Get(b.request()); err != cookie.ErrInvalid {
			t.Errorf("junk: %v", err)
		}
	}
	w := httptest.NewRecorder()
	if err := jar(t, cookie.Config{Codec: codec()}).Set(w, nil, random(30_000), now.Add(time.Hour)); err == nil || len(w.Header()) != 0 {
		t.Errorf("30,000 bytes: %v, %v", err, w.Header())
	}
}

// TestGorillaAlone shares cookies with a program that has gorilla/securecookie
// and net/http, and no Jar.
func TestGorillaAlone(t *testing.T) {
	codec := gorillas()
	j := jar(t, cookie.Config{Codec: codec()})

	r := sealed(t, j, []byte("from the jar"))
	c, err := r.Cookie(j.Name())
	if err != nil {
		t.Fatal(err)
	}
	var plain []byte
	if err := codec().Decode(c.Name, c.Value, &plain); err != nil {
		t.Fatalf("it can't read ours: %v", err)
	}
	expires, n := binary.Uvarint(plain)
	if expires != uint64(now.Add(time.Hour).Unix()) || string(plain[n:]) != "from the jar" {
		t.Errorf("it reads %q, until %d", plain[n:], expires)
	}

	plain = append(binary.AppendUvarint(nil, expires), "from gorilla"...)
	text, err := codec().Encode(j.Name(), plain)
	if err != nil {
		t.Fatal(err)
	}
	r = httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: j.Name(), Value: text})
	if got, err := j.Get(r); err != nil || string(got) != "from gorilla" {
		t.Errorf("we read %q, %v", got, err)
	}
}

func TestGorillaMisconfigured(t *testing.T) {
	for name, codec := range map[string]securecookie.Codec{
		"no hash key":      securecookie.New(nil, nil),
		"a short block":    securecookie.New(random(32), random(5)),
		"no block key":     securecookie.New(random(32), nil).SetSerializer(securecookie.NopEncoder{}).MaxLength(0),
		"a nil Codec":      (*cookie.Codec)(nil),
		"a zero Codec":     &cookie.Codec{},
		"one that forgets": forgetful{},
		"one of semicolons": codecOf(func(string, any) (string, error) {
			return "a;b", nil
		}),
		"no seal at all": open{},
		"in capitals":    open{shift: 'A' ^ 'a'},
		"one that hides": open{shift: 0x80},
	} {
		if _, err := cookie.New(cookie.Config{Name: "a", Codec: codec}); err == nil || !strings.HasPrefix(err.Error(), "Codec: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// forgetful opens everything to nothing.
type forgetful struct{}

func (forgetful) Encode(string, any) (string, error) { return "text", nil }
func (forgetful) Decode(string, string, any) error   { return nil }

// codecOf opens everything to what New tries.
type codecOf func(string, any) (string, error)

func (c codecOf) Encode(name string, value any) (string, error) { return c(name, value) }
func (codecOf) Decode(_, _ string, dst any) error {
	*dst.(*[]byte) = []byte("probe of seals")
	return nil
}

// open seals nothing: it writes bytes in base64url, and perhaps changes them a little.
type open struct{ shift byte }

func (o open) shifted(b []byte) []byte {
	b = bytes.Clone(b)
	for i := range b {
		b[i] ^= o.shift
	}
	return b
}

func (o open) Encode(_ string, value any) (string, error) {
	return base64.RawURLEncoding.EncodeToString(o.shifted(value.([]byte))), nil
}

func (o open) Decode(_, text string, dst any) error {
	b, err := base64.RawURLEncoding.DecodeString(text)
	*dst.(*[]byte) = o.shifted(b)
	return err
}
