package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// certify is a self-signed certificate for an RSA key.
func certify(t testing.TB, private *rsa.PrivateKey) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"}, NotAfter: time.Unix(1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestKeySources: where keys come from, and that nothing else is one.
func TestKeySources(t *testing.T) {
	secret := []byte(strings.Repeat("s", 48))
	rs, es := rsaKey(), oidctest.NewKey("ES256")
	pems := slices.Concat([]byte("keys of the issuer\n"), rs.PublicPEM(), es.PublicPEM())
	by := func(key *oidctest.Key) func(*oidctest.JWT) { return func(j *oidctest.JWT) { j.SignWith(key) } }
	type change = func(*oidctest.JWT)
	for _, c := range []struct {
		name   string
		issuer oidc.TrustedIssuer
		good   map[string]change
		bad    map[string]change
	}{
		{"JWKS", oidc.TrustedIssuer{JWKS: "here"},
			map[string]change{"RS256": func(*oidctest.JWT) {}},
			map[string]change{"another": by(es)}},
		{"PEM", oidc.TrustedIssuer{PEM: pems},
			map[string]change{"RS256": by(rs), "ES256": by(es), "any kid": func(j *oidctest.JWT) { j.SignWith(es); j.Header["kid"] = "any" }},
			map[string]change{
				"another":       by(oidctest.NewKey("ES256")),
				"HMAC by a PEM": by(oidctest.HMACKey("HS256", es.PublicPEM())),
				"HMAC by all":   by(oidctest.HMACKey("HS256", pems)),
			}},
		{"PEM for one algorithm", oidc.TrustedIssuer{PEM: pems, Algorithms: []string{"ES256"}},
			map[string]change{"ES256": by(es)},
			map[string]change{"RS256": by(rs)}},
		{"HMAC", oidc.TrustedIssuer{HMACSecret: secret},
			map[string]change{"HS256": by(oidctest.HMACKey("HS256", secret)), "HS384": by(oidctest.HMACKey("HS384", secret))},
			map[string]change{
				"HS512 by so short a secret": by(oidctest.HMACKey("HS512", secret)),
				"another secret":             by(oidctest.HMACKey("HS256", secret[1:])),
				"RS256":                      by(rs),
				"none":                       func(j *oidctest.JWT) { j.Unsigned() },
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, oidctest.Config{}, func(config *oidc.VerifierConfig) {
				c.issuer.Issuer = "a service of ours"
				if c.issuer.JWKS != "" {
					c.issuer.JWKS = config.Issuers[0].Issuer + "/jwks"
				}
				config.Issuers[0] = c.issuer
			})
			sign := func(change change) string {
				token := b.token()
				token.Claims["iss"] = "a service of ours"
				change(token)
				return token.Sign()
			}
			for name, change := range c.good {
				for range 2 {
					if _, err := b.authenticate(sign(change)); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
			for name, change := range c.bad {
				if token, err := b.authenticate(sign(change)); err == nil {
					t.Errorf("%s: accepted, %v", name, token)
				} else {
					wantRefusal(t, err, oidc.InvalidToken, "")
					if c.issuer.JWKS == "" && strings.Contains(err.Error(), "too often") {
						t.Errorf("%s: %v, though nobody reads them", name, err)
					}
				}
			}
			if b.provider.Calls(oidctest.Discovery) != 0 || c.issuer.JWKS == "" && b.provider.Calls(oidctest.JWKS) != 0 {
				t.Error("the provider was asked")
			}
		})
	}
}

func TestCertificatesAreKeys(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der := certify(t, private)
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&private.PublicKey)})
	block := func(kind string, bytes []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
	}
	short, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		pem  []byte
		says string
	}{
		{"a certificate", block("CERTIFICATE", der), ""},
		{"PKCS #1", pkcs1, ""},
		{"several", slices.Concat(pkcs1, block("CERTIFICATE", der)), ""},
		{"nothing", []byte{}, "holds no key"},
		{"no PEM", []byte("key"), "holds no key"},
		{"a private key", slices.Concat(pkcs1, block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private))), "something else"},
		{"a broken key", block("PUBLIC KEY", []byte("x")), "can't be read"},
		{"a broken certificate", block("CERTIFICATE", der[1:]), "can't be read"},
		{"a short key", block("PUBLIC KEY", short), "2048"},
	} {
		_, err := oidc.NewVerifier(oidc.VerifierConfig{Audience: []string{api}, Issuers: []oidc.TrustedIssuer{{Issuer: "service", PEM: c.pem}}})
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), "Issuers[0].PEM: ") || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestVerifierMistakes(t *testing.T) {
	_, err := oidc.NewVerifier(oidc.VerifierConfig{
		BaseURL: "https://api.example.com/v1", NonceSecret: []byte("short"), Audience: []string{""},
		Issuers: []oidc.TrustedIssuer{
			{Issuer: "https://a.example", JWKS: "http://a.example/jwks", HMACSecret: []byte("short")},
			{Issuer: "https://a.example", Audience: []string{}, Algorithms: []string{"HS256"}},
			{PEM: []byte("x"), Algorithms: []string{}},
			{Issuer: "https://login.microsoftonline.com/{tenantid}/v2.0"},
			{Issuer: "b", HMACSecret: []byte(strings.Repeat("s", 32)), Algorithms: []string{"HS512"}, Introspection: &oidc.Introspection{URL: "http://b.example", ClientAuth: "x"}},
			{Issuer: "https://c.example", Introspection: &oidc.Introspection{ClientID: "a", ClientSecret: "b"}},
		},
	})
	for _, says := range []string{
		"BaseURL", "NonceSecret", "Audience: must not", "Issuers[0].JWKS, PEM, HMACSecret", "Issuers[0].JWKS: must be https", "HMACSecret: must have at least 32",
		"Issuers[1].Issuer: is there twice", "Issuers[1].Audience", `Algorithms: "HS256"`, "Issuers[2].Issuer", "Issuers[2].PEM: ", "PEM: holds no key", "Algorithms: must not be empty",
		"template", `Algorithms: "HS512"`, "Issuers[4].Introspection.ClientID", "ClientSecret: is required", "ClientAuth", "URL: must be https", "only one can have Introspection",
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v doesn't say %q", err, says)
		}
	}
	_, err = oidc.NewVerifier(oidc.VerifierConfig{RequireNonce: true})
	for _, says := range []string{"Issuers: is required", "Audience: is required", "RequireNonce"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v doesn't say %q", err, says)
		}
	}
	_, err = oidc.NewVerifier(oidc.VerifierConfig{Issuers: []oidc.TrustedIssuer{{Issuer: "https://a.example"}, {Issuer: "https://b.example"}}})
	if err == nil || strings.Count(err.Error(), "Audience: is required") != 1 {
		t.Errorf("%v", err)
	}
}

