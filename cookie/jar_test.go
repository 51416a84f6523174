package cookie_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gorilla/securecookie"
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

func TestEverySizeAroundThePieces(t *testing.T) {
	j := jar(t, cookie.Config{})
	for size := 3000; size < 3080; size++ {
		b, value := browser{}, random(size)
		b.set(t, j, value, time.Hour)
		if got, err := j.Get(b.request()); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("%d bytes in %d pieces: %v", size, len(b), err)
		}
	}
}

func TestTooLarge(t *testing.T) {
	for _, size := range []int{25_000, 70_000} {
		w := httptest.NewRecorder()
		err := jar(t, cookie.Config{}).Set(w, browser{}.request(), random(size), now.Add(time.Hour))
		var tooLarge *cookie.TooLargeError
		if !errors.As(err, &tooLarge) || tooLarge.Size <= tooLarge.Max || len(w.Header()) != 0 {
			t.Errorf("%d bytes: %v, headers %v", size, err, w.Header())
		}
	}
}

func TestAttributes(t *testing.T) {
	for _, c := range []struct {
		config cookie.Config
		want   string
	}{
		{cookie.Config{}, "__Host-session=1…; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{cookie.Config{SameSite: http.SameSiteNoneMode}, "__Host-session=1…; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=None"},
		{cookie.Config{SameSite: http.SameSiteStrictMode}, "__Host-session=1…; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Strict"},
		{cookie.Config{InsecureHTTP: true}, "session=1…; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
	} {
		j, w := jar(t, c.config), httptest.NewRecorder()
		if err := j.Set(w, nil, nil, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		line := w.Header().Get("Set-Cookie")
		start, end := strings.Index(line, "=")+2, strings.Index(line, ";")
		if got := line[:start] + "…" + line[end:]; got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", line[:end])
		w = httptest.NewRecorder()
		j.Clear(w, r)
		removed := strings.Replace(c.want, "=1…; Path=/; Max-Age=3600", "=; Path=/; Max-Age=0", 1)
		if got := w.Header().Get("Set-Cookie"); got != removed {
			t.Errorf("Clear: %s, want %s", got, removed)
		}
	}
}

func TestNewReportsEveryMistake(t *testing.T) {
	_, err := cookie.New(cookie.Config{Name: "a b", SameSite: 99})
	for _, field := range []string{"Name:", "Codec:", "SameSite:"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v doesn't name %s", err, field)
		}
	}
	if _, err := cookie.New(cookie.Config{Name: "a", Codec: codec(t, keys(t, 1)), SameSite: http.SameSiteNoneMode, InsecureHTTP: true}); err == nil {
		t.Error("SameSite=None without Secure was accepted")
	}
	for _, bad := range [][]cookie.Key{nil, {{}}, {cookie.NewKey(), {}}, make([]cookie.Key, 17)} {
		if _, err := cookie.NewCodec(bad); err == nil {
			t.Errorf("%d bad keys were accepted", len(bad))
		}
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
	if err := j.Set(httptest.NewRecorder(), nil, nil, moment); err != cookie.ErrExpired {
		t.Errorf("set expired: %v", err)
	}
}

func TestWhatIsNotOurs(t *testing.T) {
	all := keys(t, 2)
	j := jar(t, cookie.Config{Codec: codec(t, all[:1], "session", "issuer", "client")})
	b := browser{}
	b.set(t, j, []byte("x"), time.Hour)
	for _, c := range []struct {
		name string
		jar  *cookie.Jar
	}{
		{"another key", jar(t, cookie.Config{Codec: codec(t, all[1:], "session", "issuer", "client")})},
		{"another purpose", jar(t, cookie.Config{Codec: codec(t, all[:1], "flow", "issuer", "client")})},
		{"another client", jar(t, cookie.Config{Codec: codec(t, all[:1], "session", "issuer", "other")})},
		{"parts that run together", jar(t, cookie.Config{Codec: codec(t, all[:1], "session", "issuerclient")})},
		{"another member", jar(t, cookie.Config{Codec: codec(t, all[:1], "session", "issuer", "client")}).Member("x")},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", c.jar.Name()+"="+b[j.Name()])
		if _, err := c.jar.Get(r); err != cookie.ErrInvalid {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRotation(t *testing.T) {
	all := keys(t, 2)
	older, newer := jar(t, cookie.Config{Codec: codec(t, all[1:])}), jar(t, cookie.Config{Codec: codec(t, all)})
	b := browser{}
	b.set(t, older, []byte("x"), time.Hour)
	if got, err := newer.Get(b.request()); err != nil || string(got) != "x" {
		t.Errorf("the old key doesn't open: %v", err)
	}
	b.set(t, newer, []byte("y"), time.Hour)
	if _, err := older.Get(b.request()); err != cookie.ErrInvalid {
		t.Errorf("the old key sealed: %v", err)
	}
}

func TestEveryBitCounts(t *testing.T) {
	j, b := jar(t, cookie.Config{}), browser{}
	b.set(t, j, random(100), time.Hour)
	text := b[j.Name()]
	for i := range text {
		for bit := range 7 {
			changed := []byte(text)
			changed[i] ^= 1 << bit
			if c := changed[i]; c == ';' || c <= ' ' {
				continue
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Cookie", j.Name()+"="+string(changed))
			if _, err := j.Get(r); err != cookie.ErrInvalid {
				t.Fatalf("byte %d, bit %d: %v", i, bit, err)
			}
		}
	}
}

func TestMalformedHeaders(t *testing.T) {
	j, b, other := jar(t, cookie.Config{}), browser{}, browser{}
	b.set(t, j, random(10_000), time.Hour)
	other.set(t, j, random(10_000), time.Hour)
	name := j.Name()
	all := b.request().Header.Get("Cookie")
	for _, c := range []struct {
		name, header string
		want         error
	}{
		{"nothing", "", cookie.ErrNoCookie},
		{"others", "a=b; session=1x; __host-session=1x; __Host-sessions=1x; __Host-session-x=1y", cookie.ErrNoCookie},
		{"empty", name + "=", cookie.ErrInvalid},
		{"number only", name + "=1", cookie.ErrInvalid},
		{"no pieces", name + "=0abc", cookie.ErrInvalid},
		{"nine pieces", name + "=9abc", cookie.ErrInvalid},
		{"many pieces", name + "=99999999999", cookie.ErrInvalid},
		{"junk", name + "=1%%%\"\\", cookie.ErrInvalid},
		{"twice", all + "; " + name + "=" + b[name], cookie.ErrInvalid},
		{"a piece twice", all + "; " + name + ".1=" + b[name+".1"], cookie.ErrInvalid},
		{"first missing", name + ".1=" + b[name+".1"], cookie.ErrInvalid},
		{"second missing", name + "=" + b[name] + "; " + name + ".2=" + b[name+".2"], cookie.ErrInvalid},
		{"spliced", name + "=" + b[name] + "; " + name + ".1=" + other[name+".1"] + "; " + name + ".2=" + b[name+".2"], cookie.ErrInvalid},
		{"swapped", name + "=" + b[name] + "; " + name + ".1=" + b[name+".2"] + "; " + name + ".2=" + b[name+".1"], cookie.ErrInvalid},
		{"fewer than there are", name + "=2" + b[name][1:] + "; " + name + ".1=" + b[name+".1"], cookie.ErrInvalid},
		{"a flood", strings.Repeat("x=y; ", 50_000) + name + "=1" + strings.Repeat("A", 500_000), cookie.ErrInvalid},
		{"a stale piece behind", all + "; " + name + ".7=stale", nil},
		{"tidy", all, nil},
		{"untidy", " ;; ;" + strings.ReplaceAll(all, "; ", ";\t ") + ";", nil},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if c.header != "" {
			r.Header.Set("Cookie", c.header)
		}
		if _, err := j.Get(r); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestShrinkingRemovesOldPieces(t *testing.T) {
	j, b := jar(t, cookie.Config{}), browser{"other": "1"}
	b.set(t, j, random(12_000), time.Hour)
	b.set(t, j, []byte("small"), time.Hour)
	if len(b) != 2 || b["other"] != "1" {
		t.Errorf("%d cookies are left", len(b))
	}
	b.set(t, j, random(12_000), time.Hour)
	w := httptest.NewRecorder()
	j.Clear(w, b.request())
	b.receive(t, w)
	if len(b) != 1 {
		t.Errorf("%d cookies are left after Clear", len(b))
	}
	w = httptest.NewRecorder()
	j.Clear(w, b.request())
	if len(w.Header()) != 0 {
		t.Error("Clear set cookies for a request that carries none")
	}
}

func TestPutTwiceIsTheSame(t *testing.T) {
	j := jar(t, cookie.Config{})
	text, err := j.Seal(random(10_000), now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var lines [2][]string
	for i := range lines {
		w := httptest.NewRecorder()
		if err := j.Put(w, nil, text, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		lines[i] = w.Header().Values("Set-Cookie")
	}
	if !slices.Equal(lines[0], lines[1]) {
		t.Error("the same text gave two different sets of cookies")
	}
}

func TestMembers(t *testing.T) {
	family, b := jar(t, cookie.Config{Name: "flow"}), browser{"other": "1", "__Host-flowers-1": "x", "__Host-flow-": "x", "__Host-flow-a\"b": "x"}
	for _, id := range []string{"b", "a"} {
		b.set(t, family.Member(id), []byte(id), time.Hour)
	}
	b.set(t, family.Member("large"), random(5000), time.Hour)
	if got := family.Members(b.request()); !slices.Equal(got, []string{"a", "b", "large"}) {
		t.Errorf("members %v", got)
	}
	if got, err := family.Member("a").Get(b.request()); err != nil || string(got) != "a" {
		t.Errorf("member a: %q, %v", got, err)
	}
	flood := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := range 1000 {
		flood.Header.Add("Cookie", fmt.Sprintf("__Host-flow-%d=x", i))
	}
	if got := family.Members(flood); len(got) != 64 {
		t.Errorf("%d members of a flood", len(got))
	}
}

// TestGorillaCodec shares a cookie with a program that uses gorilla/securecookie
// alone.
func TestGorillaCodec(t *testing.T) {
	hashKey, blockKey := random(32), random(32)
	theirs := func() *securecookie.SecureCookie {
		return securecookie.New(hashKey, blockKey).SetSerializer(securecookie.NopEncoder{}).MaxLength(0)
	}
	for _, size := range []int{100, 5000} {
		j, b, value := jar(t, cookie.Config{Codec: theirs()}), browser{}, random(size)
		b.set(t, j, value, time.Hour)
		if got, err := j.Get(b.request()); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("%d bytes: %v", size, err)
		}
		text, err := j.Text(b.request())
		if err != nil {
			t.Fatal(err)
		}
		var plain []byte
		if err := theirs().Decode(j.Name(), text, &plain); err != nil || !bytes.HasSuffix(plain, value) {
			t.Errorf("their program can't read ours: %v", err)
		}
		b[j.Name()] = "1" + strings.Repeat("A", 100)
		if _, err := j.Get(b.request()); err != cookie.ErrInvalid {
			t.Errorf("junk: %v", err)
		}
	}
}

func TestCodecTypes(t *testing.T) {
	c := codec(t, keys(t, 1))
	if _, err := c.Encode("x", "text"); err == nil {
		t.Error("sealed a string")
	}
	var into string
	if err := c.Decode("x", "", &into); err == nil {
		t.Error("opened into a string")
	}
	text, err := c.Encode("x", bytes.Repeat([]byte("long "), 100))
	if err != nil {
		t.Fatal(err)
	}
	if sealed, _ := base64.RawURLEncoding.DecodeString(text); len(sealed) > 100 {
		t.Errorf("%d bytes: not compressed", len(sealed))
	}
	var plain []byte
	if err := c.Decode("x", text, &plain); err != nil || len(plain) != 500 {
		t.Errorf("%d bytes, %v", len(plain), err)
	}
}

func FuzzGet(f *testing.F) {
	j := jar(f, cookie.Config{InsecureHTTP: true})
	for _, size := range []int{1, 100, 5000} {
		b := browser{}
		b.set(f, j, random(size), time.Hour)
		f.Add(b.request().Header.Get("Cookie"))
	}
	for _, seed := range []string{"session=1", "session=8x; session.1=y; session.7=z", ";;=;", "session.1=; session=\"\"", "session-a=1; session-a.1=2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Cookie"] = []string{header}
		if value, err := j.Get(r); err == nil && len(value) > 5000 {
			t.Fatalf("%d bytes out of nowhere", len(value))
		}
		j.Members(r)
		j.Clear(httptest.NewRecorder(), r)
	})
}

func Example() {
	codec, err := cookie.NewCodec([]cookie.Key{cookie.NewKey()}, "preferences")
	if err != nil {
		fmt.Println(err)
		return
	}
	jar, err := cookie.New(cookie.Config{Name: "prefs", Codec: codec})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	if err := jar.Set(answer, request, []byte("dark mode"), time.Now().Add(time.Hour)); err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range answer.Result().Cookies() {
		fmt.Println(c.Name, c.HttpOnly, c.Secure)
		request.AddCookie(c)
	}
	value, err := jar.Get(request)
	fmt.Println(string(value), err)
	// Output:
	// __Host-prefs true true
	// dark mode <nil>
}

func ExampleParseKeys() {
	_, err := cookie.ParseKeys("dG9vIHNob3J0, AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	fmt.Println(err)
	// Output:
	// key 1: has 9 bytes, want 32
	// key 2: is not random: too few different bytes
}
