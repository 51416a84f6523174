package gatehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// API is what [Gate.API] is told about access tokens (RFC 6750). The zero API
// accepts none. It prints without its secrets.
type API struct {
	// Audience are the names that this API has in access tokens, one of which must
	// be in aud. Required for tokens to be accepted.
	Audience []string
	// Issuers are those whose tokens are accepted. Nil: Config.Issuer, with the keys
	// that its discovery document names.
	Issuers []oidc.TrustedIssuer
	// LoginClients are clients, besides Config.ClientID, by which people sign in at the
	// issuers. Their names are the aud of ID tokens: where an audience is one of them, a
	// token must say that it is an access token (typ at+jwt, RFC 9068).
	LoginClients []string
	// Policies say, by issuer, where in tokens roles, groups and scopes are found.
	// Issuers that aren't there go by Config.Policy.
	Policies map[string]rbac.Policy

	// Resource is the API's resource identifier (RFC 8707), a URL. Where set, its
	// metadata (RFC 9728) is served below /.well-known/oauth-protected-resource by
	// [Gate.API], [Gate.Wrap] and [Gate.Endpoints], and named in every 401. Empty:
	// neither.
	Resource string
	// Scopes are the scopes_supported of that metadata.
	Scopes []string

	// RequireBinding refuses tokens that are bound neither to a DPoP key (RFC 9449)
	// nor to a TLS certificate (RFC 8705). Those that are need their proof at every
	// request, whatever it says.
	RequireBinding bool
	// RequireNonce asks every DPoP proof for a nonce of ours (RFC 9449 §9).
	// NonceSecret, of at least 32 bytes, is what replicas share for that; nil for a
	// random one.
	RequireNonce bool
	NonceSecret  []byte
	// SpendProof keeps DPoP proofs from being used twice at any of several replicas;
	// see [oidc.VerifierConfig]. Nil: the method Spend of Config.Store or
	// Config.Revocations, where they have one, as redisstore does; otherwise each
	// process remembers its own.
	SpendProof func(ctx context.Context, id string, expires time.Time) (bool, error)
	// RememberedTokens is how many verified tokens are remembered, some 5 kB each, so
	// that one seen before costs no signature check. Default 4,096; negative
	// remembers none.
	RememberedTokens int
}

// isZero reports whether nothing is set.
func (a API) isZero() bool {
	return a.Audience == nil && a.Issuers == nil && a.LoginClients == nil && a.Policies == nil && a.Resource == "" && a.Scopes == nil &&
		!a.RequireBinding && !a.RequireNonce && a.NonceSecret == nil && a.SpendProof == nil && a.RememberedTokens == 0
}

// Format prints the configuration without its secrets, whatever the verb.
func (a API) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, fmt.Sprintf("gatehouse.API{Audience: %q}", a.Audience))
}

// LogValue logs the configuration without its secrets.
func (a API) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }

// MarshalJSON encodes the configuration without its secrets.
func (a API) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", fmt.Sprint(a)), nil }

