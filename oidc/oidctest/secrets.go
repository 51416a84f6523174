package oidctest

import (
	"net/http"
	"net/url"
	"strings"
)

// secretParameters are those of requests and answers that nobody else may see, by
// what they are told as.
var secretParameters = map[string]string{
	"code": "code", "state": "state", "nonce": "nonce", "code_verifier": "code_verifier",
	"access_token": "access_token", "refresh_token": "refresh_token", "id_token": "id_token",
	"client_secret": "client_secret", "client_assertion": "client_assertion",
	"subject_token": "access_token", "token": "refresh_token", "id_token_hint": "id_token",
}

// OnSecret has tell called with every secret that passes through the provider, when it
// is born or first seen here, so that a test can search what its program logs and shows
// for them. kind is the parameter by which OAuth knows it (RFC 6749 appendix A): code,
// state, nonce, code_verifier, access_token, refresh_token, id_token, logout_token,
// client_secret or client_assertion. The secrets of registered clients are told at
// once, and the tokens that tests make by [Provider.NewJWT] when they are signed. The
// same secret may be told several times, and by several goroutines at once; tell must
// not call the provider.
func (p *Provider) OnSecret(tell func(kind, secret string)) (remove func()) {
	remove = p.secrets.add("", tell)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		if c.Secret != "" {
			tell("client_secret", c.Secret)
		}
	}
	return remove
}

// tell passes on a secret, if it is one.
func (p *Provider) tell(kind, secret string) {
	if secret == "" {
		return
	}
	for _, tell := range p.secrets.of("") {
		tell(kind, secret)
	}
}

// tellValues passes on those of some parameters that are secrets.
func (p *Provider) tellValues(values url.Values) {
	for name, kind := range secretParameters {
		for _, value := range values[name] {
			p.tell(kind, value)
		}
	}
}

// tellDocument passes on the tokens in an answer.
func (p *Provider) tellDocument(document map[string]any) {
	for name, kind := range secretParameters {
		if text, ok := document[name].(string); ok {
			p.tell(kind, text)
		}
	}
}

// tellRequest passes on what a request carries.
func (p *Provider) tellRequest(r *http.Request) {
	p.tellValues(r.Form)
	scheme, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "DPoP") {
		p.tell("access_token", credentials)
	}
	if _, password, ok := r.BasicAuth(); ok {
		if secret, err := url.QueryUnescape(password); err == nil { // RFC 6749 §2.3.1
			p.tell("client_secret", secret)
		}
	}
}

// tellJWT passes on a token that was signed, by what its type says that it is.
func (p *Provider) tellJWT(typ any, text string) {
	switch typ {
	case "at+jwt":
		p.tell("access_token", text)
	case "logout+jwt":
		p.tell("logout_token", text)
	case "dpop+jwt": // good for one request, which shows it
	default:
		p.tell("id_token", text)
	}
}
