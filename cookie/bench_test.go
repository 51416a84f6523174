package cookie_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gorilla/securecookie"
)

// sealed is a request that carries value.
func sealed(t testing.TB, j *cookie.Jar, value []byte) *http.Request {
	t.Helper()
	b := browser{}
	b.set(t, j, value, time.Hour)
	return b.request()
}

// TestSize holds what the documentation says about how large cookies are.
func TestSize(t *testing.T) {
	for _, c := range []struct {
		name     string
		provider provider
		groups   []string
		most     int
	}{
		{"Keycloak", keycloak, nil, 2100},
		{"Auth0", auth0, nil, 2100},
		{"Keycloak, 40 teams", keycloak, teams(40), 4095},
		{"Auth0, 40 teams", auth0, teams(40), 4095},
		{"Keycloak, 40 random names", keycloak, randomNames(40), 4095},
		{"Auth0, 40 random names", auth0, randomNames(40), 4095},
	} {
		j := jar(t, cookie.Config{})
		text, err := j.Text(sealed(t, j, c.provider.session(c.groups)))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", c.name, len(text))
		if len(j.Name())+len(text) > c.most {
			t.Errorf("%s: %d bytes, want at most %d with the name", c.name, len(text), c.most)
		}
	}
}

func TestGetAllocations(t *testing.T) {
	for _, c := range []struct {
		keys int
		most float64
	}{{1, 2}, {2, 2}} {
		j := jar(t, cookie.Config{Codec: codec(t, keys(t, c.keys))})
		r := sealed(t, j, keycloak.session(nil))
		if allocs := testing.AllocsPerRun(100, func() {
			if _, err := j.Get(r); err != nil {
				t.Fatal(err)
			}
		}); allocs > c.most {
			t.Errorf("%d keys: %v allocations, want at most %v", c.keys, allocs, c.most)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	j := jar(b, cookie.Config{})
	r := sealed(b, j, keycloak.session(nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Get(r); err != nil {
			b.Fatal(err)
		}
	}
	text, _ := j.Text(r)
	b.ReportMetric(float64(len(text)), "cookie-bytes")
}

// BenchmarkGetSplit is a session that takes three cookies.
func BenchmarkGetSplit(b *testing.B) {
	j := jar(b, cookie.Config{})
	r := sealed(b, j, random(8_000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Get(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	j, value := jar(b, cookie.Config{}), keycloak.session(nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := j.Set(httptest.NewRecorder(), nil, value, now.Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFlood is a megabyte of other cookies.
func BenchmarkFlood(b *testing.B) {
	j := jar(b, cookie.Config{})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", strings.Repeat("a=b; ", 200_000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Get(r); err != cookie.ErrNoCookie {
			b.Fatal(err)
		}
	}
}

// BenchmarkGorillaGet is gorilla's own codec with JSON on what it would hold,
// the tokens as strings.
func BenchmarkGorillaGet(b *testing.B) {
	type session struct {
		IDToken, AccessToken, RefreshToken string
		Claims                             map[string]any
	}
	token := base64.RawURLEncoding.EncodeToString(random(825))
	value := session{token, token, token[:300], map[string]any{
		"sub": uuid(), "name": "Alice Example", "given_name": "Alice", "family_name": "Example", "preferred_username": "alice",
		"email": "alice@example.com", "email_verified": true, "locale": "en", "zoneinfo": "Europe/Berlin", "updated_at": 1799000000,
	}}
	codec := securecookie.New(random(32), random(32)).SetSerializer(securecookie.JSONEncoder{}).MaxLength(0)
	text, err := codec.Encode("session", value)
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", "session="+text)
	b.ReportAllocs()
	for b.Loop() {
		var opened session
		c, err := r.Cookie("session")
		if err != nil {
			b.Fatal(err)
		}
		if err := codec.Decode("session", c.Value, &opened); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(text)), "cookie-bytes")
}
