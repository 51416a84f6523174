package interop

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/rbac"
)

// Provider is a real OpenID provider, and what is known of it.
type Provider struct {
	Name   string
	Traits Traits

	// path is where below its host the issuer is, such as "/dex".
	path string
	// secret is the client's. Where the provider decodes Basic credentials as
	// RFC 6749 §2.3.1 says, it needs encoding.
	secret string
	// auth is how the client authenticates at the token endpoint.
	auth string
	// constrained says that requests must be pushed, and tokens bound to a key.
	constrained bool
	// parallel says that token requests can be served at once.
	parallel bool
	// open returns the running provider.
	open func(t testing.TB, s *Server) http.Handler
}

// Authenticating returns the provider with its client registered for another
// token_endpoint_auth_method than client_secret_basic: client_secret_post, or
// private_key_jwt, or none for a public client.
func (p Provider) Authenticating(method string) Provider {
	p.auth = method
	if method == AuthNone || method == AuthKey {
		p.secret = ""
	}
	return p
}

// Constrained returns the provider with nothing but pushed authorization requests
// (RFC 9126) and tokens that are bound to a DPoP key (RFC 9449), for those that have
// them.
func (p Provider) Constrained() Provider {
	p.Name += ", constrained"
	p.constrained = true
	return p
}

// Values of token_endpoint_auth_method (OpenID Connect Dynamic Client
// Registration 1.0 §2).
const (
	AuthBasic = "client_secret_basic"
	AuthPost  = "client_secret_post"
	AuthNone  = "none"
	AuthKey   = "private_key_jwt"
)

// Traits are what providers differ in. The harness' own tests hold each of them
// against the provider itself.
type Traits struct {
	// AccessLifetime is how long an access token lives.
	AccessLifetime time.Duration
	// Scopes are those that bring everything the provider has to say.
	Scopes []string
	// Rotates says that a renewal brings a new refresh token and ends the old.
	Rotates bool
	// Reissues says that a renewal brings a new refresh token, and the old one
	// stays good.
	Reissues bool
	// FamilyRevoked says that using an old refresh token again ends the newest.
	FamilyRevoked bool
	// DeadCode is the error code for a refresh token that is no longer good.
	DeadCode string
	// ClientCode is the error code for a client that isn't who it says.
	ClientCode string
	// Unannounced says that discovery doesn't name what a constrained client is held
	// to, since others aren't.
	Unannounced bool
	// OneGrant says that a second login of the same person ends the refresh
	// token of the first.
	OneGrant bool
	// RenewedNonce says that the ID token of a renewal repeats the nonce.
	RenewedNonce bool
	// Issuer says that the callback names the issuer (RFC 9207).
	Issuer bool
	// AuthTime says that the ID token has auth_time, and max_age is heeded.
	AuthTime bool
	// AudienceList says that aud in the ID token is a list, and not a string.
	AudienceList bool
	// ConsentFirst says that there is no refresh token without prompt=consent
	// (OpenID Connect Core 1.0 §11).
	ConsentFirst bool
	// Rekeys says that the signing key can be changed, see [Server.Rekey].
	Rekeys bool
	// OldKeyName says that tokens of a renewal name the key that signed at the sign-in,
	// whichever has signed them.
	OldKeyName bool
	// OneFlow says that of two sign-ins that are begun by one browser the first fails.
	OneFlow bool
	// NoAudience says that access tokens are for [Resource] only where the client's
	// registration says so.
	NoAudience bool
	// UserinfoOnly says that profile claims are not in the ID token.
	UserinfoOnly bool
	// RoleClaim is where the claim is that lists what a person may do: "admin" for
	// [Alice]. Empty where the provider has none.
	RoleClaim rbac.Path
	// Session says that the provider remembers who signed in, and doesn't ask
	// again.
	Session bool
	// SamePerson says that who signs in again, where the session is remembered, can't
	// be somebody else.
	SamePerson bool
	// EndSession says that there is an end_session_endpoint (OpenID Connect
	// RP-Initiated Logout 1.0).
	EndSession bool
	// Backchannel says that applications are told when somebody signs out at the
	// provider (OpenID Connect Back-Channel Logout 1.0).
	Backchannel bool
	// Echo says that an application which signs somebody out, and revokes the refresh
	// token first, is told of it, too.
	Echo bool
	// Revocation says that there is a revocation endpoint (RFC 7009).
	Revocation bool
	// Cancel says that a person can refuse to sign in, and is sent back.
	Cancel bool
	// FormPost says that response_mode=form_post is offered.
	FormPost bool
}

// Person is somebody whom every provider knows.
type Person struct {
	Login, Email, Password string
	// Bcrypt is the hash of the password.
	Bcrypt string
	// Name is that of the profile.
	Name string
	// Role is what [Traits.RoleClaim] lists.
	Role string
}

// The people whom every provider knows. Alice is an administrator, Bob is not.
var (
	Alice = Person{
		Login:    "alice@example.com",
		Email:    "alice@example.com",
		Password: "correct horse",
		Bcrypt:   "$2a$10$reRlCuGStsWhbnc7avVGbOJhs8nGF0gTqvsmSIAJx1URySbwcDnku",
		Name:     "Alice",
		Role:     "admin",
	}
	Bob = Person{
		Login:    "bob@example.com",
		Email:    "bob@example.com",
		Password: "battery staple",
		Bcrypt:   "$2a$10$xFNUPtdDgDSNqsyIHOGRiucdzmoc18AKso2O2AIA55uHc7nRsBqbm",
		Name:     "Bob",
		Role:     "user",
	}
)

// People returns all of them.
func People() []Person { return []Person{Alice, Bob} }

// Providers returns every provider there is, in every variant that matters.
func Providers() []Provider {
	return []Provider{GoOIDC(), GoOIDCKeepingTokens(), Dex(), DexKeepingTokens(), Zitadel(), OIDCProvider(), Hydra(), Keycloak(), KeycloakRotating()}
}
