package oidctest

import (
	"crypto"
	"crypto/rand"
	"maps"
	"strings"
)

// issueIDToken makes the ID token of a grant (OpenID Connect Core §2).
func (p *Provider) issueIDToken(g grant, access string, renewed bool) string {
	config, user := p.settings(), p.user(g.session.subject)
	now := config.Clock()
	t := p.NewJWT(user.Claims)
	if isHMAC(config.Algorithm) {
		t.SignWith(HMACKey(config.Algorithm, []byte(g.client.Secret)))
	}
	maps.Copy(t.Claims, map[string]any{
		"iss":     p.Issuer(),
		"sub":     g.session.subject,
		"aud":     g.client.ID,
		"iat":     now.Unix(),
		"exp":     now.Add(config.IDTokenLifetime).Unix(),
		"sid":     g.session.id,
		"at_hash": leftHalf(t.Key.Algorithm, access),
	})
	if g.request.nonce != "" && !(renewed && config.RefreshedIDToken == WithoutNonce) {
		t.Claims["nonce"] = g.request.nonce
	}
	if g.request.hasMaxAge {
		t.Claims["auth_time"] = g.session.authTime.Unix()
	}
	if acr := user.acr(g.request); acr != "" {
		t.Claims["acr"] = acr
	}
	if user.AMR != nil {
		t.Claims["amr"] = user.AMR
	}
	return p.sign(idToken, t)
}

// acr is what the user has, otherwise the first that the request asks for.
func (u User) acr(a authRequest) string {
	if u.ACR == "" && len(a.acrValues) > 0 {
		return a.acrValues[0]
	}
	return u.ACR
}

// leftHalf is at_hash: half of the hash that belongs to the algorithm (OpenID
// Connect Core §3.1.3.6). Ed25519 hashes with SHA-512.
func leftHalf(algorithm, token string) string {
	hash := crypto.SHA512
	switch {
	case strings.HasSuffix(algorithm, "256"):
		hash = crypto.SHA256
	case strings.HasSuffix(algorithm, "384"):
		hash = crypto.SHA384
	}
	h := hash.New()
	h.Write([]byte(token))
	return base64url(h.Sum(nil)[:h.Size()/2])
}

// issueAccessToken makes an access token, opaque or by RFC 9068.
func (p *Provider) issueAccessToken(g grant) string {
	config := p.settings()
	expires := config.Clock().Add(config.AccessTokenLifetime)
	id := p.text(handle{accessHandle, g.id, expires.Unix()}) + "-" + rand.Text()[:8]
	if config.OpaqueAccessTokens {
		return id
	}
	t := p.NewJWT(p.accessClaims(g, expires))
	t.Header["typ"] = "at+jwt"
	t.Claims["jti"] = id
	return p.sign(accessToken, t)
}

// audience is what the request asks for, otherwise what is configured.
func (c Config) audience(issuer string, asked []string) any {
	switch {
	case len(asked) > 1:
		return asked
	case len(asked) == 1:
		return asked[0]
	case c.Audience != "":
		return c.Audience
	}
	return issuer
}
