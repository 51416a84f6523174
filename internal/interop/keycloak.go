package interop

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/rbac"
)

// Keycloak is Keycloak, run by Java as a child process that all tests share; each
// has a client of its own. Refresh tokens are as they are by default: a renewal
// brings another, and the old one stays good. Without java, or without what "mvn
// package" in the folder keycloak unpacks, starting it skips the test, and fails
// it where REQUIRE_KEYCLOAK is set.
func Keycloak() Provider { return keycloak("keycloak", false) }

// KeycloakRotating is Keycloak with "Revoke Refresh Token" switched on.
func KeycloakRotating() Provider { return keycloak("keycloak, revoking refresh tokens", true) }

func keycloak(name string, rotates bool) Provider {
	return Provider{
		Name: name,
		Traits: Traits{
			AccessLifetime: time.Minute,
			Scopes:         []string{"openid", "profile", "email"},
			Rotates:        rotates,
			Reissues:       !rotates,
			FamilyRevoked:  rotates,
			DeadCode:       "invalid_grant",
			ClientCode:     "unauthorized_client",
			AuthTime:       true,
			Issuer:         true,
			Unannounced:    true,
			NoAudience:     true,
			Rekeys:         true,
			RoleClaim:      rbac.Path{"realm_access", "roles"},
			Session:        true,
			SamePerson:     true,
			EndSession:     true,
			Backchannel:    true,
			Revocation:     true,
			FormPost:       true,
		},
		secret:   "to be +encoded: 100%/&=",
		parallel: true,
		open: func(t testing.TB, s *Server) http.Handler {
			return openKeycloak(t, s, rotates)
		},
	}
}

// keycloakKeys counts the signing keys that were added, of which the last counts
// most.
var keycloakKeys atomic.Int64

// openKeycloak registers a client, and returns a reverse proxy to the child. It
// goes by the Host header, so that every server has an issuer of its own.
func openKeycloak(t testing.TB, s *Server, rotates bool) http.Handler {
	t.Helper()
	s.admin = startKeycloak(t)
	s.admin.lend(t, s.Clock)
	s.realm = s.admin.realm(t, rotates)
	s.Issuer += "/realms/" + s.realm
	s.Client.ID += "-" + rand.Text()
	s.Administer(t, http.MethodPost, "/clients", s.registration(t))
	s.rekey = func(t testing.TB) {
		t.Helper()
		s.Administer(t, http.MethodPost, "/components", map[string]any{
			"name":         "newer",
			"providerId":   "rsa-generated",
			"providerType": "org.keycloak.keys.KeyProvider",
			"config":       map[string][]string{"priority": {strconv.FormatInt(1000+keycloakKeys.Add(1), 10)}},
		})
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: s.admin.address})
		r.Out.Host = r.In.Host
	}}
}

// registration is the client as the admin API takes it.
func (s *Server) registration(t testing.TB) map[string]any {
	t.Helper()
	flag := strconv.FormatBool
	attributes := map[string]string{
		"post.logout.redirect.uris":             s.Client.PostLogoutRedirectURI,
		"backchannel.logout.url":                s.Client.BackchannelLogoutURI,
		"backchannel.logout.session.required":   "true",
		"pkce.code.challenge.method":            "S256",
		"require.pushed.authorization.requests": flag(s.constrained),
		"dpop.bound.access.tokens":              flag(s.constrained),
	}
	client := map[string]any{
		"clientId":     s.Client.ID,
		"redirectUris": []string{s.Client.RedirectURI},
		"publicClient": s.Client.Auth == AuthNone,
		"attributes":   attributes,
		"protocolMappers": []any{map[string]any{
			"name":           "realm roles at userinfo",
			"protocol":       "openid-connect",
			"protocolMapper": "oidc-usermodel-realm-role-mapper",
			"config": map[string]string{
				"claim.name": "realm_access.roles", "jsonType.label": "String", "multivalued": "true",
				"userinfo.token.claim": "true", "id.token.claim": "false", "access.token.claim": "false",
			},
		}},
	}
	switch s.Client.Auth {
	case AuthKey:
		client["clientAuthenticatorType"] = "client-jwt"
		attributes["use.jwks.string"], attributes["jwks.string"] = "true", string(s.Client.jwks(t))
	case AuthNone:
	default:
		client["secret"] = s.Client.Secret
	}
	return client
}

// realmOf is a realm as the admin API takes it.
func realmOf(name string, rotates bool) map[string]any {
	var people []any
	for _, who := range People() {
		people = append(people, map[string]any{
			"username": who.Login, "email": who.Email, "emailVerified": true,
			"firstName": who.Name, "lastName": "Example",
			"enabled":     true,
			"credentials": []any{map[string]any{"type": "password", "value": who.Password}},
			"realmRoles":  []string{who.Role, "offline_access"},
		})
	}
	return map[string]any{
		"id": name, "realm": name, "enabled": true,
		"accessTokenLifespan": 60,
		"revokeRefreshToken":  rotates,
		// Passwords are tried thousands of times as fast as they should be.
		"passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",
		"roles":          map[string]any{"realm": []any{map[string]any{"name": Alice.Role}, map[string]any{"name": Bob.Role}}},
		"users":          people,
	}
}

// Administer does as the administrator of the provider's realm, at a path below
// it, and returns what the answer says, if anything. It is there for Keycloak.
func (s *Server) Administer(t testing.TB, method, path string, body any) json.RawMessage {
	t.Helper()
	return s.admin.do(t, method, "/admin/realms/"+s.realm+path, body)
}
