package oidctest

import (
	"net/http"
	"slices"
)

// discovery answers the provider's metadata (OpenID Connect Discovery §3).
func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) {
	config := p.settings()
	scopes := []string{"openid", "profile", "email"}
	grants := []string{"authorization_code", clientCredentials, tokenExchange}
	if config.RefreshTokens != RefreshNever {
		scopes = append(scopes, "offline_access")
		grants = append(grants, "refresh_token")
	}
	p.answer(w, Discovery, map[string]any{
		"issuer":                                         p.Issuer(),
		"authorization_endpoint":                         p.url(Authorize),
		"token_endpoint":                                 p.url(Token),
		"jwks_uri":                                       p.url(JWKS),
		"userinfo_endpoint":                              p.url(Userinfo),
		"revocation_endpoint":                            p.url(Revocation),
		"introspection_endpoint":                         p.url(Introspection),
		"end_session_endpoint":                           p.url(EndSession),
		"pushed_authorization_request_endpoint":          p.url(PushedRequest),
		"require_pushed_authorization_requests":          config.RequirePushed,
		"dpop_signing_alg_values_supported":              proofAlgorithms,
		"scopes_supported":                               scopes,
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query", "form_post"},
		"grant_types_supported":                          grants,
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          p.idTokenAlgorithms(),
		"token_endpoint_auth_methods_supported":          p.authMethods(),
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": !config.OmitCallbackIss,
		"backchannel_logout_supported":                   true,
		"backchannel_logout_session_supported":           true,
	})
}

func (p *Provider) idTokenAlgorithms() []string {
	if algorithm := p.settings().Algorithm; isHMAC(algorithm) {
		return []string{algorithm}
	}
	return p.keys.algorithms()
}

// authMethods returns what the registered clients may use at the token endpoint.
func (p *Provider) authMethods() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var methods []string
	for _, c := range p.clients {
		switch {
		case c.PublicKey != nil:
			methods = append(methods, "private_key_jwt")
		case c.Secret == "":
			methods = append(methods, "none")
		case c.Auth != "":
			methods = append(methods, c.Auth)
		default:
			methods = append(methods, "client_secret_basic", "client_secret_post")
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// answer applies the endpoint's hooks to document, and sends it.
func (p *Provider) answer(w http.ResponseWriter, e Endpoint, document map[string]any) {
	for _, change := range p.answers.of(string(e)) {
		change(document)
	}
	if e == Token {
		p.tellDocument(document)
	}
	writeJSON(w, http.StatusOK, document)
}
