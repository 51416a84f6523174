package gatehouse_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// boundToken is bob's access token, bound to key.
func (w *world) boundToken(key *oidctest.Key, scope ...string) string {
	w.Helper()
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		w.Fatal(err)
	}
	defer w.provider.OnAccessToken(func(j *oidctest.JWT) {
		j.Claims["cnf"] = map[string]any{"jkt": base64.RawURLEncoding.EncodeToString(sum)}
	})()
	return w.accessToken(scope...)
}

// proof is a DPoP proof for one request to the application (RFC 9449 §4.2).
func (w *world) proof(key *oidctest.Key, method, path, token, nonce string) string {
	sum := sha256.Sum256([]byte(token))
	proof := w.provider.NewJWT(map[string]any{
		"jti": rand.Text(), "htm": method, "htu": w.app.URL + path, "iat": w.clock.Now().Unix(), "ath": base64.RawURLEncoding.EncodeToString(sum[:]),
	})
	if nonce != "" {
		proof.Claims["nonce"] = nonce
	}
	proof.SignWith(key)
	jwk := key.JWK()
	for _, name := range []string{"kid", "alg", "use"} {
		delete(jwk, name)
	}
	proof.Header["typ"], proof.Header["jwk"] = "dpop+jwt", jwk
	return proof.Sign()
}

func TestBoundTokens(t *testing.T) {
	w := apiWorld(t, nil)
	key, stranger := oidctest.NewKey("ES256"), oidctest.NewKey("ES256")
	token := w.boundToken(key, "openid")
	used := w.proof(key, "GET", "/api/me", token, "")
	for _, c := range []struct {
		name, path, scheme, proof string
		status                    int
		says                      string
	}{
		{"with its proof", "/api/me", "DPoP", used, 200, ""},
		{"the proof again", "/api/me", "DPoP", used, 401, `error="invalid_dpop_proof"`},
		{"another proof", "/api/me?a=b", "DPoP", w.proof(key, "GET", "/api/me", token, ""), 200, ""},
		{"behind two of them", "/twice/me", "DPoP", w.proof(key, "GET", "/twice/me", token, ""), 200, ""},
		{"no proof", "/api/me", "DPoP", "", 401, `error="invalid_dpop_proof"`},
		{"as plain Bearer", "/api/me", "Bearer", "", 401, `error="invalid_token"`},
		{"as Bearer with a proof", "/api/me", "Bearer", w.proof(key, "GET", "/api/me", token, ""), 401, `error="invalid_token"`},
		{"a stranger's proof", "/api/me", "DPoP", w.proof(stranger, "GET", "/api/me", token, ""), 401, `error="invalid_token"`},
		{"of another page", "/api/me", "DPoP", w.proof(key, "GET", "/api/orders", token, ""), 401, `error="invalid_dpop_proof"`},
		{"of another method", "/api/me", "DPoP", w.proof(key, "POST", "/api/me", token, ""), 401, `error="invalid_dpop_proof"`},
		{"of another token", "/api/me", "DPoP", w.proof(key, "GET", "/api/me", "another", ""), 401, `error="invalid_dpop_proof"`},
		{"a scope is missing", "/api/orders", "DPoP", w.proof(key, "GET", "/api/orders", token, ""), 403, `DPoP algs=`},
	} {
		header := []string{"Authorization", c.scheme + " " + token}
		if c.proof != "" {
			header = append(header, "DPoP", c.proof)
		}
		res := w.call(c.path, header...)
		challenge := strings.Join(res.Header.Values("WWW-Authenticate"), ", ")
		if res.StatusCode != c.status || !strings.Contains(challenge, c.says) || c.status == 200 && !strings.Contains(res.body, "bob") {
			t.Errorf("%s: %d %s %s", c.name, res.StatusCode, challenge, res.body)
		}
	}
}

func TestNonceIsAskedFor(t *testing.T) {
	w := apiWorld(t, func(c *gatehouse.Config) { c.API.RequireNonce = true })
	key := oidctest.NewKey("EdDSA")
	token := w.boundToken(key)
	first := w.call("/api/me", "Authorization", "DPoP "+token, "DPoP", w.proof(key, "GET", "/api/me", token, "")).want(t, http.StatusUnauthorized, "the header DPoP-Nonce")
	nonce := first.Header.Get("DPoP-Nonce")
	if challenge := strings.Join(first.Header.Values("WWW-Authenticate"), ", "); nonce == "" || !strings.Contains(challenge, `error="use_dpop_nonce"`) || first.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%q %v", challenge, first.Header)
	}
	second := w.call("/api/me", "Authorization", "DPoP "+token, "DPoP", w.proof(key, "GET", "/api/me", token, nonce)).want(t, http.StatusOK, "bob")
	if second.Header.Get("DPoP-Nonce") == "" || second.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", second.Header)
	}
	w.call("/api/me", "Authorization", "Bearer "+w.accessToken()).want(t, http.StatusOK)
}

