package oidctest

import "time"

// Config is what a [Provider] is told. Its zero value is a provider of today:
// PKCE enforced, RS256, JWT access tokens of five minutes, refresh tokens that
// rotate, and one confidential client "app" with the secret "secret".
//
// All but Issuer, Clients, Keys and Algorithm can be changed while the provider
// serves, with [Provider.Configure].
type Config struct {
	// Issuer is the issuer identifier. Empty, it is the scheme and host that
	// the provider is served under: of the [Server], otherwise of the first
	// request. A path ("/realms/main", or "/" for an issuer that ends in a
	// slash) is put behind that scheme and host.
	Issuer string

	// Clients are the registered clients. Nil: one named "app" with the secret
	// "secret" and any redirect URI. See also [Provider.AddClient].
	Clients []Client

	// Keys are published in the JWKS; the first one signs. Nil: one key for
	// Algorithm, made when it is first needed. Key generation is slow for RSA:
	// suites with many providers share one made by [NewKey].
	Keys []*Key

	// Algorithm is the JWS algorithm of ID tokens when Keys is nil. Default
	// RS256. With HS256, HS384 or HS512 they are signed with the client's secret
	// (OpenID Connect Core §10.1), and everything else with a published ES256 key.
	Algorithm string

	// AccessTokenLifetime is expires_in, and how long userinfo accepts the
	// token. Whole seconds. Default 5 minutes.
	AccessTokenLifetime time.Duration
	// IDTokenLifetime is the time between iat and exp. Default 5 minutes.
	IDTokenLifetime time.Duration
	// CodeLifetime is how long an authorization code is good. Default 1 minute.
	CodeLifetime time.Duration

	// OpaqueAccessTokens makes access tokens strings without a meaning, in
	// place of JWTs (RFC 9068).
	OpaqueAccessTokens bool
	// Audience is the aud of JWT access tokens when the request names none by
	// resource (RFC 8707) or audience. Default the issuer.
	Audience string

	// RefreshTokens says when a grant gets one. Default [RefreshOffline].
	RefreshTokens RefreshTokens
	// OfflineNeedsConsent drops offline_access from requests without
	// prompt=consent (OpenID Connect Core §11), as oidc-provider does.
	OfflineNeedsConsent bool
	// Rotation says what becomes of a used refresh token. Default [RotateAndRevoke].
	Rotation Rotation
	// RefreshedIDToken says what a refresh answers besides the access token.
	// Default [WithNonce].
	RefreshedIDToken RefreshedIDToken

	// PKCEOptional accepts authorization requests without code_challenge
	// (RFC 7636). One that has it is held to it even so.
	PKCEOptional bool
	// RequirePushed refuses authorization requests that were not pushed (RFC 9126 §5).
	RequirePushed bool
	// RequireDPoP issues tokens only to requests with a DPoP proof (RFC 9449 §5).
	// Requests that have one get bound tokens in any case.
	RequireDPoP bool
	// DPoPNonce, where set, must be in every DPoP proof (RFC 9449 §8, §9).
	DPoPNonce string
	// OmitCallbackIss leaves iss out of callbacks, and its announcement out of
	// discovery (RFC 9207).
	OmitCallbackIss bool
	// IgnoreACR signs in as if acr_values weren't there: ID tokens have no acr but
	// the user's own.
	IgnoreACR bool
	// IgnoreMaxAge signs in as if max_age weren't there: nobody has to prove anew
	// who they are, and ID tokens have no auth_time.
	IgnoreMaxAge bool
	// SignedUserinfo answers userinfo with a JWT (OpenID Connect Core §5.3.2).
	SignedUserinfo bool

	// Clock tells the time. Default time.Now.
	Clock func() time.Time
}

// RefreshTokens says which grants come with a refresh token.
type RefreshTokens int

const (
	// RefreshOffline gives one when offline_access was granted (OpenID Connect Core §11).
	RefreshOffline RefreshTokens = iota
	// RefreshAlways gives one with every grant, as Keycloak does.
	RefreshAlways
	// RefreshNever gives none, and discovery doesn't offer offline_access.
	RefreshNever
)

// Rotation says what becomes of a refresh token that was used (RFC 9700 §4.14.2).
type Rotation int

const (
	// RotateAndRevoke replaces it; used again, it ends the whole grant, as with
	// Ory Hydra and oidc-provider.
	RotateAndRevoke Rotation = iota
	// RotateAndRefuse replaces it; used again, it is refused and its successor
	// lives on, as with dex.
	RotateAndRefuse
	// RotateNever keeps it good, and out of the answer.
	RotateNever
)

// RefreshedIDToken says which ID token a refresh answers (OpenID Connect Core §12.2).
type RefreshedIDToken int

const (
	// WithNonce answers one with the nonce of the login.
	WithNonce RefreshedIDToken = iota
	// WithoutNonce answers one without a nonce.
	WithoutNonce
	// NoIDToken answers none.
	NoIDToken
)

// withDefaults returns c with its zero values replaced.
func (c Config) withDefaults() Config {
	if c.Clients == nil {
		c.Clients = []Client{{ID: "app", Secret: "secret"}}
	}
	if c.Algorithm == "" {
		c.Algorithm = "RS256"
	}
	for _, lifetime := range []*time.Duration{&c.AccessTokenLifetime, &c.IDTokenLifetime} {
		if *lifetime == 0 {
			*lifetime = 5 * time.Minute
		}
	}
	if c.CodeLifetime == 0 {
		c.CodeLifetime = time.Minute
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}
