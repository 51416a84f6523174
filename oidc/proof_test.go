package oidc_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func thumbprint(t testing.TB, key *oidctest.Key) string {
	t.Helper()
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// bound is an access token that is bound to key.
func (b *bench) bound(key *oidctest.Key) string {
	token := b.token()
	token.Claims["cnf"] = map[string]any{"jkt": thumbprint(b, key)}
	return token.Sign()
}

// publicJWK is key as a proof brings it along.
func publicJWK(key *oidctest.Key) map[string]any {
	jwk := key.JWK()
	delete(jwk, "use")
	delete(jwk, "alg")
	delete(jwk, "kid")
	return jwk
}

var proofs int

// prove puts the token and a proof for it into a request.
func (b *bench) prove(r *http.Request, key *oidctest.Key, token string, change func(*oidctest.JWT)) *http.Request {
	proofs++
	sum := sha256.Sum256([]byte(token))
	proof := b.provider.NewJWT(map[string]any{
		"jti": fmt.Sprintf("proof-%d", proofs), "htm": r.Method, "htu": baseURL + r.URL.Path, "iat": b.clock().Unix(),
		"ath": base64.RawURLEncoding.EncodeToString(sum[:]),
	})
	proof.SignWith(key)
	delete(proof.Header, "kid")
	proof.Header["typ"], proof.Header["jwk"] = "dpop+jwt", publicJWK(key)
	if change != nil {
		change(proof)
	}
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", proof.Sign())
	return r
}

// TestProof: every rule of RFC 9449 §4.3 and §7, by name.
func TestProof(t *testing.T) {
	b := newBench(t, oidctest.Config{}, nil)
	key, stranger := oidctest.NewKey("ES256"), oidctest.NewKey("ES256")
	token := b.bound(key)
	at := func(d time.Duration) int64 { return b.clock().Add(d).Unix() }
	type jwt = *oidctest.JWT
	set := func(name string, value any) func(jwt) { return func(j jwt) { j.Claims[name] = value } }
	for _, c := range []struct {
		name   string
		change func(jwt)
		code   string // "": accepted
		says   string
	}{
		{"honest", func(jwt) {}, "", ""},
		{"typ JWT", func(j jwt) { j.Header["typ"] = "JWT" }, oidc.InvalidProof, "typ"},
		{"no typ", func(j jwt) { delete(j.Header, "typ") }, oidc.InvalidProof, "typ"},
		{"an access token", func(j jwt) { j.Header["typ"] = "at+jwt" }, oidc.InvalidProof, "typ"},
		{"alg none", func(j jwt) { j.Unsigned() }, oidc.InvalidProof, "algorithm"},
		{"HMAC", func(j jwt) {
			j.SignWith(oidctest.HMACKey("HS256", []byte("secret")))
			j.Header["jwk"] = map[string]any{"kty": "oct", "k": "c2VjcmV0"}
		}, oidc.InvalidProof, "algorithm"},
		{"no jwk", func(j jwt) { delete(j.Header, "jwk") }, oidc.InvalidProof, "jwk"},
		{"jwk a string", func(j jwt) { j.Header["jwk"] = "key" }, oidc.InvalidProof, "jwk"},
		{"a private jwk", func(j jwt) { jwk := publicJWK(key); jwk["d"] = "AAAA"; j.Header["jwk"] = jwk }, oidc.InvalidProof, "public"},
		{"a symmetric jwk", func(j jwt) { j.Header["jwk"] = map[string]any{"kty": "oct", "k": "AAAA"} }, oidc.InvalidProof, "public"},
		{"another's jwk", func(j jwt) { j.Header["jwk"] = publicJWK(stranger) }, oidc.InvalidProof, "signature"},
		{"a jwk for signing", func(j jwt) {
			jwk := publicJWK(key)
			jwk["key_ops"], jwk["use"] = []string{"sign"}, "sig"
			j.Header["jwk"] = jwk
		}, "", ""},
		{"an RSA jwk", func(j jwt) { j.Header["jwk"] = publicJWK(rsaKey()) }, oidc.InvalidProof, "signature"},
		{"a short RSA jwk", func(j jwt) { j.Header["jwk"] = map[string]any{"kty": "RSA", "n": "AQAB", "e": "AQAB"} }, oidc.InvalidProof, "jwk"},
		{"a broken jwk", func(j jwt) { j.Header["jwk"] = map[string]any{"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"} }, oidc.InvalidProof, "jwk"},
		{"by another key", func(j jwt) { j.SignWith(stranger); j.Header["jwk"] = publicJWK(stranger) }, oidc.InvalidToken, "another key"},
		{"no signature", func(j jwt) { j.Key = nil }, oidc.InvalidProof, "signature"},
		{"crit", func(j jwt) { j.Header["crit"] = []string{"x"}; j.Header["x"] = 1 }, oidc.InvalidProof, "crit"},
		{"htm of another", set("htm", "POST"), oidc.InvalidProof, "htm"},
		{"htm in another case", set("htm", "get"), oidc.InvalidProof, "htm"},
		{"no htm", set("htm", nil), oidc.InvalidProof, "htm"},
		{"htu of another host", set("htu", "https://evil.example/orders"), oidc.InvalidProof, "htu"},
		{"htu of another scheme", set("htu", "http://api.example.com/orders"), oidc.InvalidProof, "htu"},
		{"htu of another port", set("htu", "https://api.example.com:8443/orders"), oidc.InvalidProof, "htu"},
		{"htu of another path", set("htu", baseURL+"/order"), oidc.InvalidProof, "htu"},
		{"htu with a slash more", set("htu", baseURL+"/orders/"), oidc.InvalidProof, "htu"},
		{"htu with dots", set("htu", baseURL+"/x/../orders"), oidc.InvalidProof, "htu"},
		{"htu with a user", set("htu", "https://a@api.example.com/orders"), oidc.InvalidProof, "htu"},
		{"htu a path", set("htu", "/orders"), oidc.InvalidProof, "htu"},
		{"htu no URL", set("htu", "https://api.example.com:x/orders"), oidc.InvalidProof, "htu"},
		{"htu a list", set("htu", []string{baseURL + "/orders"}), oidc.InvalidProof, "htu"},
		{"no htu", func(j jwt) { delete(j.Claims, "htu") }, oidc.InvalidProof, "htu"},
		{"htu with a query", set("htu", baseURL+"/orders?a=b"), "", ""},
		{"htu with a fragment", set("htu", baseURL+"/orders#a"), "", ""},
		{"htu with the default port", set("htu", "https://api.example.com:443/orders"), "", ""},
		{"htu in capitals", set("htu", "HTTPS://API.example.com/orders"), "", ""},
		{"htu percent-encoded", set("htu", baseURL+"/%6frders"), "", ""},
		{"iat 59 s ago", set("iat", at(-59*time.Second)), "", ""},
		{"iat 60 s ago", set("iat", at(-60*time.Second)), oidc.InvalidProof, "iat"},
		{"iat in 60 s", set("iat", at(60*time.Second)), "", ""},
		{"iat in 61 s", set("iat", at(61*time.Second)), oidc.InvalidProof, "iat"},
		{"no iat", func(j jwt) { delete(j.Claims, "iat") }, oidc.InvalidProof, "iat"},
		{"iat a string", set("iat", "now"), oidc.InvalidProof, "iat"},
		{"ath of another", set("ath", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), oidc.InvalidProof, "ath"},
		{"no ath", func(j jwt) { delete(j.Claims, "ath") }, oidc.InvalidProof, "ath"},
		{"no jti", func(j jwt) { delete(j.Claims, "jti") }, oidc.InvalidProof, "jti"},
		{"jti a number", set("jti", 7), oidc.InvalidProof, "jti"},
		{"endless jti", set("jti", strings.Repeat("a", 257)), oidc.InvalidProof, "jti"},
		{"htu twice", func(j jwt) { j.Append("htu", baseURL+"/orders") }, oidc.InvalidProof, "twice"},
		{"not JSON", func(j jwt) { j.Payload = []byte("x") }, oidc.InvalidProof, ""},
		{"huge", set("pad", strings.Repeat("a", 8<<10)), oidc.InvalidProof, "one DPoP header"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := b.verifier.Authenticate(b.prove(httptest.NewRequest(http.MethodGet, "/orders?x=y", nil), key, token, c.change))
			if c.code != "" {
				wantRefusal(t, err, c.code, c.says)
			} else if err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

// TestProofKeys: any kind of key will do, and escaped paths are compared as such.
func TestProofKeys(t *testing.T) {
	b := newBench(t, oidctest.Config{}, nil)
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"} {
		key := oidctest.NewKey(alg)
		if alg == "RS256" {
			key = rsaKey()
		}
		if _, err := b.verifier.Authenticate(b.prove(httptest.NewRequest(http.MethodPut, "/orders", nil), key, b.bound(key), nil)); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
	key := oidctest.NewKey("EdDSA")
	r := httptest.NewRequest(http.MethodGet, "/a%2fb", nil)
	htu := func(path string) func(*oidctest.JWT) {
		return func(j *oidctest.JWT) { j.Claims["htu"] = baseURL + path }
	}
	if _, err := b.verifier.Authenticate(b.prove(r, key, b.bound(key), htu("/a%2Fb"))); err != nil {
		t.Error(err)
	}
	_, err := b.verifier.Authenticate(b.prove(r, key, b.bound(key), htu("/a/b")))
	wantRefusal(t, err, oidc.InvalidProof, "htu")
	stripped := httptest.NewRequest(http.MethodGet, "/v1/orders", nil)
	b.prove(stripped, key, b.bound(key), nil)
	http.StripPrefix("/v1", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := b.verifier.Authenticate(r); err != nil {
			t.Errorf("below a prefix: %v", err)
		}
	})).ServeHTTP(httptest.NewRecorder(), stripped)
}

// TestOddRSAKeys: a proof brings its own key along, and none is odd enough to be
// accepted or to break anything.
func TestOddRSAKeys(t *testing.T) {
	b := newBench(t, oidctest.Config{}, nil)
	key := rsaKey()
	encode := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	even := new(big.Int).Lsh(big.NewInt(1), 2047)
	for _, modulus := range []*big.Int{even, new(big.Int).Add(even, big.NewInt(1))} {
		for _, exponent := range []int64{0, 1, 2, 4, 65537, 1<<31 - 1, 1<<31 + 1, 1<<62 + 1} {
			r := b.prove(httptest.NewRequest(http.MethodGet, "/orders", nil), key, b.bound(key), func(j *oidctest.JWT) {
				j.Header["jwk"] = map[string]any{"kty": "RSA", "n": encode(modulus), "e": encode(big.NewInt(exponent))}
			})
			_, err := b.verifier.Authenticate(r)
			wantRefusal(t, err, oidc.InvalidProof, "")
		}
	}
}

// TestBinding: a token that is bound is good for nothing without its proof, seen
// before or not.
func TestBinding(t *testing.T) {
	b := newBench(t, oidctest.Config{}, nil)
	key := oidctest.NewKey("ES256")
	token := b.bound(key)
	get := func() *http.Request { return httptest.NewRequest(http.MethodGet, "/orders", nil) }
	good := b.prove(get(), key, token, nil)
	if accepted, err := b.verifier.Authenticate(good); err != nil || accepted.Scheme() != "DPoP" {
		t.Fatal(err)
	}
	_, err := b.verifier.Authenticate(good)
	wantRefusal(t, err, oidc.InvalidProof, "jti")
	_, err = b.authenticate(token)
	wantRefusal(t, err, oidc.InvalidToken, "proof")
	_, err = b.verifier.Verify(t.Context(), token)
	wantRefusal(t, err, oidc.InvalidToken, "proof")
	bearer := b.prove(get(), key, token, nil)
	bearer.Header.Set("Authorization", "Bearer "+token)
	_, err = b.verifier.Authenticate(bearer)
	wantRefusal(t, err, oidc.InvalidToken, "the scheme DPoP")
	none := b.prove(get(), key, token, nil)
	none.Header.Del("DPoP")
	_, err = b.verifier.Authenticate(none)
	wantRefusal(t, err, oidc.InvalidProof, "header")
	twice := b.prove(get(), key, token, nil)
	twice.Header.Add("DPoP", twice.Header.Get("DPoP"))
	_, err = b.verifier.Authenticate(twice)
	wantRefusal(t, err, oidc.InvalidProof, "header")
	_, err = b.verifier.Authenticate(b.prove(get(), key, b.token().Sign(), nil))
	wantRefusal(t, err, oidc.InvalidToken, "bound to no key")
	// jti is another's, too: the key goes with it.
	other := oidctest.NewKey("ES256")
	same := func(j *oidctest.JWT) { j.Claims["jti"] = "same" }
	for _, key := range []*oidctest.Key{key, other} {
		if _, err := b.verifier.Authenticate(b.prove(get(), key, b.bound(key), same)); err != nil {
			t.Error(err)
		}
	}
}

func TestProofCannotBeChecked(t *testing.T) {
	b := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) { c.BaseURL = "" })
	key := oidctest.NewKey("ES256")
	_, err := b.verifier.Authenticate(b.prove(httptest.NewRequest(http.MethodGet, "/orders", nil), key, b.bound(key), nil))
	wantRefusal(t, err, oidc.InvalidToken, "BaseURL")
	if challenges := b.verifier.Challenges(nil); len(challenges) != 1 {
		t.Errorf("%q", challenges)
	}
	if challenges := b.verifier.Challenges(err); len(challenges) != 1 || !strings.Contains(challenges[0], `error="invalid_token"`) {
		t.Errorf("%q", challenges)
	}
}

