package oidctest

import (
	"maps"
	"net/http"
	"strings"
	"time"
)

// introspection answers what an access token is (RFC 7662 §2). To it no other
// token is active, and none that has expired or was revoked.
func (p *Provider) introspection(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		writeRefusal(w, refuse(http.StatusMethodNotAllowed, "invalid_request", "POST only"))
		return
	}
	c, err := p.authenticate(r)
	switch {
	case err != nil:
		writeRefusal(w, err)
		return
	case !c.confidential():
		writeRefusal(w, invalidClient("introspection is for confidential clients"))
		return
	}
	document := map[string]any{"active": false}
	if h, ok := p.parseAccess(r.PostForm.Get("token")); ok {
		if g, live := p.live(h); live {
			document = p.accessClaims(g, time.Unix(h.number, 0))
			document["active"], document["token_type"] = true, g.tokenType()
		}
	}
	p.answer(w, Introspection, document)
}

// accessClaims is what an access token of a grant says, or what is said of it.
func (p *Provider) accessClaims(g grant, expires time.Time) map[string]any {
	config, claims := p.settings(), p.user(g.session.subject).AccessClaims
	maps.Copy(claims, map[string]any{
		"iss":       p.Issuer(),
		"sub":       g.session.subject,
		"aud":       config.audience(p.Issuer(), g.request.audience),
		"client_id": g.client.ID,
		"iat":       expires.Add(-config.AccessTokenLifetime).Unix(),
		"exp":       expires.Unix(),
		"scope":     strings.Join(g.scope, " "),
	})
	if g.jkt != "" {
		claims["cnf"] = map[string]any{"jkt": g.jkt} // RFC 9449 §6
	}
	if g.actor != "" {
		claims["act"] = map[string]any{"sub": g.actor} // RFC 8693 §4.1
	}
	return claims
}
