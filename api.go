package gatehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

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

// API establishes the identity of programs: from the session cookie like
// [Gate.Identify], or from an access token in the Authorization header where
// [Config.API] accepts it (RFC 6750, RFC 9449). A request with both, or with a token
// in one of several Authorization headers, is refused with 400, since nobody can
// tell whom it is from. The gates behind it never
// redirect and never answer with a page, but with 401 or 403 and a problem
// document (RFC 9457); a 401 says in WWW-Authenticate what is missing.
//
// Nothing else takes notice of an access token.
func (g *Gate) API(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.serveMetadata(w, r) {
			return
		}
		if v := g.visit(r.Context()); v != nil && v.bearer { // another API is in front
			next.ServeHTTP(w, r)
			return
		}
		if oidc.HasToken(r) {
			r = g.establishBearer(w, r)
			if failure := g.visit(r.Context()).failure; unclear(failure) {
				g.Fail(w, r, failure) // at a public page too, which would take them for a stranger
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		g.serve(w, r, next, true)
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

// unclear reports whether a request may be anybody's (RFC 6750 §3.1).
func unclear(failure error) bool {
	refusal, ok := errors.AsType[*oidc.Refusal](failure)
	return ok && refusal.Code == oidc.InvalidRequest
}

var (
	errCookieAndToken = errors.New("gatehouse: a request with a session cookie and an access token")
	errTokenElsewhere = errors.New("gatehouse: the request carries an access token, which counts behind Gate.API alone")
	errNoAudience     = errors.New("gatehouse: the request carries an access token, and none counts while Config.API.Audience is empty")
)

// unheeded is why an access token that a stranger sent makes them nobody; nil where
// there is none.
func (g *Gate) unheeded(r *http.Request, v *visit) error {
	switch {
	case !oidc.HasToken(r):
		return nil
	case !v.bearer:
		return errTokenElsewhere
	case g.bearers == nil:
		return errNoAudience
	}
	return nil
}