// TestChallengesAreClean: whatever an API is called, its name ends neither a parameter
// nor the header.
func TestChallengesAreClean(t *testing.T) {
	b := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) {
		c.Audience = []string{"a\", x=\"y\\\r\nSet-Cookie: é=1"}
		c.ResourceMetadata = "https://api.example.com/\"\n"
	})
	err := &oidc.Refusal{Code: oidc.InsufficientScope, Scopes: []string{"a\"b", "c"}, ACRValues: []string{`\`}}
	const want = `Bearer realm="a, x=ySet-Cookie: =1", resource_metadata="https://api.example.com/", error="insufficient_scope", scope="ab c"`
	if got := b.verifier.Challenges(err)[0]; !strings.HasPrefix(got, want) || strings.ContainsAny(got, "\r\n\\") {
		t.Errorf("%s", got)
	}
}

// TestOurOwnProofs: what [oidc.Sender] sends is what is accepted, nonces included.
func TestOurOwnProofs(t *testing.T) {
	var b *bench
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("DPoP-Nonce", b.verifier.Nonce())
		if _, err := b.verifier.Authenticate(r); err != nil {
			w.Header()["Www-Authenticate"] = b.verifier.Challenges(err)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	b = newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) { c.BaseURL, c.RequireNonce = server.URL, true })
	key := oidc.NewProofKey()
	token := b.token()
	token.Claims["cnf"] = map[string]any{"jkt": key.Thumbprint()}
	sender := oidc.NewSender(b.clock)
	send := func(method, path, token string, key oidc.ProofKey) int {
		r, err := http.NewRequest(method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := sender.Send(nil, r, token, key)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	for _, path := range []string{"/orders", "/orders", "", "/a%2fb/ä?q=1", "/a//b/../c;d"} {
		if status := send("PUT", path, token.Sign(), key); status != http.StatusOK {
			t.Errorf("%q: %d", path, status)
		}
	}
	if status := send("GET", "/orders", token.Sign(), oidc.NewProofKey()); status != http.StatusUnauthorized {
		t.Errorf("another key: %d", status)
	}
	if status := send("GET", "/orders", token.Sign(), oidc.ProofKey{}); status != http.StatusUnauthorized {
		t.Errorf("no key: %d", status)
	}
}

func TestRequireBinding(t *testing.T) {
	b := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) { c.RequireBinding = true })
	_, err := b.authenticate(b.token().Sign())
	wantRefusal(t, err, oidc.InvalidToken, "bound")
	_, err = b.verifier.Verify(t.Context(), b.token().Sign())
	wantRefusal(t, err, oidc.InvalidToken, "bound")
	key := oidctest.NewKey("ES256")
	if _, err := b.verifier.Authenticate(b.prove(httptest.NewRequest(http.MethodGet, "/orders", nil), key, b.bound(key), nil)); err != nil {
		t.Error(err)
	}
}

func TestNonce(t *testing.T) {
	secret := []byte(strings.Repeat("n", 32))
	b := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) { c.RequireNonce, c.NonceSecret = true, secret })
	replica := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) { c.RequireNonce, c.NonceSecret = true, secret })
	stranger := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) { c.RequireNonce = true })
	key := oidctest.NewKey("ES256")
	token := b.bound(key)
	with := func(nonce any) error {
		_, err := b.verifier.Authenticate(b.prove(httptest.NewRequest(http.MethodGet, "/orders", nil), key, token, func(j *oidctest.JWT) {
			if nonce != nil {
				j.Claims["nonce"] = nonce
			}
		}))
		return err
	}
	for _, nonce := range []any{nil, "", "nonsense", 7, stranger.verifier.Nonce(), b.verifier.Nonce() + "A"} {
		err := with(nonce)
		wantRefusal(t, err, oidc.UseNonce, "nonce")
		if challenge := strings.Join(b.verifier.Challenges(err), ", "); !strings.Contains(challenge, `DPoP algs="`) || !strings.Contains(challenge, `error="use_dpop_nonce"`) {
			t.Errorf("%s", challenge)
		}
	}
	ahead := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) { c.RequireNonce, c.NonceSecret = true, secret })
	ahead.advance(2 * time.Minute) // further than clocks are apart
	wantRefusal(t, with(ahead.verifier.Nonce()), oidc.UseNonce, "nonce")
	nonce := b.verifier.Nonce()
	for _, good := range []string{nonce, nonce, replica.verifier.Nonce()} {
		if err := with(good); err != nil {
			t.Errorf("%v", err)
		}
	}
	b.advance(4 * time.Minute)
	if err := with(nonce); err != nil {
		t.Error(err)
	}
	b.advance(time.Minute)
	token = b.bound(key)
	wantRefusal(t, with(nonce), oidc.UseNonce, "nonce")
	if plain := newBench(t, oidctest.Config{}, nil).verifier.Nonce(); plain != "" {
		t.Errorf("a nonce that nobody asked for: %q", plain)
	}
}

