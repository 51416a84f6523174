package cookie_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gorilla/securecookie"
)

func TestEveryBitCounts(t *testing.T) {
	j, b := jar(t, cookie.Config{}), browser{}
	b.set(t, j, random(100), time.Hour)
	text := b[j.Name()]
	for i := range text {
		for bit := range 8 {
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
		{"others", "a=b; session=x; __host-session=x; __Host-sessions=x; __Host-session-x=y; __Host-session; __Host-session.=x; __Host-session.1", cookie.ErrNoCookie},
		{"empty", name + "=", cookie.ErrInvalid},
		{"a mark only", name + "=~", cookie.ErrInvalid},
		{"a number only", name + "=~2", cookie.ErrInvalid},
		{"no pieces", name + "=~0abc", cookie.ErrInvalid},
		{"one piece", name + "=~1abc", cookie.ErrInvalid},
		{"nine pieces", name + "=~9abc", cookie.ErrInvalid},
		{"many pieces", name + "=~99999999999", cookie.ErrInvalid},
		{"junk", name + `=%%%"\`, cookie.ErrInvalid},
		{"stale pieces alone", name + ".1=x; " + name + ".2=y", cookie.ErrInvalid},
		{"twice", all + "; " + name + "=" + b[name], cookie.ErrInvalid},
		{"a piece twice", all + "; " + name + ".1=" + b[name+".1"], cookie.ErrInvalid},
		{"first missing", name + ".1=" + b[name+".1"], cookie.ErrInvalid},
		{"second missing", name + "=" + b[name] + "; " + name + ".2=" + b[name+".2"], cookie.ErrInvalid},
		{"spliced", name + "=" + b[name] + "; " + name + ".1=" + other[name+".1"] + "; " + name + ".2=" + b[name+".2"], cookie.ErrInvalid},
		{"swapped", name + "=" + b[name] + "; " + name + ".1=" + b[name+".2"] + "; " + name + ".2=" + b[name+".1"], cookie.ErrInvalid},
		{"fewer than there are", name + "=~2" + b[name][2:] + "; " + name + ".1=" + b[name+".1"], cookie.ErrInvalid},
		{"a flood", strings.Repeat("x=y; ", 50_000) + name + "=" + strings.Repeat("A", 500_000), cookie.ErrInvalid},
		{"a flood of pieces", strings.Repeat(all+"; ", 30), cookie.ErrInvalid},
		{"a flood around", strings.Repeat("x=y; ", 100_000) + all + strings.Repeat("; x=y", 100_000), nil},
		{"stale pieces", name + ".7=stale; " + all + "; " + name + ".5=", nil},
		{"stale pieces twice", name + ".7=stale; " + all + "; " + name + ".7=older", nil},
		{"a huge stale piece", all + "; " + name + ".7=" + strings.Repeat("A", 5000), nil},
		{"a piece that is none", all + "; " + name + ".8=x; " + name + ".0=x; " + name + ".10=x; " + name + ".a=x", nil},
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

// TestSpliced: pieces of two sessions of one jar, each whole, fit together in no
// mixture.
func TestSpliced(t *testing.T) {
	j, one, other := jar(t, cookie.Config{}), browser{}, browser{}
	one.set(t, j, random(9000), time.Hour)
	other.set(t, j, random(9000), time.Hour)
	names := []string{j.Name(), j.Name() + ".1", j.Name() + ".2"}
	for mixture := range 8 {
		mixed := browser{}
		for i, name := range names {
			mixed[name] = []browser{one, other}[mixture>>i&1][name]
		}
		_, err := j.Get(mixed.request())
		if whole := mixture == 0 || mixture == 7; (err == nil) != whole {
			t.Errorf("mixture %03b: %v", mixture, err)
		}
	}
}

// TestTextIsBounded: a codec is not asked about what can't be a cookie's.
func TestTextIsBounded(t *testing.T) {
	asked := 0
	j := jar(t, cookie.Config{Codec: askedCodec{gorillas()(), &asked}})
	asked = 0
	for _, header := range []string{"=", "=" + strings.Repeat("A", 4096), "=~2A; " + j.Name() + ".1=", "=~2A; " + j.Name() + ".1=" + strings.Repeat("A", 4096)} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", j.Name()+header)
		if _, err := j.Text(r); err != cookie.ErrInvalid {
			t.Errorf("%.40s: %v", header, err)
		}
	}
	if _, err := j.Open(strings.Repeat("A", 8*4095+1)); err != cookie.ErrInvalid || asked != 0 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

// askedCodec counts how often it is asked to open something.
type askedCodec struct {
	securecookie.Codec
	times *int
}

func (c askedCodec) Decode(name, text string, dst any) error {
	*c.times++
	return c.Codec.Decode(name, text, dst)
}

// TestFloodAllocations: what a stranger sends in a megabyte costs reading it.
func TestFloodAllocations(t *testing.T) {
	j := jar(t, cookie.Config{})
	name := j.Name()
	for what, header := range map[string]string{
		"many others":  strings.Repeat("a=b; ", 200_000),
		"many firsts":  strings.Repeat(name+"=AAAA; ", 40_000),
		"many pieces":  strings.Repeat(name+".1=AAAA; ", 40_000),
		"a huge first": name + "=" + strings.Repeat("A", 1<<20),
		"semicolons":   strings.Repeat(";", 1<<20),
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", header)
		if allocs := testing.AllocsPerRun(20, func() {
			if _, err := j.Get(r); err != cookie.ErrInvalid && err != cookie.ErrNoCookie {
				t.Errorf("%s: %v", what, err)
			}
		}); allocs > 1 {
			t.Errorf("%s: %v allocations", what, allocs)
		}
	}
}

// FuzzGet: whatever a Cookie header holds, no value comes of it that wasn't sealed, and
// what is cleared is what was there.
func FuzzGet(f *testing.F) {
	j := jar(f, cookie.Config{InsecureHTTP: true, Codec: codec(f, fuzzKeys(f))})
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Cookie"] = []string{header}
		if value, err := j.Get(r); err == nil && len(value) > 5000 {
			t.Fatalf("%d bytes out of nowhere", len(value))
		}
		for _, id := range j.Members(r) {
			j.Member(id).Clear(httptest.NewRecorder(), r)
		}
		cleared := httptest.NewRecorder()
		j.Clear(cleared, r)
		text, err := j.Text(r)
		if (err == cookie.ErrNoCookie) != (len(cleared.Header()) == 0) {
			t.Fatalf("%v, and Clear says %v", err, cleared.Header())
		}
		w := httptest.NewRecorder()
		if err != nil || j.Put(w, r, text, now.Add(time.Hour)) != nil {
			return
		}
		b := browser{}
		b.receive(t, w)
		if again, err := j.Text(b.request()); err != nil || again != text {
			t.Fatalf("%q came back as %q, %v", text, again, err)
		}
	})
}

// seed is the text in a file of a fuzz target's corpus.
func seed(t *testing.T, target, name string) string {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", "fuzz", target, name))
	if err != nil {
		t.Fatal(err)
	}
	_, quoted, _ := strings.Cut(strings.TrimSpace(string(file)), "string(")
	text, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestSeeds: what the corpus calls sealed opens, so that fuzzing begins there.
func TestSeeds(t *testing.T) {
	j := jar(t, cookie.Config{Codec: codec(t, fuzzKeys(t))})
	if value, err := j.Open(seed(t, "FuzzOpen", "value")); err != nil || string(value) != "a session" {
		t.Errorf("%q, %v", value, err)
	}
	j = jar(t, cookie.Config{InsecureHTTP: true, Codec: codec(t, fuzzKeys(t))})
	for name, size := range map[string]int{"sealed": 1, "sealed-larger": 100, "sealed-in-pieces": 5000} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", seed(t, "FuzzGet", name))
		if value, err := j.Get(r); err != nil || len(value) != size {
			t.Errorf("%s: %d bytes, %v", name, len(value), err)
		}
	}
}

// FuzzOpen: nothing opens that nobody sealed.
func FuzzOpen(f *testing.F) {
	j := jar(f, cookie.Config{Codec: codec(f, fuzzKeys(f))})
	sealed := map[string]bool{"": true, "a session": true, strings.Repeat("a session ", 50): true} // what the seeds hold
	f.Fuzz(func(t *testing.T, text string) {
		value, err := j.Open(text)
		if err == nil && !sealed[string(value)] {
			t.Fatalf("%q opens to %q, which nobody sealed", text, value)
		}
		if err == cookie.ErrExpired {
			return
		}
		if err != nil && (err != cookie.ErrInvalid || value != nil) {
			t.Fatalf("%d bytes, %v", len(value), err)
		}
	})
}
