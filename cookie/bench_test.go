package cookie_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gorilla/securecookie"
)

// payload is a session as the library seals it: ID token and access token of
// 1.1 kB, their segments as bytes, a refresh token of 300 characters, and ten
// claims. With groups, both tokens list them, and the refresh token is a JWT.
func payload(t testing.TB, groups int) []byte {
	t.Helper()
	encode := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	header := encode(map[string]any{"alg": "RS256", "typ": "JWT", "kid": "9XGzvZ2uYy4mE8aC1Qf0Hn7sKpLdWb3tRr5VcBqXjTg"})
	id := map[string]any{
		"iss": "https://login.example.com/realms/main", "sub": "f3b0c5de-8a6f-4f0e-9a4f-2a1c7e5b9d10", "aud": "shop-frontend", "azp": "shop-frontend",
		"exp": 1800000300, "iat": 1800000000, "auth_time": 1799999990, "jti": "0b8f5f5e-1b7c-4f9b-8a55-8e3d2c1b0a99",
		"nonce": "Zl0pM7yQn3vWb1xKs8uJt5rHd2gFc9eA4oLiXkVmNqE", "at_hash": "x4Yq2bTn7uJr9sKdLmWc1g", "sid": "a9c1e2b4-77d0-4a0b-9d1c-5f6e7a8b9c0d",
		"typ": "ID", "acr": "1", "tenant": "4e1b7d52-90aa-4c27-b6a4-7d2f0c81e6d3", "organization": "Example Trading Ltd",
	}
	access := map[string]any{
		"iss": "https://login.example.com/realms/main", "sub": "f3b0c5de-8a6f-4f0e-9a4f-2a1c7e5b9d10", "aud": []string{"account", "orders"}, "azp": "shop-frontend",
		"exp": 1800000300, "iat": 1800000000, "jti": "5d2f1c3b-9a8e-4d7c-b6a5-0f1e2d3c4b5a", "typ": "Bearer", "scope": "openid profile email offline_access",
		"sid": "a9c1e2b4-77d0-4a0b-9d1c-5f6e7a8b9c0d", "allowed-origins": []string{"https://shop.example.com"}, "tenant": id["tenant"],
		"realm_access": map[string]any{"roles": []string{"offline_access", "uma_authorization"}},
	}
	var list []string
	for i := range groups {
		list = append(list, fmt.Sprintf("/company/team-%02d/%x", i, random(2)))
	}
	if groups > 0 {
		id["groups"], access["groups"] = list, list
	}
	token := func(claims any, signature int) []byte {
		return append(append(append([]byte{}, header...), encode(claims)...), random(signature)...)
	}
	profile := encode(map[string]any{
		"name": "Alice Example", "given_name": "Alice", "family_name": "Example", "preferred_username": "alice", "email": "alice@example.com",
		"email_verified": true, "roles": []string{"admin", "editor"}, "locale": "en", "zoneinfo": "Europe/Berlin", "updated_at": 1799000000,
	})
	refresh := random(225) // 300 characters of base64url
	if groups > 0 {
		refresh = token(map[string]any{"iss": id["iss"], "sub": id["sub"], "typ": "Refresh", "jti": "e7", "exp": 1800003600, "sid": id["sid"]}, 64)
	}
	frame := random(24)
	for _, part := range [][]byte{token(id, 256), token(access, 256), refresh, profile} {
		frame = append(frame, part...)
	}
	if groups == 0 {
		for name, claims := range map[string]any{"ID token": id, "access token": access} {
			if size := base64.RawURLEncoding.EncodedLen(len(header)) + base64.RawURLEncoding.EncodedLen(len(encode(claims))) + 344; size < 1050 || size > 1150 {
				t.Fatalf("the %s has %d bytes, want 1.1 kB", name, size)
			}
		}
	}
	return frame
}

func sealed(t testing.TB, j *cookie.Jar, value []byte) *http.Request {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	if err := j.Set(w, nil, value, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.Result().Cookies() {
		r.Header.Set("Cookie", strings.TrimPrefix(r.Header.Get("Cookie")+"; "+c.Name+"="+c.Value, "; "))
	}
	return r
}

// TestSize holds what the documentation says about how large cookies are.
func TestSize(t *testing.T) {
	for _, c := range []struct{ groups, most int }{{0, 2100}, {40, 4095}} {
		j := jar(t, cookie.Config{})
		text, err := j.Text(sealed(t, j, payload(t, c.groups)))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d groups: %d bytes", c.groups, len(text))
		if len(j.Name())+1+len(text) > c.most {
			t.Errorf("%d groups: %d bytes, want at most %d", c.groups, len(text), c.most)
		}
	}
}

func TestGetAllocations(t *testing.T) {
	j := jar(t, cookie.Config{})
	r := sealed(t, j, payload(t, 0))
	if allocs := testing.AllocsPerRun(100, func() {
		if _, err := j.Get(r); err != nil {
			t.Fatal(err)
		}
	}); allocs > 7 {
		t.Errorf("%v allocations, want at most 7", allocs)
	}
}

func BenchmarkGet(b *testing.B) {
	j := jar(b, cookie.Config{})
	r := sealed(b, j, payload(b, 0))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Get(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	j, value := jar(b, cookie.Config{}), payload(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		if err := j.Set(httptest.NewRecorder(), nil, value, now.Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGorillaGet is gorilla's own codec with JSON on what it would hold:
// the tokens as strings.
func BenchmarkGorillaGet(b *testing.B) {
	type session struct {
		IDToken, AccessToken, RefreshToken string
		Claims                             map[string]any
	}
	token := base64.RawURLEncoding.EncodeToString(random(825))
	value := session{token, token, token[:300], map[string]any{
		"name": "Alice Example", "given_name": "Alice", "family_name": "Example", "preferred_username": "alice", "email": "alice@example.com",
		"email_verified": true, "roles": []string{"admin", "editor"}, "locale": "en", "zoneinfo": "Europe/Berlin", "updated_at": 1799000000,
	}}
	codec := securecookie.New(random(32), random(32)).SetSerializer(securecookie.JSONEncoder{}).MaxLength(0)
	text, err := codec.Encode("session", value)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ReportMetric(float64(len(text)), "cookie-bytes")
	for b.Loop() {
		var opened session
		if err := codec.Decode("session", text, &opened); err != nil {
			b.Fatal(err)
		}
	}
}
