package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The work is the same for everybody: a person signed in with an ID token of
// 1.1 kB, an access token of 1.1 kB, a refresh token of 300 bytes, and ten
// claims that the application reads.
const (
	issuer   = "https://idp.example.com/realms/main"
	clientID = "shop"
	audience = "https://api.example.com"
	baseURL  = "https://shop.example.com"

	tokenBytes   = 1100
	refreshBytes = 300
)

// Tokens are those of one sign-in.
type Tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

// signer is the provider's key.
type signer struct {
	key *rsa.PrivateKey
	kid string
}

func newSigner() signer {
	return signer{must(rsa.GenerateKey(rand.Reader, 2048)), "key-1"}
}

func (s signer) sign(typ string, claims map[string]any) string {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(claims))
	token.Header["kid"], token.Header["typ"] = s.kid, typ
	return must(token.SignedString(s.key))
}

// person are the claims of one person, ten of them worth keeping, and groups
// where they are asked for.
func person(number, groups int) map[string]any {
	claims := map[string]any{
		"iss":                issuer,
		"sub":                fmt.Sprintf("248289761%06d", number),
		"name":               "Alice Example",
		"given_name":         "Alice",
		"family_name":        "Example",
		"preferred_username": "alice",
		"email":              "alice@example.com",
		"email_verified":     true,
		"locale":             "en-GB",
		"roles":              []string{"admin", "editor"},
	}
	if groups > 0 {
		claims["groups"] = groupNames(groups)
	}
	return claims
}

// groupNames look as directories' do: alike in part.
func groupNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		names[i] = fmt.Sprintf("/sales/team-%x", sum[:4])
	}
	return names
}

// idToken and accessToken have the size that is asked of them, unless groups make
// them longer.
func (s signer) idToken(number, groups int, nonce string) string {
	return s.sized("JWT", func(padding string) map[string]any {
		now := time.Now()
		claims := person(number, groups)
		claims["aud"], claims["nonce"], claims["sid"] = clientID, nonce, text(24)
		claims["iat"], claims["exp"] = now.Unix(), now.Add(time.Hour).Unix()
		claims["pad"] = padding
		return claims
	})
}

func (s signer) accessToken(number int) string {
	return s.sized("at+jwt", func(padding string) map[string]any {
		now := time.Now()
		return map[string]any{
			"iss": issuer, "sub": fmt.Sprintf("248289761%06d", number), "aud": audience, "client_id": clientID,
			"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": text(24),
			"scope": "openid profile email orders:read", "roles": []string{"admin", "editor"}, "pad": padding,
		}
	})
}

// sized pads with what no compression shortens, until the token is as long as it
// should be.
func (s signer) sized(typ string, claims func(padding string) map[string]any) string {
	missing := (tokenBytes - len(s.sign(typ, claims("")))) * 3 / 4
	return s.sign(typ, claims(text(max(missing, 0))))
}

func (s signer) tokens(number, groups int, nonce string) Tokens {
	return Tokens{Access: s.accessToken(number), Refresh: text(refreshBytes), ID: s.idToken(number, groups, nonce)}
}

// text is random text of n characters.
func text(n int) string {
	random := make([]byte, n)
	_, _ = rand.Read(random)
	return base64.RawURLEncoding.EncodeToString(random)[:n]
}

// quiet is a ResponseWriter that costs next to nothing.
type quiet struct {
	header http.Header
	status int
}

func (q *quiet) Header() http.Header         { return q.header }
func (q *quiet) Write(b []byte) (int, error) { return len(b), nil }
func (q *quiet) WriteHeader(status int)      { q.status = status }

// serve is one request, answered with 204.
func serve(handler http.Handler, r *http.Request) {
	w := &quiet{header: http.Header{}}
	handler.ServeHTTP(w, r)
	if w.status != http.StatusNoContent {
		panic(fmt.Sprintf("status %d", w.status))
	}
}

// done is what all handlers answer.
func done(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// request carries a Cookie header and nothing else.
func request(cookies string) *http.Request {
	r := must(http.NewRequest(http.MethodGet, baseURL+"/orders", nil))
	r.RequestURI = "/orders"
	if cookies != "" {
		r.Header.Set("Cookie", cookies)
	}
	return r
}

// cookieHeader is what a browser sends back of an answer's cookies.
func cookieHeader(answer http.Header) string {
	var pairs []string
	for _, line := range answer["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		if name, value, _ := strings.Cut(pair, "="); name != "" && value != "" {
			pairs = append(pairs, pair)
		}
	}
	return strings.Join(pairs, "; ")
}

// cookieBytes counts names and values, without "=" and "; ".
func cookieBytes(header string) int {
	n := 0
	for pair := range strings.SplitSeq(header, "; ") {
		n += len(pair) - 1
	}
	return n
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
