package oidctest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// grantTypes are those that need no user.
const (
	clientCredentials = "client_credentials"
	tokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessTokenType   = "urn:ietf:params:oauth:token-type:access_token"
)

// own grants a confidential client tokens of its own (RFC 6749 §4.4).
func (p *Provider) own(c Client, form url.Values) (grant, error) {
	if !c.confidential() {
		return grant{}, refuse(http.StatusBadRequest, "unauthorized_client", "a public client has nothing of its own")
	}
	return p.grantOf(grant{
		client: c, session: session{subject: c.ID}, scope: strings.Fields(form.Get("scope")),
		request: authRequest{client: c, audience: audienceOf(form)},
	}), nil
}

// exchanged grants a token in exchange for one of a user's (RFC 8693 §2.1).
func (p *Provider) exchanged(c Client, form url.Values) (grant, error) {
	kind := form.Get("requested_token_type")
	h, ok := p.parseAccess(form.Get("subject_token"))
	switch {
	case !ok || form.Get("subject_token_type") != accessTokenType:
		return grant{}, invalidRequest("subject_token is no access token")
	case kind != "" && kind != accessTokenType:
		return grant{}, invalidRequest("requested_token_type is not issued")
	}
	subject, ok := p.live(h)
	if !ok {
		return grant{}, invalidRequest("subject_token is not good any more")
	}
	scope := subject.scope
	if asked := strings.Fields(form.Get("scope")); len(asked) > 0 {
		scope = asked
	}
	scope = slices.DeleteFunc(slices.Clone(scope), func(s string) bool { return s == "openid" || s == "offline_access" })
	return p.grantOf(grant{
		client: c, session: subject.session, scope: scope, actor: c.ID,
		request: authRequest{client: c, audience: audienceOf(form)},
	}), nil
}

// grantOf records a grant that came without a code.
func (p *Provider) grantOf(g grant) grant {
	g.id, g.redeemed, g.direct = rand.Text(), true, true
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := g
	p.grants[g.id] = &kept
	return g
}

func audienceOf(form url.Values) []string { return slices.Concat(form["resource"], form["audience"]) }