// TestBoundToACertificate: on a connection of its own, and behind no proxy's word.
func TestBoundToACertificate(t *testing.T) {
	provider := oidctest.NewServer(t, oidctest.Config{Keys: []*oidctest.Key{signingKey()}, Audience: apiAudience})
	gate, err := gatehouse.NewResourceServer(gatehouse.Config{Issuer: provider.Issuer(), API: gatehouse.API{Audience: []string{apiAudience}, RequireBinding: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	server := httptest.NewUnstartedServer(gate.API(gate.RequireLogin(http.HandlerFunc(me))))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	defer server.Close()

	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	remove := provider.OnAccessToken(func(j *oidctest.JWT) {
		j.Claims["cnf"] = map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}
	})
	bound, _ := provider.Issue(alice, "app")["access_token"].(string)
	remove()
	free, _ := provider.Issue(alice, "app")["access_token"].(string)
	with, ok := server.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatal("no transport")
	}
	with = with.Clone()
	with.TLSClientConfig.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}
	for _, c := range []struct {
		name   string
		client *http.Client
		token  string
		status int
	}{
		{"its certificate", &http.Client{Transport: with}, bound, 200},
		{"none", server.Client(), bound, 401},
		{"not bound", &http.Client{Transport: with}, free, 401},
	} {
		r, err := http.NewRequest(http.MethodGet, server.URL+"/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Authorization": {"Bearer " + c.token}, "Client-Cert": {":" + base64.StdEncoding.EncodeToString(der) + ":"}}
		res, err := c.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", c.name, res.StatusCode, c.status)
		}
	}
}

// TestOpaqueTokensAtTheGate: the issuer is asked, and its word is resolved like a
// token's own.
func TestOpaqueTokensAtTheGate(t *testing.T) {
	w := newWorld(t, setup{
		provider: func(c *oidctest.Config) { c.Audience, c.OpaqueAccessTokens = apiAudience, true },
		gate: func(c *gatehouse.Config) {
			c.API = gatehouse.API{Audience: []string{apiAudience}, Issuers: []oidc.TrustedIssuer{{
				Issuer: c.Issuer, Introspection: &oidc.Introspection{ClientID: "app", ClientSecret: clientSecret},
			}}}
		},
		routes: apiRoutes,
	})
	w.call(w.idp.URL)
	token := w.accessToken("orders:read")
	for _, path := range []string{"/api/me", "/api/orders", "/api/admin"} {
		w.call(path, "Authorization", "Bearer "+token).want(t, http.StatusOK, "bob")
	}
	if asked := w.provider.Calls(oidctest.Introspection); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	w.call("/api/me", "Authorization", "Bearer nonsense").want(t, http.StatusUnauthorized)
	defer w.provider.Intercept(oidctest.Introspection, oidctest.Status(500))()
	w.call("/api/me", "Authorization", "Bearer "+w.accessToken()).want(t, http.StatusServiceUnavailable)
}

// bearing is a handler behind API and a request with an access token.
func bearing(t testing.TB, rule rbac.Rule) (http.Handler, *http.Request) {
	t.Helper()
	w := apiWorld(t, nil)
	r := httptest.NewRequest(http.MethodGet, "/api/me", nil)
	r.Header.Set("Authorization", "Bearer "+w.accessToken("orders:read"))
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return w.gate.API(w.gate.Require(rule)(inner)), r
}

// TestBearerRequestAllocations: no more than a session's.
func TestBearerRequestAllocations(t *testing.T) {
	handler, r := bearing(t, rbac.Scope("orders:read"))
	header := http.Header{"Vary": {"Origin"}}
	if allocs := testing.AllocsPerRun(200, func() {
		w := quiet{header: header}
		clear(w.header)
		handler.ServeHTTP(&w, r)
		if w.status != http.StatusNoContent {
			t.Fatal(w.status)
		}
	}); allocs-1 > 2 {
		t.Errorf("%v allocations, want at most 2", allocs-1)
	}
}

func BenchmarkBearerRequest(b *testing.B) {
	handler, r := bearing(b, rbac.Scope("orders:read"))
	b.ReportAllocs()
	for b.Loop() {
		w := &quiet{header: http.Header{}}
		handler.ServeHTTP(w, r)
		if w.status != http.StatusNoContent {
			b.Fatal(w.status)
		}
	}
}

// spending is a store that spends proofs for all replicas, or fails to.
type spending struct {
	*gatehouse.MemoryStore
	spent map[string]bool
	err   error
}

func (s spending) Spend(_ context.Context, id string, _ time.Time) (bool, error) {
	fresh := !s.spent[id]
	s.spent[id] = true
	return fresh, s.err
}

// TestProofsAreSpentForAllReplicas: a proof that one replica has taken is no good
// at another, and while nobody can say so none is taken.
func TestProofsAreSpentForAllReplicas(t *testing.T) {
	shared := spending{MemoryStore: gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{}), spent: map[string]bool{}}
	key := oidctest.NewKey("ES256")
	w := apiWorld(t, func(c *gatehouse.Config) { c.Store = shared })
	token := w.boundToken(key, "openid")
	proof := w.proof(key, "GET", "/api/me", token, "")
	w.call("/api/me", "Authorization", "DPoP "+token, "DPoP", proof).want(t, http.StatusOK, "bob")
	if len(shared.spent) != 1 {
		t.Fatalf("%d proofs were spent", len(shared.spent))
	}
	other := w.proof(key, "GET", "/api/me", token, "")
	w.call("/api/me", "Authorization", "DPoP "+token, "DPoP", other).want(t, http.StatusOK)
	w.call("/api/me", "Authorization", "DPoP "+token, "DPoP", proof).want(t, http.StatusUnauthorized)

	away := spending{MemoryStore: shared.MemoryStore, spent: map[string]bool{}, err: errors.New("away")}
	w = apiWorld(t, func(c *gatehouse.Config) { c.Revocations = away })
	token = w.boundToken(key, "openid")
	w.call("/api/me", "Authorization", "DPoP "+token, "DPoP", w.proof(key, "GET", "/api/me", token, "")).want(t, http.StatusServiceUnavailable)
}
