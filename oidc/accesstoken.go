package oidc

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/claims"
	"github.com/gatehouse-go/gatehouse/internal/secret"
)

// AccessToken is an access token that a [Verifier] accepted. It is immutable,
// shared by all requests that carry it, and never prints itself.
type AccessToken struct {
	text    secret.String
	said    map[string]any
	expires time.Time
	bound   confirmation

	// What keeps it remembered.
	keys  *keySet                   // nil where its issuer was asked
	by    any                       // the key that verified it
	seen  atomic.Pointer[published] // the keys among which that one was seen last
	until time.Time                 // when its issuer has to be asked again; zero for never

	deriving sync.Once
	derived  any
}

// Text returns the token itself.
func (t *AccessToken) Text() string { return t.text.Reveal() }

// Claims returns a copy of what the token says, or what its issuer said of it.
// Numbers are float64, or json.Number where float64 can't hold them exactly.
func (t *AccessToken) Claims() map[string]any { return claims.Clone(t.said) }

// Issuer returns the iss claim.
func (t *AccessToken) Issuer() string { return t.string("iss") }

// Subject returns the sub claim: a person, or a client that acts for itself.
func (t *AccessToken) Subject() string { return t.string("sub") }

// ClientID returns the client that the token was issued to, by the names that
// providers have for it: client_id (RFC 9068 §2.2), azp, appid or cid.
func (t *AccessToken) ClientID() string { return clientOf(t.said) }

// Expires returns when the token expires; of an opaque token whose issuer doesn't
// say, when it has to be asked again.
func (t *AccessToken) Expires() time.Time { return t.expires }

// Scheme returns the scheme that the token is used with: DPoP where it is bound to
// a key (RFC 9449 §7.1), otherwise Bearer.
func (t *AccessToken) Scheme() string {
	if t.bound.jkt != "" {
		return "DPoP"
	}
	return "Bearer"
}

func (t *AccessToken) string(name string) string {
	text, _ := t.said[name].(string)
	return text
}

// Derive returns what derive makes of the token. It is called once, and what it
// returned is kept for as long as the token is remembered, so that a caller who
// resolves roles, say, needs no memory of its own. All callers must mean the same.
func (t *AccessToken) Derive(derive func(*AccessToken) any) any {
	t.deriving.Do(func() { t.derived = derive(t) })
	return t.derived
}

// Format prints whom the token stands for, never the token.
func (t *AccessToken) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "oidc.AccessToken(%s at %s)", t.Subject(), t.Issuer())
}

// LogValue logs whom the token stands for.
func (t *AccessToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("iss", t.Issuer()), slog.String("sub", t.Subject()))
}

// MarshalText encodes no token.
func (t *AccessToken) MarshalText() ([]byte, error) { return []byte(secret.Redacted), nil }

// clientClaims name the client: RFC 9068, OpenID Connect and Keycloak, Entra's
// first version, Okta.
var clientClaims = []string{"client_id", "azp", "appid", "cid"}

func clientOf(said map[string]any) string {
	for _, name := range clientClaims {
		if client, ok := said[name].(string); ok && client != "" {
			return client
		}
	}
	return ""
}

// isAccessTokenType reports whether a header's typ is that of RFC 9068 §2.1; ok is
// false where it is of another kind of token. Media types have no case (RFC 2045
// §5.1), and application/ may be left out (RFC 7515 §4.1.9).
func isAccessTokenType(typ string) (is, ok bool) {
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	return typ == "at+jwt", typ == "at+jwt" || typ == "jwt" || typ == ""
}

// notAccess are claims that only other kinds of tokens have: ID tokens (OpenID
// Connect Core 1.0 §3.1.3.6, §3.3.2.11), and logout tokens and other security
// events (RFC 8417 §2.2).
var notAccess = []string{"at_hash", "c_hash", "s_hash", "events"}

// checkKind refuses what says that it is no access token, by the names that
// Keycloak (typ), Cognito and Ory Hydra (token_use) have for it.
func checkKind(said map[string]any) error {
	for _, name := range notAccess {
		if _, there := said[name]; there {
			return fmt.Errorf("%s is of another kind of token", name)
		}
	}
	if use, there := said["token_use"]; there && use != "access" && use != "access_token" {
		return errors.New("token_use is of another kind of token")
	}
	if typ, there := said["typ"]; there {
		text, _ := typ.(string)
		if !slices.ContainsFunc([]string{"Bearer", "DPoP", "at+jwt", "JWT"}, func(known string) bool { return strings.EqualFold(known, text) }) {
			return errors.New("typ is of another kind of token")
		}
	}
	return nil
}

