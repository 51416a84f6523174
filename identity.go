package gatehouse

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/claims"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
	"github.com/gatehouse-go/gatehouse/refresh"
)

// Identity is who is asking: a person the provider vouched for, as read from
// one session, or whom an access token stands for. It is immutable and safe for
// concurrent use, and it never prints its tokens.
//
// An Identity knows the [Gate] that established it; another Gate's gates refuse
// it. One made by [NewIdentity] belongs to none and is accepted by all.
type Identity struct{ known *known } // behind two pointers, so that no verb of fmt prints it

// known is what there is to know of somebody. It holds their Identity itself, so
// that both are one piece of memory.
type known struct {
	identity Identity
	gate     *Gate // that established it; nil for one made of claims
	session  session
	bearer   *oidc.AccessToken // in place of the session; nil for one

	reading sync.Once // claims are parsed when somebody asks for them
	claims  map[string]any
	subject *rbac.Subject // by the establishing gate's policy

	// So are the names under which it may be revoked: the session's, the user's,
	// and the provider's session's.
	naming, namingPeople sync.Once
	names                [3]string

	keying sync.Once // and so is the name of its tokens
	key    refresh.Key
}

func newIdentity(g *Gate, s session) *Identity {
	who := &known{gate: g, session: s}
	who.identity.known = who
	return &who.identity
}

// read parses the claims, once.
func (i *Identity) read() *known {
	who := i.known
	who.reading.Do(func() {
		if who.gate == nil {
			return
		}
		if who.bearer != nil {
			who.claims = who.bearer.Claims()
			who.subject = who.gate.bearers.subject(who.claims)
			return
		}
		merged, err := who.session.claims()
		if err != nil { // sealed by us, so it can't be; were it so, nobody is signed in
			return
		}
		who.claims = merged
		who.subject = who.gate.policy.Subject(withScope(merged, who.session.tokens.Scope()))
	})
	return who
}

// sessionName is what its session is revoked, stored and listed as.
func (i *Identity) sessionName() string {
	who := i.known
	who.naming.Do(func() { who.names[0] = who.gate.nameOf(&who.session) })
	return who.names[0]
}

// revocable returns all names under which its session may be revoked.
func (i *Identity) revocable() []string {
	who := i.known
	_ = i.sessionName()
	who.namingPeople.Do(func() {
		people := who.gate.names.people(i.read().claims)
		copy(who.names[1:], people[:])
	})
	return who.names[:]
}

// key names the tokens of its session to the renewal group.
func (i *Identity) key() refresh.Key {
	who := i.known
	who.keying.Do(func() { who.key = who.session.key() })
	return who.key
}

// session is the one it was read from.
func (i *Identity) session() *session { return &i.known.session }

// NewIdentity makes an identity out of claims, for tests of handlers:
//
//	bob := gatehouse.NewIdentity(map[string]any{"sub": "bob", "roles": []string{"editor"}})
//	h.ServeHTTP(w, r.WithContext(gatehouse.WithIdentity(r.Context(), bob)))
//
// The claims are copied. It has no tokens and never expires, and every Gate
// accepts it, so it must not be made out of anything a client sent.
func NewIdentity(values map[string]any) *Identity {
	return &Identity{&known{claims: claims.Clone(values)}}
}

type identityKey struct{}

// WithIdentity returns a context that carries who, for tests; nil carries nobody.
// Gates accept who without any establisher. To test what strangers get put
// [Gate.Wrap] in front as the application does: a gate that no establisher is in
// front of answers them 500.
func WithIdentity(ctx context.Context, who *Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, who)
}

// IdentityFrom returns who is asking; false for an anonymous request, and for
// one that no establisher ([Gate.Wrap], [Gate.Identify], [Gate.API]) has seen.
func IdentityFrom(ctx context.Context) (*Identity, bool) {
	who, _ := ctx.Value(identityKey{}).(*Identity)
	return who, who != nil
}

// Subject returns the sub claim: the person's identifier at the issuer, never
// reassigned there. Key users by Issuer and Subject together (OpenID Connect
// Core 1.0 §5.7).
func (i *Identity) Subject() string { return i.String("sub") }

// Issuer returns the iss claim.
func (i *Identity) Issuer() string { return i.String("iss") }

// Claims returns a copy of all claims: the ID token's, userinfo under them, and
// those that [Config.Admit] added over them; or those of an access token. Numbers
// are float64, or json.Number where float64 can't hold them exactly.
func (i *Identity) Claims() map[string]any { return claims.Clone(i.read().claims) }

// String returns the top-level claim name if it is a string, otherwise "".
func (i *Identity) String(name string) string {
	value, _ := i.read().claims[name].(string)
	return value
}

// AccessToken returns the access token, made fresh before the handler ran, or the
// one that the request carries; "" for an identity made by [NewIdentity]. With
// [Config.DPoP] it takes a proof to use it, which [Gate.Client] makes.
func (i *Identity) AccessToken() string {
	if i.known.bearer != nil {
		return i.known.bearer.Text()
	}
	return i.session().tokens.AccessToken()
}

// Expires returns when the access token expires; zero when there is none.
func (i *Identity) Expires() time.Time {
	if i.known.bearer != nil {
		return i.known.bearer.Expires()
	}
	return i.session().tokens.Expires()
}

// SessionEnds returns when the session ends at the latest, which is with the
// access token where it can't be renewed, unless [Config.OutliveAccessToken]; zero
// when there is none.
func (i *Identity) SessionEnds() time.Time {
	s := i.session()
	if s.ends == 0 {
		return time.Time{}
	}
	return i.known.gate.lastsUntil(s)
}

// SessionID names the session to [Gate.Revoke], and is its ID in a [Session]. It
// opens nothing. "" for an identity made by [NewIdentity] and for that of an access
// token.
func (i *Identity) SessionID() string {
	if i.known.gate == nil || i.known.bearer != nil {
		return ""
	}
	return i.sessionName()
}

// Format prints whom the identity stands for, never its tokens.
func (i *Identity) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "gatehouse.Identity(%s at %s)", i.Subject(), i.Issuer())
}

// LogValue logs whom the identity stands for.
func (i *Identity) LogValue() slog.Value {
	return slog.GroupValue(slog.String("iss", i.Issuer()), slog.String("sub", i.Subject()))
}

// subjectFor resolves the identity by the policy of the gate that asks; nil,
// which is anonymous, for an identity of another gate.
func (i *Identity) subjectFor(g *Gate) *rbac.Subject {
	switch {
	case i == nil:
		return nil
	case i.known.gate == g:
		return i.read().subject
	case i.known.gate == nil:
		return g.policy.Subject(i.read().claims)
	}
	return nil
}

// withScope are the claims that rules see: where none says otherwise, the scopes
// of a session are those that the provider granted with its tokens.
func withScope(values map[string]any, granted string) map[string]any {
	if granted == "" || values["scope"] != nil || values["scp"] != nil {
		return values
	}
	return merge(values, map[string]any{"scope": granted})
}
