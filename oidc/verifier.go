package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/caught"
	"github.com/gatehouse-go/gatehouse/internal/claims"
	"github.com/gatehouse-go/gatehouse/internal/memo"
	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/gatehouse-go/gatehouse/internal/origin"
	"github.com/gatehouse-go/gatehouse/internal/secret"
)

// VerifierConfig is what a [Verifier] is told. Issuers are required, and Audience
// unless each of them has its own.
type VerifierConfig struct {
	// Audience are the names of this API, one of which must be in the aud of every
	// token (RFC 9068 §4).
	Audience []string
	// Issuers are those whose tokens are accepted.
	Issuers []TrustedIssuer
	// LoginClients are clients by which people sign in at the issuers. Their names
	// are the aud of ID tokens: where an audience is one of them, a token must say
	// that it is an access token (typ at+jwt). The client that a token itself names
	// counts as one.
	LoginClients []string

	// BaseURL is the API's own origin as clients see it, such as
	// https://api.example.com, against which DPoP proofs are held (RFC 9449 §4.3).
	// Empty: tokens that are bound to a DPoP key are refused.
	BaseURL string
	// RequireBinding refuses tokens that are bound neither to a DPoP key nor to a
	// certificate.
	RequireBinding bool
	// RequireNonce asks every DPoP proof for a nonce of ours (RFC 9449 §9), see
	// [Verifier.Nonce], so that proofs can't be made in advance.
	RequireNonce bool
	// NonceSecret, of at least 32 bytes, makes nonces that other replicas with the
	// same secret accept. Nil: a random one.
	NonceSecret []byte
	// SpendProof, where set, keeps DPoP proofs from being used twice at any of
	// several replicas: it reports whether id was still unspent, and spends it until
	// expires. Nil: the process remembers 65,536 of them.
	SpendProof func(ctx context.Context, id string, expires time.Time) (bool, error)

	// ResourceMetadata is the address of the API's metadata (RFC 9728), named in
	// challenges. Empty: none.
	ResourceMetadata string
	// RememberedTokens is how many verified tokens are remembered, some 5 kB each,
	// so that one seen before costs no signature check. None is accepted past its
	// expiry, or after its key has left the issuer's. Default 4,096; negative
	// remembers none.
	RememberedTokens int

	// HTTPClient, Logger, Clock and InsecureHTTP are as in [Config].
	HTTPClient   *http.Client
	Logger       *slog.Logger
	Clock        func() time.Time
	InsecureHTTP bool
}

// Format prints the configuration without its secrets, whatever the verb.
func (c VerifierConfig) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "oidc.VerifierConfig{Audience: %q, Issuers: %v}", c.Audience, c.Issuers)
}

// LogValue logs the configuration without its secrets.
func (c VerifierConfig) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// MarshalJSON encodes the configuration without its secrets.
func (c VerifierConfig) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%q", fmt.Sprint(c)), nil
}

const (
	defaultRemembered = 4096
	// maxToken bounds a token. Headers are rarely longer.
	maxToken = 16 << 10
)

// Verifier checks access tokens, for an API (a resource server). It is safe for
// concurrent use.
type Verifier struct {
	caller
	config     VerifierConfig
	issuers    map[string]*trusted
	opaque     *trusted // whom to ask about tokens that aren't JWTs; nil for nobody
	remembered *memo.Memo[string, *AccessToken]
	proofs     *proofs
	realm      string
}

// NewVerifier returns a Verifier, without any network I/O. The error joins every
// mistake in the configuration, each naming its field.
func NewVerifier(config VerifierConfig) (*Verifier, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	c := newCaller("", config.HTTPClient, config.Logger, config.Clock, config.InsecureHTTP)
	if config.RememberedTokens == 0 {
		config.RememberedTokens = defaultRemembered
	}
	config.BaseURL, _ = baseOf(config.BaseURL) // which was checked
	v := &Verifier{
		caller:     c,
		config:     config,
		issuers:    make(map[string]*trusted, len(config.Issuers)),
		remembered: memo.New[string, *AccessToken](config.RememberedTokens),
	}
	for _, issuer := range config.Issuers {
		i := issuer.trust(c, config)
		v.issuers[i.Issuer] = i
		if i.introspector != nil {
			v.opaque = i
		}
		if v.realm == "" && len(i.Audience) > 0 {
			v.realm = i.Audience[0]
		}
	}
	if len(config.Audience) > 0 {
		v.realm = config.Audience[0]
	}
	v.proofs = newProofs(config, c.clock)
	v.config.Issuers, v.config.NonceSecret = nil, nil // they hold secrets
	return v, nil
}

