package cookie_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/canary"
)

var now = time.Unix(1_800_000_000, 0)

func clock() time.Time { return now }

func keys(t testing.TB, n int) []cookie.Key {
	t.Helper()
	var keys []cookie.Key
	for range n {
		keys = append(keys, cookie.NewKey())
	}
	return keys
}

func codec(t testing.TB, keys []cookie.Key, binding ...string) *cookie.Codec {
	t.Helper()
	c, err := cookie.NewCodec(keys, binding...)
	if err != nil {
		t.Fatal(err)
	}
	watch := canary.New(t)
	for _, key := range keys {
		raw, _ := base64.StdEncoding.DecodeString(key.Encode())
		watch.Secret(canary.SessionKey, key.Encode(), string(raw))
	}
	watch.Print("what a codec prints", c, keys)
	watch.PrintHeld("what a codec prints in a field", c, keys)
	return c
}

func jar(t testing.TB, config cookie.Config) *cookie.Jar {
	t.Helper()
	if config.Name == "" {
		config.Name = "session"
	}
	if config.Codec == nil {
		config.Codec = codec(t, keys(t, 1))
	}
	if config.Clock == nil {
		config.Clock = clock
	}
	j, err := cookie.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// browser keeps cookies as browsers do, without looking at their attributes.
type browser map[string]string

func (b browser) request() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	var names []string
	for name := range b {
		names = append(names, name)
	}
	slices.Sort(names)
	var header []string
	for _, name := range names {
		header = append(header, name+"="+b[name])
	}
	if len(header) > 0 {
		r.Header.Set("Cookie", strings.Join(header, "; "))
	}
	return r
}

func (b browser) receive(t testing.TB, w *httptest.ResponseRecorder) {
	t.Helper()
	for _, set := range w.Result().Cookies() {
		if set.MaxAge < 0 {
			delete(b, set.Name)
			continue
		}
		if len(set.Name)+len(set.Value) > 4095 {
			t.Errorf("%s has %d bytes", set.Name, len(set.Name)+len(set.Value))
		}
		b[set.Name] = set.Value
	}
}

func (b browser) set(t testing.TB, j *cookie.Jar, value []byte, lives time.Duration) {
	t.Helper()
	w := httptest.NewRecorder()
	if err := j.Set(w, b.request(), value, now.Add(lives)); err != nil {
		t.Fatal(err)
	}
	watch := canary.New(t)
	watch.Secret("value", string(value))
	watch.Look("Set-Cookie", strings.Join(w.Header()["Set-Cookie"], "\n"))
	watch.Print("what a jar prints that has set a value", j)
	b.receive(t, w)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		size, pieces int
	}{{0, 1}, {1, 1}, {2900, 1}, {3100, 2}, {12_000, 4}, {24_000, 8}} {
		j, b, value := jar(t, cookie.Config{}), browser{}, random(c.size)
		b.set(t, j, value, time.Hour)
		got, err := j.Get(b.request())
		if err != nil || !bytes.Equal(got, value) || len(b) != c.pieces {
			t.Errorf("%d bytes: %d came back in %d pieces, %v, want %d", c.size, len(got), len(b), err, c.pieces)
		}
	}
}

// TestEverySizeAroundThePieces looks at texts that fill one, two and all cookies
// to the last byte.
func TestEverySizeAroundThePieces(t *testing.T) {
	j := jar(t, cookie.Config{})
	first := 4095 - len(j.Name())
	other := first - len(".1")
	fullest := 0
	for _, around := range []int{first, 2 * other, 8 * other} {
		for size := around*3/4 - 50; size < around*3/4-30; size++ {
			b, value := browser{}, random(size)
			b.set(t, j, value, time.Hour)
			got, err := j.Get(b.request())
			if err != nil || !bytes.Equal(got, value) {
				t.Fatalf("%d bytes in %d pieces: %v", size, len(b), err)
			}
			text, err := j.Text(b.request())
			if err != nil {
				t.Fatal(err)
			}
			want := 1
			if len(text) > first {
				want = (len(text) + other - 1) / other
			}
			if len(b) != want {
				t.Errorf("%d bytes of text in %d pieces, want %d", len(text), len(b), want)
			}
			fullest = max(fullest, len(text))
			if len(text) > 8*other-4 {
				break
			}
		}
	}
	if fullest <= 8*other-4 {
		t.Errorf("the longest text had %d bytes, of %d", fullest, 8*other)
	}
}

