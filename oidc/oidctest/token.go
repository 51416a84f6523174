package oidctest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// token answers the token endpoint (RFC 6749 §3.2).
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	g, renewed, err := p.granted(w, r)
	if err != nil {
		writeRefusal(w, err)
		return
	}
	p.answer(w, Token, p.tokenResponse(g, renewed))
}

// granted finds the grant that r presents, and says whether it was by a refresh token.
func (p *Provider) granted(w http.ResponseWriter, r *http.Request) (g grant, renewed bool, err error) {
	if r.Method != http.MethodPost {
		return grant{}, false, refuse(http.StatusMethodNotAllowed, "invalid_request", "POST only")
	}
	if err := once(r.PostForm); err != nil {
		return grant{}, false, err
	}
	c, err := p.authenticate(r)
	if err != nil {
		return grant{}, false, err
	}
	jkt, err := p.proof(w, r, Token, "")
	if err != nil {
		return grant{}, false, err
	}
	form := r.PostForm
	kind := form.Get("grant_type")
	switch kind {
	case "authorization_code":
		g, err = p.redeem(c, form.Get("code"), form.Get("redirect_uri"), form.Get("code_verifier"))
	case "refresh_token":
		g, err = p.renew(c, form.Get("refresh_token"), strings.Fields(form.Get("scope")))
	case clientCredentials:
		g, err = p.own(c, form)
	case tokenExchange:
		g, err = p.exchanged(c, form)
	default:
		err = refuse(http.StatusBadRequest, "unsupported_grant_type", "not a grant_type of this provider")
	}
	if err == nil {
		err = p.bind(&g, jkt)
	}
	return g, kind == "refresh_token", err
}

// tokenResponse issues the tokens of a grant (OpenID Connect Core §3.1.3.3, §12.2).
func (p *Provider) tokenResponse(g grant, renewed bool) map[string]any {
	config := p.settings()
	access := p.issueAccessToken(g)
	response := map[string]any{
		"access_token": access,
		"token_type":   g.tokenType(),
		"expires_in":   int64(config.AccessTokenLifetime / time.Second),
		"scope":        strings.Join(g.scope, " "),
	}
	if g.actor != "" {
		response["issued_token_type"] = accessTokenType
	}
	if slices.Contains(g.scope, "openid") && !g.direct && !(renewed && config.RefreshedIDToken == NoIDToken) {
		response["id_token"] = p.issueIDToken(g, access, renewed)
	}
	if g.mayRefresh(config) && !(renewed && config.Rotation == RotateNever) {
		response["refresh_token"] = p.text(handle{refreshHandle, g.id, g.current})
	}
	return response
}

// Issue answers as the token endpoint does after a login of u by this client and
// with this scope, without a browser: for tests of what comes after a login, and
// of APIs that take access tokens. It panics when the client is not registered.
func (p *Provider) Issue(u User, clientID string, scope ...string) map[string]any {
	c, ok := p.client(clientID)
	if !ok {
		panic("oidctest: no such client: " + clientID)
	}
	p.PutUser(u)
	a := authRequest{client: c, scope: scope, prompt: []string{"consent"}}
	g, err := p.redeem(c, p.allow(a, p.begin(u.Subject, u.AuthTime)), "", "")
	if err != nil {
		panic("oidctest: " + err.Error())
	}
	response := p.tokenResponse(g, false)
	for _, change := range p.answers.of(string(Token)) {
		change(response)
	}
	p.tellDocument(response)
	return response
}

// mayRefresh tells whether the grant comes with a refresh token.
func (g grant) mayRefresh(config Config) bool {
	switch {
	case g.direct, config.RefreshTokens == RefreshNever:
		return false
	case config.RefreshTokens == RefreshAlways:
		return true
	}
	return g.offline
}
