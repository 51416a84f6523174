package interop

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/rbac"
	"github.com/luikyv/go-oidc/pkg/goidc"
	"github.com/luikyv/go-oidc/pkg/provider"
)

// GoOIDC is luikyv/go-oidc with rotating refresh tokens and everything that a
// client could ask for switched on.
func GoOIDC() Provider {
	return goOIDC("go-oidc", true)
}

// Resource is the API that access tokens are for, where one can say so.
const Resource = "https://api.example.com"

// GoOIDCKeepingTokens is luikyv/go-oidc as it is by default: a refresh token
// stays good, and renewals don't mention it.
func GoOIDCKeepingTokens() Provider {
	return goOIDC("go-oidc without rotation", false)
}

func goOIDC(name string, rotates bool) Provider {
	const lifetime = time.Minute
	return Provider{
		Name: name,
		Traits: Traits{
			AccessLifetime: lifetime,
			Scopes:         []string{"openid", "profile", "email", "offline_access"},
			Rotates:        rotates,
			DeadCode:       "invalid_grant",
			ClientCode:     "invalid_client",
			AuthTime:       true,
			RenewedNonce:   true,
			Issuer:         true,
			Rekeys:         true,
			RoleClaim:      rbac.Path{"roles"},
			Session:        true,
			EndSession:     true,
			Revocation:     true,
			Cancel:         true,
			FormPost:       true,
		},
		// It doesn't decode Basic credentials, so nothing in it must need to be
		// encoded.
		secret: "a-secret-of-letters-only",
		open: func(t testing.TB, s *Server) http.Handler {
			options := []provider.RefreshTokenOption{provider.WithRefreshTokenShouldIssue(wantsOffline)}
			if rotates {
				options = append(options, provider.WithRefreshTokenRotation())
			}
			return openGoOIDC(t, s, lifetime, options)
		},
	}
}

func openGoOIDC(t testing.TB, s *Server, lifetime time.Duration, refresh []provider.RefreshTokenOption) http.Handler {
	t.Helper()
	people := newSignInPages(s.Issuer)
	keys := new(keyring)
	keys.add(t)
	s.rekey = keys.add
	code := []provider.AuthCodeGrantOption{
		provider.WithIssuerResponseParameter(),
		provider.WithPKCE([]goidc.CodeChallengeMethod{goidc.CodeChallengeMethodSHA256}, provider.WithPKCERequired()),
		provider.WithFormPostResponseMode(),
		provider.WithAuthPolicies(goidc.NewPolicy("password", people.begin, people.authenticate)),
	}
	if s.constrained {
		code = append(code, provider.WithPAR(nil, provider.WithPARRequired()))
	}
	var registered *goidc.JSONWebKeySet
	if text := s.Client.jwks(t); text != nil {
		registered = new(goidc.JSONWebKeySet)
		if err := json.Unmarshal(text, registered); err != nil {
			t.Fatal(err)
		}
	}
	options := []provider.Option{
		provider.WithScopes(goidc.ScopeOpenID, goidc.ScopeProfile, goidc.ScopeEmail, goidc.ScopeOfflineAccess),
		provider.WithSecretBasicAuthn(),
		provider.WithSecretPostAuthn(),
		provider.WithNoneAuthn(),
		provider.WithPrivateKeyJWTAuthn(goidc.SigAlgES256),
		provider.WithAuthCodeGrant(
			provider.AuthCodeGrantConfig{ResponseTypes: []goidc.ResponseType{goidc.ResponseTypeCode}},
			code...,
		),
		provider.WithRefreshTokenGrant(nil, refresh...),
		provider.WithTokenRevocation(func(context.Context, *goidc.Client) bool { return true }),
		provider.WithTokenOptions(func(context.Context, *goidc.Grant, *goidc.Client) goidc.TokenOptions {
			return goidc.NewJWTTokenOptions(goidc.SigAlgRS256, int(lifetime/time.Second))
		}),
		provider.WithTokenClaims(func(context.Context, *goidc.Token, *goidc.Grant) map[string]any {
			return map[string]any{goidc.ClaimAudience: Resource}
		}),
		provider.WithIDTokenLifetime(3600),
		provider.WithIDTokenClaims(claimsOfGrant),
		provider.WithUserInfoClaims(claimsOfGrant),
		provider.WithLogout(
			provider.LogoutConfig{HandleFunc: people.signedOut},
			provider.WithLogoutPolicies(goidc.NewLogoutPolicy("ask", people.beginLogout, people.logout)),
		),
		provider.WithJTIConsumer(func(context.Context, string) error { return nil }),
		provider.WithErrorHandler(func(ctx context.Context, err error) { slog.DebugContext(ctx, s.Name, "error", err) }),
		provider.WithStaticClients(&goidc.Client{
			ID:     s.Client.ID,
			Secret: s.Client.Secret,
			ClientMeta: goidc.ClientMeta{
				RedirectURIs:           []string{s.Client.RedirectURI},
				PostLogoutRedirectURIs: []string{s.Client.PostLogoutRedirectURI},
				GrantTypes:             []goidc.GrantType{goidc.GrantAuthorizationCode, goidc.GrantRefreshToken},
				ResponseTypes:          []goidc.ResponseType{goidc.ResponseTypeCode},
				ScopeIDs:               "openid profile email offline_access",
				TokenAuthnMethod:       goidc.AuthnMethod(s.Client.Auth),
				JWKS:                   registered,
			},
		}),
	}
	if s.constrained {
		options = append(options, provider.WithDPoP([]goidc.SignatureAlgorithm{goidc.SigAlgES256}, provider.WithDPoPRequired()))
	}
	op, err := provider.New(
		provider.Config{Issuer: s.Issuer, JWKS: keys.jwks, IDTokenAlgs: []goidc.SignatureAlgorithm{goidc.SigAlgRS256}},
		options...,
	)
	if err != nil {
		t.Fatal(err)
	}
	return op.Handler()
}
