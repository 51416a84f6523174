package oidctest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// prover is an independent client that makes proofs, and anything like them.
type prover struct {
	t   *testing.T
	key *ecdsa.PrivateKey
}

func newProver(t *testing.T) prover {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return prover{t, key}
}

// proof is one for a POST to address, as change leaves it.
func (p prover) proof(address string, change func(header, said map[string]any)) string {
	p.t.Helper()
	jwk, err := (&jose.JSONWebKey{Key: p.key.Public()}).MarshalJSON()
	if err != nil {
		p.t.Fatal(err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"jti": rand.Text(), "htm": http.MethodPost, "htu": address, "iat": time.Now().Unix()})
	token.Header["typ"], token.Header["jwk"] = "dpop+jwt", json.RawMessage(jwk)
	if change != nil {
		change(token.Header, token.Claims.(jwt.MapClaims))
	}
	text, err := token.SignedString(p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// postAs sends a form of the default client's and returns what is answered.
func postAs(t *testing.T, address string, form url.Values, header http.Header) (int, map[string]any, http.Header) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("app", "secret")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	_ = json.Unmarshal(body, &document)
	return res.StatusCode, document, res.Header
}

func proving(proofs ...string) http.Header { return http.Header{"Dpop": proofs} }

var ownGrant = url.Values{"grant_type": {"client_credentials"}}

func TestProofs(t *testing.T) {
	server := oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256"})
	token := server.Issuer() + "/token"
	p := newProver(t)
	set := func(name string, value any) func(header, said map[string]any) {
		return func(_, said map[string]any) { said[name] = value }
	}
	for name, c := range map[string]struct {
		proof  string
		accept bool
	}{
		"sound":              {p.proof(token, nil), true},
		"of another method":  {p.proof(token, set("htm", "GET")), false},
		"of another address": {p.proof(token+"/", nil), false},
		"old":                {p.proof(token, set("iat", time.Now().Add(-time.Hour).Unix())), false},
		"of the future":      {p.proof(token, set("iat", time.Now().Add(time.Hour).Unix())), false},
		"without a jti":      {p.proof(token, set("jti", "")), false},
		"with an ath":        {p.proof(token, set("ath", "x")), false},
		"of another type":    {p.proof(token, func(header, _ map[string]any) { header["typ"] = "JWT" }), false},
		"without a key":      {p.proof(token, func(header, _ map[string]any) { delete(header, "jwk") }), false},
		"with a private key": {p.proof(token, func(header, _ map[string]any) {
			private, _ := (&jose.JSONWebKey{Key: p.key}).MarshalJSON()
			header["jwk"] = json.RawMessage(private)
		}), false},
		"with another key": {p.proof(token, func(header, _ map[string]any) {
			other, _ := (&jose.JSONWebKey{Key: newProver(t).key.Public()}).MarshalJSON()
			header["jwk"] = json.RawMessage(other)
		}), false},
		"no JWT": {"proof", false},
	} {
		status, answer, _ := postAs(t, token, ownGrant, proving(c.proof))
		if (status == http.StatusOK) != c.accept || !c.accept && answer["error"] != "invalid_dpop_proof" || c.accept && answer["token_type"] != "DPoP" {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
	once := p.proof(token, nil)
	for _, want := range []int{http.StatusOK, http.StatusBadRequest} {
		if status, _, _ := postAs(t, token, ownGrant, proving(once)); status != want {
			t.Errorf("used again: %d, want %d", status, want)
		}
	}
	if status, _, _ := postAs(t, token, ownGrant, proving(p.proof(token, nil), p.proof(token, nil))); status != http.StatusBadRequest {
		t.Errorf("two proofs: %d", status)
	}
}

func TestProofsAreRequired(t *testing.T) {
	server := oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256", RequireDPoP: true, DPoPNonce: "nonce-1"})
	token := server.Issuer() + "/token"
	if status, answer, _ := postAs(t, token, ownGrant, nil); status != http.StatusBadRequest || answer["error"] != "invalid_dpop_proof" {
		t.Errorf("without a proof: %d %v", status, answer)
	}
	p := newProver(t)
	status, answer, header := postAs(t, token, ownGrant, proving(p.proof(token, nil)))
	if status != http.StatusBadRequest || answer["error"] != "use_dpop_nonce" || header.Get("DPoP-Nonce") != "nonce-1" {
		t.Errorf("without a nonce: %d %v", status, answer)
	}
	status, answer, _ = postAs(t, token, ownGrant, proving(p.proof(token, func(_, said map[string]any) { said["nonce"] = "nonce-1" })))
	if status != http.StatusOK || answer["token_type"] != "DPoP" {
		t.Errorf("with the nonce: %d %v", status, answer)
	}
}

// A bound token is presented with a proof, and no other is.
func TestBoundUserinfo(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	token := p.server.Issuer() + "/token"
	holder, thief := newProver(t), newProver(t)
	_, answer, _ := postAs(t, token, url.Values{
		"grant_type": {"authorization_code"}, "code": {p.authorize().Get("code")}, "redirect_uri": {redirectURL}, "code_verifier": {verifier},
	}, proving(holder.proof(token, nil)))
	access, _ := answer["access_token"].(string)
	if answer["token_type"] != "DPoP" || access == "" {
		t.Fatalf("answer %v", answer)
	}
	address := p.server.Issuer() + "/userinfo"
	sum := sha256.Sum256([]byte(access))
	ath := base64.RawURLEncoding.EncodeToString(sum[:])
	with := func(p prover, ath any) string {
		return p.proof(address, func(_, said map[string]any) { said["ath"] = ath })
	}
	for name, c := range map[string]struct {
		scheme string
		proof  []string
		status int
	}{
		"with its proof":   {"DPoP ", []string{with(holder, ath)}, 200},
		"as a bearer's":    {"Bearer ", nil, 401},
		"without a proof":  {"DPoP ", nil, 401},
		"of another key":   {"DPoP ", []string{with(thief, ath)}, 401},
		"of another token": {"DPoP ", []string{with(holder, "x")}, 401},
		"of no token":      {"DPoP ", []string{holder.proof(address, nil)}, 401},
	} {
		header := http.Header{"Authorization": {c.scheme + access}, "Dpop": c.proof}
		r, err := http.NewRequest(http.MethodPost, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != c.status || c.status == 401 && res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

func TestPushedRequest(t *testing.T) {
	p := signedIn(t, oidctest.Config{RequirePushed: true})
	if got := p.authorize(); got.Get("error") != "invalid_request" {
		t.Errorf("not pushed: %v", got)
	}
	asked, err := url.Parse(p.authURL())
	if err != nil {
		t.Fatal(err)
	}
	push := p.server.Issuer() + "/par"
	status, answer, _ := postAs(t, push, asked.Query(), nil)
	reference, _ := answer["request_uri"].(string)
	if status != http.StatusCreated || !strings.HasPrefix(reference, "urn:ietf:params:oauth:request_uri:") {
		t.Fatalf("%d %v", status, answer)
	}
	authorize := func(client, reference string) *http.Response {
		return get(t, p.browser, p.server.Issuer()+"/authorize?"+url.Values{"client_id": {client}, "request_uri": {reference}}.Encode())
	}
	token, err := p.exchange(callback(t, authorize("app", reference)).Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	if claims := p.claims(token); claims["nonce"] != "the nonce" {
		t.Errorf("claims %v", claims)
	}
	for name, res := range map[string]*http.Response{"unknown": authorize("app", reference+"x"), "another client's": authorize("other", reference)} {
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	for name, change := range map[string]func(url.Values){
		"a reference":    func(v url.Values) { v.Set("request_uri", reference) },
		"no client":      func(v url.Values) { v.Del("client_id") },
		"no challenge":   func(v url.Values) { v.Del("code_challenge") },
		"another client": func(v url.Values) { v.Set("client_id", "other") },
	} {
		form := asked.Query()
		change(form)
		if status, answer, _ := postAs(t, push, form, nil); status < 400 {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
}

func TestGrantsWithoutAUser(t *testing.T) {
	p := signedIn(t, oidctest.Config{RefreshTokens: oidctest.RefreshAlways})
	address := p.server.Issuer() + "/token"
	users := p.login()
	exchange := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {users.AccessToken},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}, "audience": {"orders"}, "scope": {"orders:read"},
	}
	for name, c := range map[string]struct {
		form url.Values
		sub  string
	}{
		"client credentials": {url.Values{"grant_type": {"client_credentials"}, "audience": {"orders"}, "scope": {"orders:read"}}, "app"},
		"token exchange":     {exchange, "alice"},
	} {
		status, answer, _ := postAs(t, address, c.form, nil)
		if status != http.StatusOK || answer["refresh_token"] != nil || answer["id_token"] != nil {
			t.Errorf("%s: %d %v", name, status, answer)
			continue
		}
		var said map[string]any
		access, _ := answer["access_token"].(string)
		if err := json.Unmarshal([]byte(part(t, access, 1)), &said); err != nil {
			t.Fatal(err)
		}
		if said["sub"] != c.sub || said["aud"] != "orders" || said["scope"] != "orders:read" || (said["act"] != nil) != (c.sub == "alice") {
			t.Errorf("%s: the token says %v", name, said)
		}
	}
	for name, change := range map[string]func(url.Values){
		"a forged token":   func(v url.Values) { v.Set("subject_token", "x") },
		"an ID token":      func(v url.Values) { v.Set("subject_token_type", "urn:ietf:params:oauth:token-type:id_token") },
		"a SAML assertion": func(v url.Values) { v.Set("requested_token_type", "urn:ietf:params:oauth:token-type:saml2") },
	} {
		form := maps.Clone(exchange)
		change(form)
		if status, answer, _ := postAs(t, address, form, nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
	p.server.RevokeUser("alice")
	if status, _, _ := postAs(t, address, exchange, nil); status != http.StatusBadRequest {
		t.Errorf("a revoked token was exchanged: %d", status)
	}
}
