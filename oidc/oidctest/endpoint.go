package oidctest

import (
	"net/http"
	"net/url"
	"strings"
)

// Endpoint names one of the provider's endpoints.
type Endpoint string

// The endpoints.
const (
	Discovery     Endpoint = "discovery"      // OpenID Connect Discovery §4
	JWKS          Endpoint = "jwks"           // RFC 7517 §5
	Authorize     Endpoint = "authorize"      // OpenID Connect Core §3.1.2
	Token         Endpoint = "token"          // OpenID Connect Core §3.1.3, §12
	Userinfo      Endpoint = "userinfo"       // OpenID Connect Core §5.3
	Revocation    Endpoint = "revocation"     // RFC 7009
	EndSession    Endpoint = "end_session"    // OpenID Connect RP-Initiated Logout 1.0
	PushedRequest Endpoint = "pushed_request" // RFC 9126
	Introspection Endpoint = "introspection"  // RFC 7662

	// Every is all of them, and whatever else is asked of the provider.
	Every Endpoint = "every"
)

// paths are those of the endpoints, below the issuer's.
func paths() map[Endpoint]string {
	return map[Endpoint]string{
		Discovery:     "/.well-known/openid-configuration",
		JWKS:          "/jwks",
		Authorize:     "/authorize",
		Token:         "/token",
		Userinfo:      "/userinfo",
		Revocation:    "/revoke",
		EndSession:    "/end-session",
		PushedRequest: "/par",
		Introspection: "/introspect",
	}
}

// url returns the address of e.
func (p *Provider) url(e Endpoint) string {
	return strings.TrimSuffix(p.Issuer(), "/") + paths()[e]
}

// endpointOf returns the endpoint that r asks for, empty when there is none.
func (p *Provider) endpointOf(r *http.Request) Endpoint {
	issuer, err := url.Parse(p.Issuer())
	if err != nil {
		return ""
	}
	path, below := strings.CutPrefix(r.URL.Path, strings.TrimSuffix(issuer.Path, "/"))
	for e, its := range paths() {
		if below && path == its {
			return e
		}
	}
	return ""
}

// handler returns what answers e honestly.
func (p *Provider) handler(e Endpoint) http.HandlerFunc {
	switch e {
	case Discovery:
		return p.discovery
	case JWKS:
		return p.jwks
	case Authorize:
		return p.authorize
	case Token:
		return p.token
	case Userinfo:
		return p.userinfo
	case Revocation:
		return p.revocation
	case Introspection:
		return p.introspection
	case EndSession:
		return p.endSession
	case PushedRequest:
		return p.push
	}
	return http.NotFound
}