func (c VerifierConfig) check() error {
	var mistakes []error
	note := func(err error) {
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	if len(c.Issuers) == 0 {
		note(mistake.Of("Issuers", "is required"))
	}
	if slices.Contains(c.Audience, "") {
		note(mistake.Of("Audience", "must not hold an empty name"))
	}
	if len(c.Audience) == 0 && (len(c.Issuers) == 0 || slices.ContainsFunc(c.Issuers, func(i TrustedIssuer) bool { return i.Audience == nil })) {
		note(mistake.Of("Audience", "is required"))
	}
	seen, asked := map[string]bool{}, 0
	for n, issuer := range c.Issuers {
		field := fmt.Sprintf("Issuers[%d]", n)
		note(mistake.Inside(field, issuer.check(c.InsecureHTTP)))
		if issuer.Audience != nil && (len(issuer.Audience) == 0 || slices.Contains(issuer.Audience, "")) {
			note(mistake.Of(field+".Audience", "must name at least one audience, and no empty one"))
		}
		if seen[issuer.Issuer] {
			note(mistake.Of(field+".Issuer", "is there twice"))
		}
		seen[issuer.Issuer] = true
		if issuer.Introspection != nil {
			asked++
		}
	}
	if asked > 1 {
		note(mistake.Of("Issuers", "only one can have Introspection: an opaque token doesn't say whose it is"))
	}
	if _, err := baseOf(c.BaseURL); err != nil {
		note(err)
	}
	if c.RequireNonce && c.BaseURL == "" {
		note(mistake.Of("RequireNonce", "needs a BaseURL, without which no DPoP proof is accepted"))
	}
	if c.NonceSecret != nil && len(c.NonceSecret) < 32 {
		note(mistake.Of("NonceSecret", "must have at least 32 bytes"))
	}
	return errors.Join(mistakes...)
}

// baseOf checks a BaseURL, and returns it as [origin.Of] does; "" for none.
func baseOf(address string) (string, error) {
	if address == "" {
		return "", nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && u.Scheme != "http" {
		return "", mistake.Of("BaseURL", "must be an origin such as \"https://api.example.com\"")
	}
	return origin.Of(u), nil
}

// Verify checks an access token that came as a plain bearer token, and so refuses
// one that is bound to a key or a certificate; [Verifier.Authenticate] accepts it
// with its proof. The error is a [*Refusal] where the token isn't good, otherwise
// something keeps it from being checked: [ErrUnavailable], mostly.
func (v *Verifier) Verify(ctx context.Context, text string) (*AccessToken, error) {
	t, err := v.token(ctx, text)
	if err != nil {
		return nil, err
	}
	if t.bound != (confirmation{}) || v.config.RequireBinding {
		return nil, refused(errNoProof)
	}
	return t, nil
}

// Ready reports whether the keys of all issuers are there, and asks for them if
// they aren't.
func (v *Verifier) Ready(ctx context.Context) error {
	var mu sync.Mutex
	var failures []error
	var all sync.WaitGroup
	for _, issuer := range v.issuers {
		all.Go(func() {
			if err := issuer.ready(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err)
			}
		})
	}
	all.Wait()
	return errors.Join(failures...)
}

func (t *trusted) ready(ctx context.Context) (err error) {
	defer caught.Into(&err, "what reads the keys")
	_, err = t.keys.current(ctx)
	return err
}

// Close ends what is still being read of the issuers, and waits for it. What is not
// known by then stays unknown.
func (v *Verifier) Close() error {
	v.background.close()
	return nil
}

// token checks all of a token but its proof.
func (v *Verifier) token(ctx context.Context, text string) (*AccessToken, error) {
	if t, ok := v.remembered.Get(text); ok {
		still, err := t.still(ctx, v.clock())
		if err != nil || still {
			return t, err
		}
		v.remembered.Drop(text, func(kept *AccessToken) bool { return kept == t }) // unless others have judged it anew
	}
	return v.judge(ctx, text)
}

// still reports whether what was found out about a token holds: it hasn't expired,
// and its key is among those that its issuer publishes.
func (t *AccessToken) still(ctx context.Context, now time.Time) (bool, error) {
	if !t.fresh(now) || t.keys == nil {
		return t.fresh(now), nil
	}
	known, err := t.keys.current(ctx)
	if err != nil {
		return false, err
	}
	if known == t.seen.Load() {
		return true, nil
	}
	if !known.holds(t.by) {
		return false, nil
	}
	t.seen.Store(known)
	return true, nil
}

// fresh is still without its key.
func (t *AccessToken) fresh(now time.Time) bool {
	return now.Before(t.expires) && (t.until.IsZero() || now.Before(t.until))
}

// judge looks at a token for the first time, and remembers it where it is good.
func (v *Verifier) judge(ctx context.Context, text string) (*AccessToken, error) {
	if text == "" || len(text) > maxToken {
		return nil, refused(errors.New("it is empty or too long"))
	}
	token, err := parseJWS(text)
	switch {
	case err != nil && v.opaque != nil && !looksSigned(text) && isToken68(text):
		return v.introspect(ctx, v.opaque, text)
	case err != nil:
		return nil, refused(err)
	}
	said, err := claims.Parse(token.payload)
	if err != nil {
		return nil, refused(err)
	}
	iss, _ := said["iss"].(string)
	issuer := v.issuers[iss]
	if issuer == nil {
		return nil, refused(errors.New("iss is no issuer that is trusted"))
	}
	return v.verify(ctx, issuer, text, token, said)
}

// looksSigned reports whether a token means to be a JWS, whose issuer then isn't
// asked whether it might be something else.
func looksSigned(text string) bool {
	first, _, _ := strings.Cut(text, ".")
	return hasThreeParts(text) && strings.HasPrefix(first, "ey") // {" in base64url
}

// verify checks a JWT: what it is, who signed it, and what it says.
func (v *Verifier) verify(ctx context.Context, issuer *trusted, text string, token *jws, said map[string]any) (*AccessToken, error) {
	typed, ok := isAccessTokenType(token.typ)
	if !ok || issuer.RequireType && !typed {
		return nil, refused(errors.New("typ is of another kind of token"))
	}
	if !slices.Contains(issuer.Algorithms, token.alg) {
		return nil, refused(errors.New("the algorithm is not allowed"))
	}
	by, err := issuer.keys.verify(ctx, token, keysRecheck)
	switch {
	case errors.Is(err, errBadSignature), errors.Is(err, errUnknownKey):
		return nil, refused(err)
	case err != nil:
		return nil, err
	}
	// RFC 9068 §2.2. Keycloak's tokens of that type have azp in its place.
	if _, ok := said["client_id"]; typed && !ok && clientOf(said) == "" {
		return nil, refused(errors.New("client_id is missing"))
	}
	if err := issuer.check(said, typed); err != nil {
		return nil, refused(err)
	}
	expires, err := checkTimes(said, v.clock())
	if err != nil {
		return nil, refused(err)
	}
	t := &AccessToken{text: secret.New(text), said: said, expires: expires, keys: issuer.keys, by: by}
	if t.bound, err = confirmationOf(said); err != nil {
		return nil, refused(err)
	}
	if issuer.introspector != nil && issuer.introspector.jwts {
		t.until = v.clock().Add(introspectionLifetime)
		return v.ask(ctx, issuer.introspector, text, func(said map[string]any) (_ *AccessToken, err error) {
			t.bound, err = t.bound.with(said)
			return t, err
		})
	}
	v.remembered.Put(text, t)
	return t, nil
}

// introspect asks about an opaque token.
func (v *Verifier) introspect(ctx context.Context, issuer *trusted, text string) (*AccessToken, error) {
	return v.ask(ctx, issuer.introspector, text, func(said map[string]any) (_ *AccessToken, err error) {
		now := v.clock()
		t := &AccessToken{text: secret.New(text), said: said, until: now.Add(introspectionLifetime)}
		if t.expires, err = issuer.checkIntrospected(said, now); err != nil {
			return nil, err
		}
		t.bound, err = confirmationOf(said)
		return t, err
	})
}

// ask asks about a token, unless it was accepted since this one looked, and remembers
// what accept makes of the answer before others can come too late for it.
func (v *Verifier) ask(ctx context.Context, n *introspector, text string, accept func(said map[string]any) (*AccessToken, error)) (*AccessToken, error) {
	t, err := n.ask(ctx, text, question{
		known: func() *AccessToken {
			if t, ok := v.remembered.Get(text); ok && t.fresh(v.clock()) {
				return t
			}
			return nil
		},
		accept: func(said map[string]any) (*AccessToken, error) {
			t, err := accept(said)
			if err == nil {
				v.remembered.Put(text, t)
			}
			return t, err
		},
	})
	var word *verdict
	if errors.As(err, &word) { // each client is told its own
		return nil, refused(word.cause)
	}
	return t, err
}