func TestExpiry(t *testing.T) {
	moment := now
	j := jar(t, cookie.Config{Clock: func() time.Time { return moment }})
	b := browser{}
	b.set(t, j, []byte("x"), time.Minute)
	moment = now.Add(time.Minute - time.Nanosecond)
	if _, err := j.Get(b.request()); err != nil {
		t.Errorf("just before: %v", err)
	}
	moment = now.Add(time.Minute)
	if _, err := j.Get(b.request()); err != cookie.ErrExpired {
		t.Errorf("at its expiry: %v", err)
	}
	for _, past := range []time.Time{moment, now, {}} {
		w := httptest.NewRecorder()
		if err := j.Set(w, nil, nil, past); err != cookie.ErrExpired || len(w.Header()) != 0 {
			t.Errorf("set expired: %v, %v", err, w.Header())
		}
	}
}

func TestExpiryFarAway(t *testing.T) {
	j, b := jar(t, cookie.Config{}), browser{}
	for _, expires := range []time.Time{time.Unix(1<<50, 0), time.Unix(1<<62, 0)} {
		b.set(t, j, []byte("x"), expires.Sub(now))
		text, err := j.Seal([]byte("x"), expires)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := j.Open(text); err != nil || string(got) != "x" {
			t.Errorf("%v: %q, %v", expires.Unix(), got, err)
		}
	}
}

func TestNewReportsEveryMistake(t *testing.T) {
	good := codec(t, keys(t, 1))
	for _, c := range []struct {
		config cookie.Config
		fields []string
	}{
		{cookie.Config{}, []string{"Name:", "Codec:"}},
		{cookie.Config{Name: "a b", SameSite: 99}, []string{"Name:", "Codec:", "SameSite:"}},
		{cookie.Config{Name: "a", Codec: good, SameSite: http.SameSiteNoneMode, InsecureHTTP: true}, []string{"SameSite:"}},
		{cookie.Config{Name: strings.Repeat("a", 65), Codec: good}, []string{"Name:"}},
		{cookie.Config{Name: "a.1", Codec: good}, []string{"Name:"}},
		{cookie.Config{Name: "__Host-a", Codec: good}, []string{"Name:"}},
		{cookie.Config{Name: "__secure-a", Codec: good, InsecureHTTP: true}, []string{"Name:"}},
	} {
		j, err := cookie.New(c.config)
		if err == nil || j != nil {
			t.Errorf("%+v was accepted", c.config)
			continue
		}
		for _, field := range c.fields {
			if !strings.Contains(err.Error(), field) {
				t.Errorf("%v doesn't name %s", err, field)
			}
		}
		if got := strings.Count(err.Error(), "\n") + 1; got != len(c.fields) {
			t.Errorf("%d mistakes, want %d: %v", got, len(c.fields), err)
		}
	}
}

func TestTooLarge(t *testing.T) {
	for _, size := range []int{24_700, 30_000, 70_000} {
		w := httptest.NewRecorder()
		err := jar(t, cookie.Config{Name: strings.Repeat("n", 64)}).Set(w, browser{}.request(), random(size), now.Add(time.Hour))
		var tooLarge *cookie.TooLargeError
		if !errors.As(err, &tooLarge) || tooLarge.Size <= tooLarge.Max || len(w.Header()) != 0 {
			t.Errorf("%d bytes: %v, headers %v", size, err, w.Header())
		}
	}
}

// fuzzKeys are the same for every run of a fuzz target, so that seeds stay sealed.
func fuzzKeys(t testing.TB) []cookie.Key {
	t.Helper()
	keys, err := cookie.ParseKeys("c2FtZSBrZXlzIGZvciBldmVyeSBmdXp6IHRhcmdldCE=")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
