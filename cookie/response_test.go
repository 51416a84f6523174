package cookie_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
)

func TestAttributes(t *testing.T) {
	for _, c := range []struct {
		config cookie.Config
		want   string
	}{
		{cookie.Config{}, "__Host-session=…; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{cookie.Config{SameSite: http.SameSiteNoneMode}, "__Host-session=…; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=None"},
		{cookie.Config{SameSite: http.SameSiteStrictMode}, "__Host-session=…; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Strict"},
		{cookie.Config{InsecureHTTP: true}, "session=…; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
	} {
		j, w := jar(t, c.config), httptest.NewRecorder()
		if err := j.Set(w, nil, nil, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		line := w.Header().Get("Set-Cookie")
		start, end := strings.Index(line, "=")+1, strings.Index(line, ";")
		if got := line[:start] + "…" + line[end:]; got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", line[:end])
		w = httptest.NewRecorder()
		j.Clear(w, r)
		removed := strings.Replace(c.want, "=…; Path=/; Max-Age=3600", "=; Path=/; Max-Age=0", 1)
		if got := w.Header().Get("Set-Cookie"); got != removed {
			t.Errorf("Clear: %s, want %s", got, removed)
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
	for _, r := range []*http.Request{b.request(), nil} {
		w = httptest.NewRecorder()
		j.Clear(w, r)
		if err := j.Set(w, r, []byte("x"), now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		j.Clear(w, r)
		if len(w.Header()) != 0 {
			t.Error("Clear set cookies for a request that carries none")
		}
	}
	b = browser{j.Name(): "", j.Name() + ".1": "", j.Name() + ".7": "junk"}
	w = httptest.NewRecorder()
	j.Clear(w, b.request())
	b.receive(t, w)
	if len(b) != 0 {
		t.Errorf("%v is left after Clear", b)
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

// TestTheLastWordHolds: a response that says two things of a jar keeps the
// second, and what it says of others.
func TestTheLastWordHolds(t *testing.T) {
	j := jar(t, cookie.Config{})
	small, large := []byte("x"), random(9000)
	put := func(value []byte) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := j.Set(w, r, value, now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	name := j.Name()
	for _, c := range []struct {
		name    string
		carried []byte
		first   func(http.ResponseWriter, *http.Request)
		second  func(http.ResponseWriter, *http.Request)
		want    []string // names, a "-" before those that are removed
	}{
		{"set, then cleared", nil, put(large), j.Clear, nil},
		{"renewed, then cleared", small, put(large), j.Clear, []string{"-" + name}},
		{"shrunk, then cleared", large, put(small), j.Clear, []string{"-" + name, "-" + name + ".1", "-" + name + ".2"}},
		{"cleared, then set", large, j.Clear, put(small), []string{name, "-" + name + ".1", "-" + name + ".2"}},
		{"large, then small", nil, put(large), put(small), []string{name}},
		{"small, then large", large, put(small), put(large), []string{name, name + ".1", name + ".2"}},
		{"cleared twice", large, j.Clear, j.Clear, []string{"-" + name, "-" + name + ".1", "-" + name + ".2"}},
	} {
		b := browser{}
		if c.carried != nil {
			b.set(t, j, c.carried, time.Hour)
		}
		w := httptest.NewRecorder()
		others := []string{"other=1", name + "s=2", name + "-member=3", name + ".9=4"}
		w.Header()["Set-Cookie"] = slices.Clone(others)
		c.first(w, b.request())
		c.second(w, b.request())
		var got []string
		for _, line := range w.Header()["Set-Cookie"][len(others):] {
			cookieName, _, _ := strings.Cut(line, "=")
			if strings.Contains(line, "Max-Age=0") {
				cookieName = "-" + cookieName
			}
			got = append(got, cookieName)
		}
		if !slices.Equal(got, c.want) || !slices.Equal(w.Header()["Set-Cookie"][:len(others)], others) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestMaxAge is in whole seconds, as long as the value opens: what lives ten minutes is
// kept for ten minutes, whatever the fraction of a second that it was sealed at.
func TestMaxAge(t *testing.T) {
	for left, want := range map[time.Duration]string{
		10 * time.Minute:                 "600",
		10*time.Minute - 1:               "600",
		10*time.Minute - time.Second + 1: "600",
		10*time.Minute - time.Second:     "599",
		time.Second:                      "1",
		1500 * time.Millisecond:          "2",
	} {
		w := httptest.NewRecorder()
		if err := jar(t, cookie.Config{}).Put(w, nil, "text", now.Add(left)); err != nil {
			t.Fatal(err)
		}
		if line := w.Header().Get("Set-Cookie"); !strings.Contains(line, "; Max-Age="+want+";") {
			t.Errorf("%v: %s, want %s", left, line, want)
		}
	}
}

func TestPutRefusesWhatIsNoText(t *testing.T) {
	j := jar(t, cookie.Config{})
	for _, text := range []string{"", "~2A", "a; Domain=example.com", "a,b", "a b", "a\r\nX: y", "a\x00", "ä", `"a"`, `a\b`} {
		w := httptest.NewRecorder()
		if err := j.Put(w, nil, text, now.Add(time.Hour)); err == nil || len(w.Header()) != 0 {
			t.Errorf("%q: %v, %v", text, err, w.Header())
		}
	}
	w := httptest.NewRecorder()
	if err := j.Put(w, nil, "text", now.Add(time.Second-1)); err != cookie.ErrExpired || len(w.Header()) != 0 {
		t.Errorf("less than a second: %v, %v", err, w.Header())
	}
}
