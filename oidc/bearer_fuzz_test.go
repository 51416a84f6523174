package oidc_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// FuzzAuthorizationHeader: nothing but the token itself is taken for it.
func FuzzAuthorizationHeader(f *testing.F) {
	b := newBench(f, oidctest.Config{Keys: []*oidctest.Key{oidctest.NewKey("EdDSA")}}, nil)
	token := b.token()
	token.Claims["exp"] = b.clock().Add(24 * time.Hour).Unix()
	good := token.Sign()
	f.Fuzz(func(t *testing.T, header string) {
		header = strings.ReplaceAll(header, "TOKEN", good)
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.Header["Authorization"] = []string{header}
		accepted, err := b.verifier.Authenticate(r)
		if (accepted == nil) == (err == nil) {
			t.Fatalf("%v with %v", accepted, err)
		}
		if err == nil && (!oidc.HasToken(r) || !strings.EqualFold(header[:7], "Bearer ") || strings.TrimLeft(header[7:], " ") != good) {
			t.Errorf("accepted: %q", header)
		}
	})
}

// FuzzTokenClaims: whatever a trusted issuer signs, what is accepted is for us, of
// somebody, and of now.
func FuzzTokenClaims(f *testing.F) {
	secret := []byte(strings.Repeat("s", 32))
	b := newBench(f, oidctest.Config{}, func(c *oidc.VerifierConfig) {
		c.Issuers = []oidc.TrustedIssuer{{Issuer: "service", HMACSecret: secret, NoAudienceClients: []string{"pool"}}}
		c.Clock = func() time.Time { return time.Unix(1_800_000_000, 0) }
	})
	f.Fuzz(func(t *testing.T, payload []byte, typ string) {
		token := b.provider.NewJWT(nil)
		token.SignWith(oidctest.HMACKey("HS256", secret))
		token.Header["typ"], token.Payload = typ, payload
		if payload == nil {
			token.Payload = []byte{}
		}
		accepted, err := b.verifier.Verify(t.Context(), token.Sign())
		if err != nil {
			return
		}
		var said map[string]any
		decoder := json.NewDecoder(bytes.NewReader(payload))
		decoder.UseNumber()
		if err := decoder.Decode(&said); err != nil {
			t.Fatalf("accepted, and no JSON: %v", err)
		}
		sub, _ := said["sub"].(string)
		number, _ := said["exp"].(json.Number)
		exp, _ := number.Float64()
		aud, _ := json.Marshal(said["aud"])
		for _, name := range []string{"at_hash", "c_hash", "s_hash", "events", "cnf"} {
			if _, there := said[name]; there {
				t.Errorf("accepted with %s: %s", name, payload)
			}
		}
		if said["iss"] != "service" || sub == "" || accepted.Subject() != sub || exp < 1_800_000_000-60 || said["token_use"] == "id" ||
			!strings.Contains(string(aud), `"https://api.example.com"`) && said["client_id"] != "pool" && accepted.ClientID() != "pool" {
			t.Errorf("accepted: %s", payload)
		}
		if lower := strings.ToLower(strings.TrimPrefix(strings.ToLower(typ), "application/")); !slices.Contains([]string{"", "jwt", "at+jwt"}, lower) {
			t.Errorf("accepted as %q", typ)
		}
	})
}

// FuzzProof: whatever a client puts into a proof that it signs itself, what is
// accepted is about this request and this token.
func FuzzProof(f *testing.F) {
	b := newBench(f, oidctest.Config{}, nil)
	key := oidctest.NewKey("EdDSA")
	text := b.bound(key)
	f.Fuzz(func(t *testing.T, htu, htm, jti string, age int, header string) {
		var more map[string]any
		if json.Unmarshal([]byte(header), &more) != nil {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		b.prove(r, key, text, func(j *oidctest.JWT) {
			j.Claims["htu"], j.Claims["htm"], j.Claims["jti"] = htu, htm, jti
			j.Claims["iat"] = b.clock().Unix() - int64(age)
			for name, value := range more {
				j.Header[name] = value
			}
		})
		if _, err := b.verifier.Authenticate(r); err != nil {
			return
		}
		_, crit := more["crit"]
		typ, typed := more["typ"]
		if htm != "GET" || jti == "" || age >= 60 || age < -60 || crit || typed && typ != "dpop+jwt" || !strings.HasPrefix(strings.ToLower(htu), "https://api.example.com") {
			t.Errorf("accepted: %q %q %q %d %s", htu, htm, jti, age, header)
		}
		if _, err := b.verifier.Authenticate(r); err == nil {
			t.Error("accepted twice")
		}
	})
}