// bearers accepts access tokens for a gate.
type bearers struct {
	verifier *oidc.Verifier
	policies map[string]*rbac.Resolver // by issuer, those that have their own
	policy   *rbac.Resolver
	identify func(*oidc.AccessToken) any // makes the *Identity of a token
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

// API establishes the identity of programs: from the session cookie like
// [Gate.Identify], or from an access token in the Authorization header where
// [Config.API] accepts it (RFC 6750, RFC 9449). A request with both is refused
// with 400, since nobody can tell whom it is from. The gates behind it never
// redirect and never answer with a page, but with 401 or 403 and a problem
// document (RFC 9457); a 401 says in WWW-Authenticate what is missing.
//
// Nothing else takes notice of an access token.
func (g *Gate) API(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.metadata.serve(w, r) {
			return
		}
		if v := g.visit(r.Context()); v != nil && v.bearer { // another API is in front
			next.ServeHTTP(w, r)
			return
		}
		if oidc.HasToken(r) {
			r = g.establishBearer(w, r)
			if failure := g.visit(r.Context()).failure; errors.Is(failure, errCookieAndToken) {
				g.Fail(w, r, failure) // at a public page too, which would take them for a stranger
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		w, r = g.establish(w, r, true)
		g.visit(r.Context()).api = true
		next.ServeHTTP(w, r)
		if answer, ok := w.(*uncached); ok {
			answer.seal() // of a handler that wrote nothing
		}
	})
}

// establishBearer returns the request with whom its access token stands for, or
// with why it stands for nobody. What other establishers have found is gone.
func (g *Gate) establishBearer(w http.ResponseWriter, r *http.Request) *http.Request {
	v := &visit{Context: r.Context(), gate: g, target: targetOf(g.visit(r.Context()), r), program: true, api: true, bearer: true}
	v.identity, v.failure = g.bearer(w, r)
	v.headers(w.Header())
	return r.WithContext(v)
}

var errCookieAndToken = errors.New("gatehouse: a request with a session cookie and an access token")

// bearer returns whom an access token stands for.
func (g *Gate) bearer(w http.ResponseWriter, r *http.Request) (*Identity, error) {
	if g.carriesSession(r) {
		return nil, &Error{
			Status:  http.StatusBadRequest,
			Message: "Send the session cookie or an access token, not both.",
			Cause:   errCookieAndToken,
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
	case oidc.InvalidProof, oidc.UseNonce:
		failure.Message = "The DPoP proof is not valid for this request. Make a new one, and try again."
	}
	return failure
}

// lackingScope is the refusal of a program that could do with more scopes; nil
// where they are not what it is about.
func lackingScope(v *visit, who *Identity, denial rbac.Decision) *Error {
	refusal := &oidc.Refusal{Code: oidc.InsufficientScope, Scopes: denial.Scopes}
	message := "This sign-in lacks a scope that this needs."
	token := who.known.bearer
	switch {
	case len(denial.Scopes) == 0, token == nil && (v == nil || !v.program):
		return nil
	case token != nil:
		refusal.Scheme = token.Scheme()
		message = "The access token lacks a scope that this needs."
	}
	return &Error{Status: http.StatusForbidden, Message: message, Cause: refusal}
}

// challengeOn says in WWW-Authenticate what would help: an access token, of which kind,
// or a session.
func (g *Gate) challengeOn(w http.ResponseWriter, r *http.Request, failure *Error) {
	header := w.Header()
	if header.Get("WWW-Authenticate") != "" {
		return
	}
	v := g.visit(r.Context())
	var refusal *oidc.Refusal
	refused := errors.As(failure, &refusal) && failure.status() == http.StatusForbidden
	if failure.status() != http.StatusUnauthorized && !refused {
		return
	}
	if g.bearers != nil && (g.sessions == nil || v != nil && v.api) {
		header["Www-Authenticate"] = g.bearers.verifier.Challenges(failure)
	}
	if g.sessions != nil && (v == nil || !v.bearer || g.bearers == nil) {
		header.Add("WWW-Authenticate", g.cookieChallenge(failure, refusal))
	}
}

// cookieChallenge says where to sign in, and what the sign-in lacks.
func (g *Gate) cookieChallenge(failure *Error, refusal *oidc.Refusal) string {
	if refusal == nil || refusal.Code != oidc.StepUp && refusal.Code != oidc.InsufficientScope {
		return g.challenge
	}
	challenge := fmt.Sprintf("Cookie realm=%q, form-action=%q, cookie-name=%q, error=%q",
		g.config.BaseURL, orDefault(failure.Link, g.loginPath("")), g.sessions.Name(), refusal.Code)
	if len(refusal.Scopes) > 0 {
		challenge += fmt.Sprintf(", scope=%q", strings.Join(refusal.Scopes, " "))
	}
	if len(refusal.ACRValues) > 0 {
		challenge += fmt.Sprintf(", acr_values=%q", strings.Join(refusal.ACRValues, " "))
	}
	if refusal.MaxAge > 0 {
		challenge += fmt.Sprintf(", max_age=%q", seconds(refusal.MaxAge))
	}
	return challenge
}
