package cookie_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
)

func TestMembers(t *testing.T) {
	family := jar(t, cookie.Config{Name: "flow"})
	b := browser{"other": "1", "__Host-flow": "x", "__Host-flow.1": "x", "__Host-flowers-1": "x", "__Host-flow-": "x", "__Host-flow-a\"b": "x"}
	for _, id := range []string{"b", "a", "-_9"} {
		b.set(t, family.Member(id), []byte(id), time.Hour)
	}
	b.set(t, family.Member("large"), random(5000), time.Hour)
	if got := family.Members(b.request()); !slices.Equal(got, []string{"-_9", "a", "b", "large"}) {
		t.Errorf("members %v", got)
	}
	if got, err := family.Member("a").Get(b.request()); err != nil || string(got) != "a" {
		t.Errorf("member a: %q, %v", got, err)
	}
	if got := family.Members(nil); got != nil {
		t.Errorf("members %v of no request", got)
	}
}

func TestMembersOfAFlood(t *testing.T) {
	flood := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := range 10_000 {
		flood.Header.Add("Cookie", fmt.Sprintf("__Host-flow-%d=x; __Host-flow-0.%d=y", i, i%10))
	}
	got := jar(t, cookie.Config{Name: "flow"}).Members(flood)
	if len(got) != 64 || got[0] != "0" || got[63] != "63" {
		t.Errorf("%d members of a flood: %v", len(got), got)
	}
}

// TestFamily: who looks at every member goes through the cookies of all others once.
func TestFamily(t *testing.T) {
	jar, b := jar(t, cookie.Config{Name: "flow"}), browser{}
	b.set(t, jar.Member("a"), random(9000), time.Hour)
	others := strings.Repeat("a;", 100_000)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", others+b.request().Header.Get("Cookie")+"; __Host-flow=x; "+others+"__Host-flow-b=junk")
	family := jar.Family(r)
	if got := family.Header["Cookie"]; len(got) != len(b)+1 {
		t.Errorf("%d cookies, want the three of one member and the other's", len(got))
	}
	if got := jar.Members(family); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("members %v", got)
	}
	if _, err := jar.Member("a").Get(family); err != nil {
		t.Error(err)
	}
	r.Header.Set("Cookie", strings.Repeat("__Host-flow-a=x;", 50_000))
	if got := len(jar.Family(r).Header["Cookie"]); got != 1024 {
		t.Errorf("%d cookies of a flood", got)
	}
	if got := jar.Members(jar.Family(nil)); got != nil {
		t.Errorf("members %v of no request", got)
	}
}

func TestClearOfAMember(t *testing.T) {
	family, b := jar(t, cookie.Config{Name: "flow"}), browser{}
	b.set(t, family, random(5000), time.Hour)
	b.set(t, family.Member("a"), random(9000), time.Hour)
	b.set(t, family.Member("ab"), []byte("x"), time.Hour)
	w := httptest.NewRecorder()
	family.Member("a").Clear(w, b.request())
	for _, name := range []string{"__Host-flow-a", "__Host-flow-a.1", "__Host-flow-a.2"} {
		if want := name + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"; !slices.Contains(w.Header()["Set-Cookie"], want) {
			t.Errorf("no %s", want)
		}
	}
	b.receive(t, w)
	if len(b) != 3 {
		t.Errorf("%d cookies are left, want the family's two and the other member's", len(b))
	}
}

func TestMemberOfAnInvalidID(t *testing.T) {
	family := jar(t, cookie.Config{Name: "flow"})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", "=1; .1=2; __Host-flow-a=b=c; -a=1; __Host-flow-=1")
	for _, id := range []string{"", "a=b", "a; Domain=example.com", "a.1", "a\r\nX: y", "ä", strings.Repeat("a", 65)} {
		for _, member := range []*cookie.Jar{family.Member(id), family.Member(id).Member("a")} {
			w := httptest.NewRecorder()
			if err := member.Set(w, r, []byte("x"), now.Add(time.Hour)); err == nil {
				t.Errorf("%q: set %v", id, w.Header())
			}
			member.Clear(w, r)
			if _, err := member.Get(r); err != cookie.ErrNoCookie || len(w.Header()) != 0 || member.Members(r) != nil {
				t.Errorf("%q: %v, %v, %v", id, err, w.Header(), member.Members(r))
			}
		}
	}
}

// TestWithout: what is passed on has all cookies but the jar's and those of its family,
// and what carries none of them is passed on as it is.
func TestWithout(t *testing.T) {
	one, family, b := jar(t, cookie.Config{Name: "session"}), jar(t, cookie.Config{Name: "session-flow"}), browser{}
	b.set(t, one, random(9000), time.Hour)
	b.set(t, family.Member("a"), random(5000), time.Hour)
	r := b.request()
	r.Header.Set("Cookie", "theme=dark; "+r.Header.Get("Cookie")+"; __Host-session-cart=3")
	r.Header.Add("Cookie", "__Host-session.1=x")
	before := r.Header.Get("Cookie")
	passed := family.WithoutFamily(one.Without(r))
	if got := passed.Header["Cookie"]; !slices.Equal(got, []string{"theme=dark; __Host-session-cart=3"}) {
		t.Errorf("passed on with %q", got)
	}
	if r.Header.Get("Cookie") != before || len(r.Header["Cookie"]) != 2 {
		t.Error("the request itself was changed")
	}
	if one.Without(passed) != passed || family.WithoutFamily(passed) != passed {
		t.Error("a request without such cookies was copied")
	}
	if got, there := one.Without(b.request()).Header["Cookie"]; there && strings.Contains(got[0], "__Host-session=") {
		t.Errorf("left %q", got)
	}
}
