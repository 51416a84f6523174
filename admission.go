package gatehouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/caught"
	"github.com/gatehouse-go/gatehouse/internal/claims"
)

// Admission is what [Config.Admit] decides about: somebody whom the provider
// vouches for, at sign-in and again at every renewal.
//
// Admit refuses by returning an [*Error] with a 4xx status, whose Message is
// shown; a session that is being renewed ends with it. Any other error is a
// failure, not a decision: it fails a sign-in, and at a renewal it leaves the
// claims in Own as the last successful call set them until the next renewal.
type Admission struct {
	// Renewal is false at sign-in and true when a session is renewed.
	Renewal bool
	// Claims are the provider's verified claims, userinfo merged under the ID
	// token's. They are a copy; changing them changes nothing.
	Claims map[string]any
	// Own are claims of the application's: they are sealed into the session,
	// win over the provider's, and survive renewals. At a renewal Own holds
	// what was set before. Values must be encodable as JSON. The claims that
	// say who vouches for whom (iss, sub, aud and the like) can't be set.
	Own map[string]any
	// AccessToken is the access token just received, for calls to an API. With
	// [Config.DPoP] it is bound to a key that isn't here, and of no use as a bearer
	// token.
	AccessToken string
}

// Format prints whom it is about, whatever the verb, and never the access token.
func (a Admission) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "gatehouse.Admission{Renewal: %v, sub: %q}", a.Renewal, a.Claims["sub"])
}

// LogValue logs whom it is about, without the access token.
func (a Admission) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }

// MarshalJSON encodes whom it is about, without the access token.
func (a Admission) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint(a)) }

// protocolClaims say who vouches for whom, when and how. They come from an ID
// token alone: neither userinfo nor an application may set them.
var protocolClaims = []string{
	"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash",
	"sid", "auth_time", "acr", "amr", "session_expiry", "events", "cnf",
}

func isProtocolClaim(name string) bool { return slices.Contains(protocolClaims, name) }

// admit runs the hook and leaves its claims in s.
func (g *Gate) admit(ctx context.Context, s *session, renewal bool) error {
	if g.config.Admit == nil {
		return nil
	}
	own, err := s.ownClaims()
	if err != nil {
		return err
	}
	provided := *s
	provided.own = nil
	merged, err := provided.claims()
	if err != nil {
		return err
	}
	admission := Admission{Renewal: renewal, Claims: merged, Own: own, AccessToken: s.tokens.AccessToken()}
	if err := g.callAdmit(ctx, &admission); err != nil {
		return err
	}
	return s.setOwn(admission.Own)
}

// callAdmit turns a panic of the application's hook into a failure, so that it
// can't take a renewal's waiters with it.
func (g *Gate) callAdmit(ctx context.Context, admission *Admission) (err error) {
	defer caught.Into(&err, "gatehouse: Admit")
	return g.config.Admit(ctx, admission)
}

func (s *session) ownClaims() (map[string]any, error) {
	if len(s.own) == 0 {
		return map[string]any{}, nil
	}
	return claims.Parse(s.own)
}

func (s *session) setOwn(own map[string]any) error {
	for name := range own {
		if isProtocolClaim(name) {
			return fmt.Errorf("gatehouse: Admit set the claim %q, which only the provider may", name)
		}
	}
	encoded, err := encodeClaims(own)
	if err != nil {
		return fmt.Errorf("gatehouse: claims set by Admit: %w", err)
	}
	s.own = encoded
	return nil
}

// encodeClaims is a layer of claims as a session keeps it; empty for none.
func encodeClaims(values map[string]any) ([]byte, error) {
	if len(values) == 0 {
		return nil, nil
	}
	encoded, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	if _, err := claims.Parse(encoded); err != nil { // what can't be read back must not be kept
		return nil, err
	}
	return encoded, nil
}

// userinfoClaims drops what a UserInfo response has no say in.
func userinfoClaims(userinfo map[string]any) map[string]any {
	kept := maps.Clone(userinfo)
	maps.DeleteFunc(kept, func(name string, _ any) bool { return isProtocolClaim(name) })
	return kept
}

var errNotAdmitted = errors.New("gatehouse: refused by Admit")

// refusal is a decision of Admit as an answer.
func refusal(err error) error {
	var decided *Error
	if !errors.As(err, &decided) {
		return &Error{Status: http.StatusForbidden, Cause: err}
	}
	return &Error{Status: decided.status(), Message: decided.Message, Link: decided.Link, Cause: errors.Join(errNotAdmitted, decided.Cause)}
}
