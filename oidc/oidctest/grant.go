package oidctest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"time"
)

// grant is what a user allowed a client, once: the tokens of one login.
type grant struct {
	id       string
	request  authRequest
	client   Client
	session  session
	scope    []string
	offline  bool   // offline_access is in the scope
	redeemed bool   // the code was used
	revoked  bool   // nothing of it is good any more
	current  int64  // generation of the refresh token
	jkt      string // thumbprint of the key that the tokens are bound to, "" for none
	actor    string // the client that a token was exchanged for, "" for none
	direct   bool   // no login began it, and no refresh token goes on with it
}

// allow records a grant, and returns its code.
func (p *Provider) allow(a authRequest, s session) (code string) {
	scope := p.grantedScope(a)
	g := &grant{
		id: rand.Text(), request: a, client: a.client, session: s,
		scope: scope, offline: slices.Contains(scope, "offline_access"),
	}
	expires := p.now().Add(p.settings().CodeLifetime)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants[g.id] = g
	return p.text(handle{codeHandle, g.id, expires.Unix()})
}

// grantedScope is the requested one, less what is not given.
func (p *Provider) grantedScope(a authRequest) []string {
	config := p.settings()
	return slices.DeleteFunc(slices.Clone(a.scope), func(s string) bool {
		return s == "offline_access" && (config.RefreshTokens == RefreshNever ||
			config.OfflineNeedsConsent && !slices.Contains(a.prompt, "consent"))
	})
}

// redeem returns the grant of a code, which is good once. Used again, it
// revokes what was issued for it (RFC 6749 §4.1.2).
func (p *Provider) redeem(c Client, code, redirectURI, verifier string) (grant, error) {
	h, ok := p.parse(codeHandle, code)
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grants[h.grant]
	if !ok || g == nil || g.client.ID != c.ID {
		return grant{}, invalidGrant("unknown code")
	}
	if g.redeemed {
		g.revoked = true
		return grant{}, invalidGrant("the code was used before")
	}
	g.redeemed = true
	switch {
	case !now.Before(time.Unix(h.number, 0)):
		return grant{}, invalidGrant("the code has expired")
	case g.request.redirectURI != redirectURI:
		return grant{}, invalidGrant("another redirect_uri than in the authorization request")
	case !g.request.provenBy(verifier):
		return grant{}, invalidGrant("wrong code_verifier")
	}
	return *g, nil
}

// provenBy checks the proof of RFC 7636 §4.6. A verifier without a challenge is
// the downgrade of RFC 9700 §2.1.1.
func (a authRequest) provenBy(verifier string) bool {
	if a.challenge == "" || verifier == "" {
		return a.challenge == verifier
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64url(sum[:])), []byte(a.challenge)) == 1
}

// renew returns the grant of a refresh token, in its next generation. A scope
// narrows this answer, and can't widen it (RFC 6749 §6).
func (p *Provider) renew(c Client, token string, scope []string) (grant, error) {
	h, ok := p.parse(refreshHandle, token)
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grants[h.grant]
	if !ok || g == nil || g.client.ID != c.ID {
		return grant{}, invalidGrant("unknown refresh token")
	}
	if h.number != g.current {
		p.reuses++
		g.revoked = g.revoked || p.config.Rotation == RotateAndRevoke
		return grant{}, invalidGrant("the refresh token was used before")
	}
	if g.revoked {
		return grant{}, invalidGrant("the grant was revoked")
	}
	for _, s := range scope {
		if !slices.Contains(g.scope, s) {
			return grant{}, refuse(http.StatusBadRequest, "invalid_scope", "more than was granted")
		}
	}
	if p.config.Rotation != RotateNever {
		g.current++
	}
	renewed := *g
	if len(scope) > 0 {
		renewed.scope = scope
	}
	return renewed, nil
}

// revoke ends the grant of a refresh or access token, if it is the client's.
func (p *Provider) revoke(c Client, h handle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.grants[h.grant]; g != nil && g.client.ID == c.ID {
		g.revoked = true
	}
}

// live returns the grant of an access token as long as that is good.
func (p *Provider) live(h handle) (grant, bool) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grants[h.grant]
	if g == nil || g.revoked || !now.Before(time.Unix(h.number, 0)) {
		return grant{}, false
	}
	return *g, true
}

// RevokeUser ends every grant of the user: refresh tokens answer invalid_grant,
// and userinfo refuses the access tokens.
func (p *Provider) RevokeUser(subject string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.grants {
		g.revoked = g.revoked || g.session.subject == subject
	}
}

func invalidGrant(description string) error {
	return refuse(http.StatusBadRequest, "invalid_grant", description)
}
