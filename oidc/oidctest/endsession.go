package oidctest

import (
	"net/http"
	"net/url"

	"github.com/golang-jwt/jwt/v5"
)

// endSession signs the browser's user out at the provider, and sends them back
// to the client where it says so (OpenID Connect RP-Initiated Logout 1.0 §2, §3).
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) {
	c, sid, err := p.leaving(r.Form)
	uri := r.Form.Get("post_logout_redirect_uri")
	if err == nil && uri != "" && !registered(c.PostLogoutRedirectURIs, uri) {
		err = invalidRequest("post_logout_redirect_uri is not registered")
	}
	if err != nil {
		http.Error(w, "oidctest: "+err.Error(), http.StatusBadRequest)
		return
	}
	if s, ok := p.signedIn(r); ok {
		p.end(s.id)
		p.notify(r.Context(), c, s)
	}
	p.end(sid)
	if uri == "" {
		writePage(w, "<!doctype html><meta charset=\"utf-8\"><title>Signed out</title><h1>Signed out</h1>\n", "", nil)
		return
	}
	values := url.Values{}
	if state := r.Form.Get("state"); state != "" {
		values.Set("state", state)
	}
	redirect(w, uri, values)
}

// leaving finds out which client sends the user, and which session it means. An
// ID token that has expired is as good a hint as any (§4).
func (p *Provider) leaving(form url.Values) (c Client, sid string, err error) {
	id, hint := form.Get("client_id"), form.Get("id_token_hint")
	if hint != "" {
		claims := jwt.MapClaims{}
		if _, err := jwt.NewParser(jwt.WithoutClaimsValidation()).ParseWithClaims(hint, claims, p.verificationKey); err != nil {
			return Client{}, "", invalidRequest("id_token_hint is not an ID token of this provider")
		}
		audience, _ := claims.GetAudience()
		if len(audience) == 0 || (id != "" && audience[0] != id) {
			return Client{}, "", invalidRequest("client_id is not whom the ID token was issued to")
		}
		id = audience[0]
		sid, _ = claims["sid"].(string)
	}
	c, ok := p.client(id)
	if !ok && (id != "" || form.Get("post_logout_redirect_uri") != "") {
		return Client{}, "", invalidRequest("neither client_id nor id_token_hint names a client")
	}
	return c, sid, nil
}

// verificationKey returns the published key that t says it is signed by, or the
// client's secret where that signs.
func (p *Provider) verificationKey(t *jwt.Token) (any, error) {
	if algorithm := p.settings().Algorithm; isHMAC(algorithm) && t.Method.Alg() == algorithm {
		audience, _ := t.Claims.GetAudience()
		if len(audience) == 1 {
			if c, ok := p.client(audience[0]); ok && c.Secret != "" {
				return []byte(c.Secret), nil
			}
		}
	}
	set := jwt.VerificationKeySet{}
	for _, key := range p.keys.all() {
		if key.Algorithm == t.Method.Alg() {
			set.Keys = append(set.Keys, key.Public())
		}
	}
	return set, nil
}