// TestProofsAndClocks: replicas share what was spent, and their clocks are half a
// minute off. A proof that one takes for old is still spent for the other.
func TestProofsAndClocks(t *testing.T) {
	spent := map[string]time.Time{}
	var b *bench
	share := func(c *oidc.VerifierConfig) {
		c.SpendProof = func(_ context.Context, id string, expires time.Time) (bool, error) {
			if b.clock().Before(spent[id]) { // by the clock of the store
				return false, nil
			}
			spent[id] = expires
			return true, nil
		}
	}
	b = newBench(t, oidctest.Config{}, share)
	config := oidc.VerifierConfig{
		Audience: []string{api}, Issuers: []oidc.TrustedIssuer{{Issuer: b.provider.Issuer()}}, BaseURL: baseURL,
		Clock: func() time.Time { return b.clock().Add(-30 * time.Second) },
	}
	share(&config)
	behind, err := oidc.NewVerifier(config)
	if err != nil {
		t.Fatal(err)
	}
	key := oidctest.NewKey("ES256")
	r := b.prove(httptest.NewRequest(http.MethodGet, "/orders", nil), key, b.bound(key), nil)
	if _, err := b.verifier.Authenticate(r); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		b.advance(10 * time.Second)
		for _, v := range []*oidc.Verifier{b.verifier, behind} {
			_, err := v.Authenticate(r)
			wantRefusal(t, err, oidc.InvalidProof, "")
		}
	}
}
