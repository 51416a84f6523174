package gatehouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// bearers accepts access tokens for a gate.
type bearers struct {
	verifier *oidc.Verifier
	policies map[string]*rbac.Resolver // by issuer, those that have their own
	policy   *rbac.Resolver
	identify func(*oidc.AccessToken) any // makes the *Identity of a token
}

// makeBearers readies the gate for access tokens.
func (g *Gate) makeBearers() (err error) {
	g.metadata, err = newMetadata(g.config)
	bearers, err2 := newBearers(g)
	if err := errors.Join(err, err2); err != nil {
		return mistake.Inside("API", err)
	}
	g.bearers = bearers
	g.config.API.Issuers, g.config.API.NonceSecret = nil, nil // the verifier keeps them where nothing prints them
	return nil
}

// newBearers is nil where no token is accepted.
func newBearers(g *Gate) (*bearers, error) {
	c := g.config
	if c.API.isZero() {
		return nil, nil
	}
	issuers := c.API.Issuers
	if issuers == nil {
		issuers = []oidc.TrustedIssuer{{Issuer: c.Issuer}}
	}
	config := oidc.VerifierConfig{
		Audience:         c.API.Audience,
		Issuers:          issuers,
		LoginClients:     slices.Clone(c.API.LoginClients),
		BaseURL:          c.BaseURL,
		RequireBinding:   c.API.RequireBinding,
		RequireNonce:     c.API.RequireNonce,
		NonceSecret:      c.API.NonceSecret,
		SpendProof:       c.spendProof(),
		ResourceMetadata: g.metadata.address(),
		RememberedTokens: c.API.RememberedTokens,
		HTTPClient:       c.HTTPClient,
		Logger:           c.Logger,
		Clock:            c.Clock,
		InsecureHTTP:     c.InsecureHTTP,
	}
	if c.ClientID != "" {
		config.LoginClients = append(config.LoginClients, c.ClientID)
	}
	b := &bearers{policies: map[string]*rbac.Resolver{}, policy: g.policy}
	var mistakes []error
	for _, issuer := range slices.Sorted(maps.Keys(c.API.Policies)) {
		field := fmt.Sprintf("Policies[%q]", issuer)
		resolver, err := c.API.Policies[issuer].Compile()
		if err != nil {
			mistakes = append(mistakes, mistake.Inside(field, err))
		}
		if !slices.ContainsFunc(issuers, func(i oidc.TrustedIssuer) bool { return i.Issuer == issuer }) {
			mistakes = append(mistakes, mistake.Of(field, "is no issuer that is trusted"))
		}
		b.policies[issuer] = resolver
	}
	var err error
	if b.verifier, err = oidc.NewVerifier(config); err != nil {
		mistakes = append(mistakes, err)
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	b.identify = func(t *oidc.AccessToken) any {
		who := &known{gate: g, bearer: t}
		who.identity.known = who
		return &who.identity
	}
	return b, nil
}

// spendProof is what all replicas spend DPoP proofs at, nil for none.
func (c Config) spendProof() func(context.Context, string, time.Time) (bool, error) {
	type spender interface {
		Spend(ctx context.Context, id string, expires time.Time) (unspent bool, err error)
	}
	shared := firstOf[spender](nil, c.Store, c.Revocations)
	if c.API.SpendProof != nil || shared == nil {
		return c.API.SpendProof
	}
	return shared.Spend
}

// subject resolves claims by the policy of their issuer.
func (b *bearers) subject(claims map[string]any) *rbac.Subject {
	issuer, _ := claims["iss"].(string)
	if policy, ok := b.policies[issuer]; ok {
		return policy.Subject(claims)
	}
	return b.policy.Subject(claims)
}

// bearer returns whom an access token stands for.
func (g *Gate) bearer(w http.ResponseWriter, r *http.Request) (*Identity, error) {
	if g.carriesSession(r) {
		return nil, &Error{
			Status:  http.StatusBadRequest,
			Message: "Send the session cookie or an access token, not both.",
			Cause:   fmt.Errorf("%w: %w", errCookieAndToken, &oidc.Refusal{Code: oidc.InvalidRequest}),
		}
	}
	if g.bearers == nil {
		return nil, nil
	}
	token, err := g.bearers.verifier.Authenticate(r)
	if nonce := g.bearers.verifier.Nonce(); nonce != "" && len(r.Header["Dpop"]) > 0 { // RFC 9449 §8.2
		w.Header().Set("DPoP-Nonce", nonce)
		w.Header().Set("Cache-Control", "no-store")
	}
	if err != nil {
		return nil, bearerFailure(err)
	}
	who, _ := token.Derive(g.bearers.identify).(*Identity)
	return who, nil
}

// bearerFailure is what is wrong with an access token, as its client is told.
func bearerFailure(err error) *Error {
	var refusal *oidc.Refusal
	if !errors.As(err, &refusal) {
		return &Error{
			Status:     http.StatusServiceUnavailable,
			Message:    "Access tokens can't be checked right now. Please try again in a moment.",
			RetryAfter: retryAfter,
			Cause:      err,
		}
	}
	failure := &Error{Status: refusal.Status(), Message: "The access token is not valid here. Get a new one, and try again.", Cause: err}
	switch refusal.Code {
	case oidc.InvalidRequest:
		failure.Message = "The request must carry one access token, in one Authorization header."
	case oidc.InvalidProof:
		failure.Message = "The DPoP proof is not valid for this request. Make a new one, and try again."
	case oidc.UseNonce:
		failure.Message = "The DPoP proof needs the nonce that is in the header DPoP-Nonce. Make a new one with it, and try again."
	}
	return failure
}