// check holds what a token says of itself, but for the times, against what its
// issuer is trusted for. certain says that it can't be an ID token. Errors name
// claims and never quote them.
func (i *trusted) check(said map[string]any, certain bool) error {
	if err := checkKind(said); err != nil {
		return err
	}
	if sub, ok := said["sub"].(string); !ok || sub == "" || len(sub) > 255 {
		return errors.New("sub is missing or no identifier")
	}
	for _, name := range clientClaims {
		if client, there := said[name]; there {
			if text, ok := client.(string); !ok || text == "" {
				return fmt.Errorf("%s is no identifier", name)
			}
		}
	}
	// What asked for a nonce was a sign-in (OpenID Connect Core 1.0 §2). Access tokens of
	// older Keycloaks have it too, and say for which client; ID tokens needn't.
	if _, there := said["nonce"]; there && !certain && clientOf(said) == "" {
		return errors.New("nonce is of another kind of token")
	}
	return i.checkAudience(said, certain)
}

// checkAudience: the token is for this API (RFC 9068 §4). Where the API's own name
// is also that of a client, an ID token of that client would be as well, so that
// only the type tells them apart.
func (i *trusted) checkAudience(said map[string]any, certain bool) error {
	if _, there := said["aud"]; !there {
		if said["token_use"] == "access" && slices.Contains(i.NoAudienceClients, clientOf(said)) {
			return nil
		}
		return errors.New("aud is missing")
	}
	audience, ok := audienceOf(said["aud"])
	if !ok {
		return errors.New("aud is empty, or no list of names")
	}
	ours := slices.DeleteFunc(audience, func(name string) bool { return !slices.Contains(i.Audience, name) })
	switch {
	case len(ours) == 0:
		return errors.New("aud is another API")
	case !certain && !slices.ContainsFunc(ours, func(name string) bool { return !i.isClient(name, said) }):
		return errors.New("aud is a client, and typ doesn't say that this is an access token")
	}
	return nil
}

// isClient reports whether an audience is also the name of a client.
func (i *trusted) isClient(audience string, said map[string]any) bool {
	return slices.Contains(i.loginClients, audience) ||
		slices.ContainsFunc(clientClaims, func(name string) bool { return said[name] == audience })
}

// checkTimes reads exp, which there must be, nbf and iat (RFC 7519 §4.1.4–6).
func checkTimes(said map[string]any, now time.Time) (expires time.Time, err error) {
	expires, err = timeOf(said, "exp")
	if err != nil {
		return time.Time{}, err
	}
	if !now.Before(expires.Add(skew)) {
		return time.Time{}, errors.New("exp has passed")
	}
	return expires, checkBegun(said, now)
}

func checkBegun(said map[string]any, now time.Time) error {
	for _, name := range []string{"nbf", "iat"} {
		if _, there := said[name]; !there {
			continue
		}
		moment, err := timeOf(said, name)
		if err != nil {
			return err
		}
		if now.Before(moment.Add(-skew)) {
			return fmt.Errorf("%s is in the future", name)
		}
	}
	return nil
}

// confirmation is what a sender-constrained token is bound to (RFC 7800 §3.1).
type confirmation struct {
	jkt string // the thumbprint of a DPoP key (RFC 9449 §6.1)
	x5t string // x5t#S256, the thumbprint of a certificate (RFC 8705 §3.1)
}

// confirmationOf reads what a token is bound to. One that is said to be of DPoP, by
// Keycloak's typ or by token_type (RFC 9449 §6.2), and names no key, can't be checked.
func confirmationOf(said map[string]any) (confirmation, error) {
	bound, err := readConfirmation(said)
	if err == nil && bound.jkt == "" && (isDPoP(said["typ"]) || isDPoP(said["token_type"])) {
		return confirmation{}, errors.New("it is bound to a key that it doesn't name")
	}
	return bound, err
}

// with adds what the issuer says that a token is bound to.
func (c confirmation) with(said map[string]any) (confirmation, error) {
	if _, there := said["cnf"]; !there && c != (confirmation{}) {
		return c, nil
	}
	told, err := confirmationOf(said)
	if err == nil && c != (confirmation{}) && c != told {
		err = errors.New("its issuer says that it is bound to another key")
	}
	return told, err
}

func isDPoP(kind any) bool {
	text, _ := kind.(string)
	return strings.EqualFold(text, "DPoP")
}

// readConfirmation reads cnf. A way of binding that isn't known can't be checked, so
// that such a token is good for nothing.
func readConfirmation(said map[string]any) (confirmation, error) {
	value, there := said["cnf"]
	if !there {
		return confirmation{}, nil
	}
	var bound confirmation
	members, ok := value.(map[string]any)
	if !ok || len(members) == 0 {
		return confirmation{}, errors.New("cnf confirms nothing")
	}
	for name, member := range members {
		if _, named := members["jkt"]; named && name == "kc-jkt-type" && isDPoP(member) {
			continue // Keycloak says whose thumbprint jkt is
		}
		print, ok := member.(string)
		if !ok || len(print) != 43 { // SHA-256 in base64url
			return confirmation{}, errors.New("cnf is no thumbprint")
		}
		switch name {
		case "jkt":
			bound.jkt = print
		case "x5t#S256":
			bound.x5t = print
		default:
			return confirmation{}, errors.New("cnf is of an unknown kind")
		}
	}
	return bound, nil
}