// TestSeveralIssuers: each is trusted for what it is trusted for.
func TestSeveralIssuers(t *testing.T) {
	other := oidctest.NewServer(t, oidctest.Config{Keys: []*oidctest.Key{oidctest.NewKey("ES256")}})
	b := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) {
		c.Issuers = append(c.Issuers, oidc.TrustedIssuer{Issuer: other.Issuer(), Audience: []string{"other-api"}, RequireType: true})
	})
	make := func(iss, aud, typ string, key *oidctest.Key) string {
		token := b.token()
		token.Claims["iss"], token.Claims["aud"] = iss, aud
		token.SignWith(key)
		token.Header["typ"] = typ
		return token.Sign()
	}
	ours, theirs := b.provider.Keys()[0], other.Keys()[0]
	for _, c := range []struct {
		name string
		text string
		says string
	}{
		{"ours", make(b.provider.Issuer(), api, "JWT", ours), ""},
		{"theirs", make(other.Issuer(), "other-api", "at+jwt", theirs), ""},
		{"theirs, without typ", make(other.Issuer(), "other-api", "JWT", theirs), "typ"},
		{"theirs, for our audience", make(other.Issuer(), api, "at+jwt", theirs), "aud"},
		{"ours, for theirs", make(b.provider.Issuer(), "other-api", "at+jwt", ours), "aud"},
		{"ours, by their key", make(b.provider.Issuer(), api, "at+jwt", theirs), "key"},
		{"theirs, by our key", make(other.Issuer(), "other-api", "at+jwt", ours), "key"},
	} {
		_, err := b.authenticate(c.text)
		if c.says == "" && err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if c.says != "" {
			wantRefusal(t, err, oidc.InvalidToken, c.says)
		}
	}
}

// TestRemembered: a token seen before costs no signature check, and is accepted no
// longer than it should be.
func TestRemembered(t *testing.T) {
	b := newBench(t, oidctest.Config{Keys: []*oidctest.Key{oidctest.NewKey("ES256")}}, nil)
	text := b.token().Sign()
	first, err := b.authenticate(text)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	derive := func(*oidc.AccessToken) any { calls++; return calls }
	for range 3 {
		again, err := b.authenticate(text)
		if err != nil || again != first || again.Derive(derive) != 1 {
			t.Errorf("verified again: %v %v", again, err)
		}
	}
	claims := first.Claims()
	claims["sub"] = "mallory"
	if again, _ := b.authenticate(text); again.Subject() != "alice" {
		t.Error("what a caller changes is shared")
	}
	tampered := text[:len(text)-4] + "AAAA"
	_, err = b.authenticate(tampered)
	wantRefusal(t, err, oidc.InvalidToken, "signature")

	b.provider.RotateKeys()
	b.advance(4 * time.Minute)
	if again, err := b.authenticate(text); err != nil || again != first {
		t.Errorf("its key is still there: %v", err)
	}
	b.advance(time.Minute) // it has expired, within the tolerance
	if again, err := b.authenticate(text); err != nil || again == first {
		t.Errorf("expired, and still remembered: %v", err)
	}
	b.advance(time.Minute)
	_, err = b.authenticate(text)
	wantRefusal(t, err, oidc.InvalidToken, "exp")
}

