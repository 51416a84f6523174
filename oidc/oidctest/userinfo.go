package oidctest

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
)

// userinfo answers what is known of the user of an access token (OpenID Connect
// Core §5.3).
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	g, err := p.presented(w, r)
	if err != nil {
		scheme := "Bearer"
		if r.Header.Get("DPoP") != "" {
			scheme = "DPoP"
		}
		w.Header().Set("WWW-Authenticate", scheme+` error="`+asRefusal(err).code+`"`) // RFC 6750 §3, RFC 9449 §7.1
		writeRefusal(w, err)
		return
	}
	user := p.user(g.session.subject)
	claims := user.Claims
	maps.Copy(claims, user.UserinfoClaims)
	claims["sub"] = user.Subject
	if !p.settings().SignedUserinfo {
		p.answer(w, Userinfo, claims)
		return
	}
	claims["iss"], claims["aud"] = p.Issuer(), g.client.ID
	for _, change := range p.answers.of(string(Userinfo)) {
		change(claims)
	}
	w.Header().Set("Content-Type", "application/jwt")
	w.Write([]byte(p.sign(userinfoToken, p.NewJWT(claims))))
}

// bearer returns the access token of r (RFC 6750 §2.1, §2.2).
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return token
	}
	return r.PostForm.Get("access_token")
}

// parseAccess reads an access token of either kind. A JWT is looked up by its
// jti, which nobody else can make, whatever a test has done to the rest of it.
func (p *Provider) parseAccess(token string) (handle, bool) {
	if parts := strings.Split(token, "."); len(parts) == 3 {
		var claims struct {
			ID string `json:"jti"`
		}
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil || json.Unmarshal(payload, &claims) != nil {
			return handle{}, false
		}
		token = claims.ID
	}
	// What follows the handle only makes two tokens of one second differ.
	end := strings.LastIndexByte(token, '-')
	return p.parse(accessHandle, token[:max(end, 0)])
}
