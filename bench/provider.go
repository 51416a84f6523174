package main

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
)

// provider is the least that a relying party can sign in at, without a socket:
// the code is the nonce, and everybody is signed in at once.
type provider struct {
	signer signer
	groups int // that everybody has
	people atomic.Int64
}

// client reaches the provider, and nothing else.
func (p *provider) client() *http.Client { return &http.Client{Transport: p} }

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/realms/main/.well-known/openid-configuration":
		p.answer(w, map[string]any{
			"issuer": issuer, "jwks_uri": issuer + "/keys",
			"authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"scopes_supported":                      []string{"openid", "offline_access"},
		})
	case "/realms/main/keys":
		_, _ = w.Write(p.signer.jwks())
	case "/realms/main/token":
		check(r.ParseForm())
		set := p.signer.tokens(int(p.people.Add(1)), p.groups, r.PostForm.Get("code"))
		p.answer(w, map[string]any{
			"access_token": set.Access, "refresh_token": set.Refresh, "id_token": set.ID,
			"token_type": "Bearer", "expires_in": 3600,
		})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

func (p *provider) answer(w http.ResponseWriter, document map[string]any) {
	_, _ = w.Write(must(json.Marshal(document)))
}

// jwks is the key as it is published (RFC 7517).
func (s signer) jwks() []byte {
	encode := base64.RawURLEncoding.EncodeToString
	return must(json.Marshal(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": s.kid,
		"n": encode(s.key.N.Bytes()), "e": encode(big.NewInt(int64(s.key.E)).Bytes()),
	}}}))
}

// signIn walks through a sign-in at handler, and returns the Cookie header of
// the session.
func signIn(handler http.Handler) string {
	begin := must(http.NewRequest(http.MethodGet, baseURL+"/auth/login", nil))
	began := httptest.NewRecorder()
	handler.ServeHTTP(began, begin)
	asked := must(url.Parse(began.Header().Get("Location"))).Query()

	back := url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}
	callback := must(http.NewRequest(http.MethodGet, baseURL+"/auth/callback?"+back.Encode(), nil))
	callback.Header.Set("Cookie", cookieHeader(began.Header()))
	ended := httptest.NewRecorder()
	handler.ServeHTTP(ended, callback)
	if ended.Code != http.StatusFound {
		panic("the sign-in failed: " + ended.Body.String())
	}
	return cookieHeader(ended.Header())
}