func TestRememberedUntilTheKeyLeaves(t *testing.T) {
	benchInBubble(t, func(t *testing.T, b *bench) {
		long := b.token()
		long.Claims["exp"] = b.clock().Add(time.Hour).Unix()
		text := long.Sign()
		first, err := b.authenticate(text)
		if err != nil {
			t.Fatal(err)
		}
		b.provider.RotateKeys()
		b.advance(11 * time.Minute)
		if again, err := b.authenticate(text); err != nil || again != first {
			t.Errorf("its key is still there: %v", err)
		}
		remove := b.provider.Intercept(oidctest.JWKS, oidctest.Status(503))
		b.advance(11 * time.Minute)
		before := b.provider.Calls(oidctest.JWKS)
		for range 5 {
			if again, err := b.authenticate(text); err != nil || again != first {
				t.Errorf("nobody can tell: %v", err)
			}
		}
		if calls := b.provider.Calls(oidctest.JWKS) - before; calls != 1 {
			t.Errorf("the keys were asked for %d times while they can't be read", calls)
		}
		remove()
		b.provider.RetireKeys()
		b.advance(11 * time.Minute)
		_, err = b.authenticate(text)
		wantRefusal(t, err, oidc.InvalidToken, "unknown key")
		_, err = b.authenticate(text)
		wantRefusal(t, err, oidc.InvalidToken, "unknown key")
	})
}

func TestNothingRemembered(t *testing.T) {
	b := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) { c.RememberedTokens = -1 })
	text := b.token().Sign()
	first, err := b.authenticate(text)
	again, err2 := b.authenticate(text)
	if err != nil || err2 != nil || first == again {
		t.Errorf("%v %v", err, err2)
	}
}

// TestMutualTLS: a token that is bound to a certificate is good on a connection of
// that certificate's, and headers say nothing.
func TestMutualTLS(t *testing.T) {
	b := newBench(t, oidctest.Config{}, nil)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := b.verifier.Authenticate(r); err != nil {
			var refusal *oidc.Refusal
			if !errors.As(err, &refusal) || refusal.Code != oidc.InvalidToken {
				t.Errorf("%v", err)
			}
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	client := func(private *rsa.PrivateKey, der []byte) *http.Client {
		c := server.Client()
		transport := c.Transport.(*http.Transport).Clone()
		if der != nil {
			transport.TLSClientConfig.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}
		}
		return &http.Client{Transport: transport}
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mine, other := certify(t, private), certify(t, private)
	bind := func(der []byte) string {
		sum := sha256.Sum256(der)
		token := b.token()
		token.Claims["cnf"] = map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}
		return token.Sign()
	}
	if string(mine) == string(other) {
		other = append(slices.Clone(mine[:len(mine)-1]), mine[len(mine)-1]^1)
	}
	for _, c := range []struct {
		name   string
		client *http.Client
		token  string
		status int
	}{
		{"mine", client(private, mine), bind(mine), 200},
		{"mine, again", client(private, mine), bind(mine), 200},
		{"another's token", client(private, mine), bind(other), 401},
		{"no certificate", client(nil, nil), bind(mine), 401},
		{"not bound", client(private, mine), b.token().Sign(), 200},
	} {
		r, err := http.NewRequest(http.MethodGet, server.URL+"/orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: mine}))
		r.Header.Set("X-Client-Cert", strings.ReplaceAll(text, "\n", " "))
		r.Header.Set("Client-Cert", ":"+base64.StdEncoding.EncodeToString(mine)+":")
		res, err := c.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", c.name, res.StatusCode, c.status)
		}
	}
	plain := request1(http.MethodGet, "/orders", "Bearer "+bind(mine))
	_, err = b.verifier.Authenticate(plain)
	wantRefusal(t, err, oidc.InvalidToken, "shows none")
	_, err = b.verifier.Authenticate(request1(http.MethodGet, "/orders", "DPoP "+bind(mine)))
	wantRefusal(t, err, oidc.InvalidToken, "bound to no key")
}

// TestBoundTwice: both proofs are needed.
func TestBoundTwice(t *testing.T) {
	b := newBench(t, oidctest.Config{}, nil)
	key := oidctest.NewKey("ES256")
	der := []byte("a certificate")
	sum := sha256.Sum256(der)
	token := b.token()
	token.Claims["cnf"] = map[string]any{"jkt": thumbprint(t, key), "x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}
	text := token.Sign()
	r := b.prove(httptest.NewRequest(http.MethodGet, "/orders", nil), key, text, nil)
	_, err := b.verifier.Authenticate(r)
	wantRefusal(t, err, oidc.InvalidToken, "certificate")
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: der}}}
	if _, err := b.verifier.Authenticate(r); err != nil {
		t.Error(err)
	}
	r.Header.Set("Authorization", "Bearer "+text)
	_, err = b.verifier.Authenticate(r)
	wantRefusal(t, err, oidc.InvalidToken, "proof")
}
