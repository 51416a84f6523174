package gatehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/caught"
	"github.com/gatehouse-go/gatehouse/internal/loopback"
	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/gatehouse-go/gatehouse/internal/origin"
	"github.com/gatehouse-go/gatehouse/internal/returnto"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
	"github.com/gatehouse-go/gatehouse/refresh"
	"github.com/gorilla/securecookie"
)

// Config is everything a [Gate] is told. Issuer, ClientID, BaseURL and
// SessionKeys are required; the zero value of every other field is the safe
// default. New copies what it needs, so a Config can be reused and changed
// afterwards. It prints without its secrets.
type Config struct {
	// Issuer is the provider's issuer identifier, exactly as its discovery
	// document states it, including a trailing slash where it has one (OpenID
	// Connect Discovery 1.0 §3). https, or http on loopback.
	Issuer string
	// ClientID is the client identifier registered at the provider.
	ClientID string
	// ClientSecret is the client's secret; empty for a public client.
	ClientSecret string
	// BaseURL is the application's own origin as browsers see it, such as
	// https://shop.example.com: scheme, host and port, no path. Every redirect
	// URI is built from it, never from the Host or X-Forwarded headers. An http
	// origin is accepted on loopback only.
	BaseURL string
	// SessionKeys seal the cookies: the first seals, all open, so that keys can
	// be rotated. See [cookie.ParseKeys] and [cookie.NewKey].
	SessionKeys []cookie.Key

	// Scopes are asked for at sign-in. Nil asks for openid, profile, email and,
	// where the provider offers it, offline_access; Keycloak gives refresh tokens
	// without. Others replace them all but openid: leave out offline_access, and
	// where that is needed for a refresh token sessions end with their access token.
	Scopes []string
	// SkipConsent leaves out the prompt=consent that OpenID Connect Core 1.0
	// §11 asks for beside offline_access, for providers that grant it without
	// (Auth0, Okta). Microsoft Entra ID and Keycloak are recognised by themselves.
	SkipConsent bool
	// ClientKey, in place of ClientSecret, signs who the client is (private_key_jwt,
	// RFC 7523); its public key is registered at the provider.
	ClientKey oidc.SigningKey
	// IssuerAudience has the issuer be the audience of what ClientKey signs, wherever
	// the client authenticates, as FAPI 2.0 wants it (FAPI 2.0 Security Profile
	// §5.3.3.1). Default: the token endpoint is told by its own address, which every
	// provider takes.
	IssuerAudience bool
	// ClientAuth is the token_endpoint_auth_method: client_secret_basic,
	// client_secret_post, private_key_jwt or none. Empty is private_key_jwt with a
	// ClientKey, and otherwise follows the provider's discovery.
	ClientAuth string
	// SigningAlgs are the algorithms an ID token may be signed by. Nil allows
	// what the provider announces of RS, PS, ES 256–512 and EdDSA. HS256 to
	// HS512 are allowed only where named here; "none" never is.
	SigningAlgs []string
	// ResponseMode is how the provider returns: "query" (or empty) or
	// "form_post" (OAuth 2.0 Form Post Response Mode), which needs an https BaseURL.
	ResponseMode string
	// DPoP binds the tokens of every session to a key of its own (RFC 9449), which
	// is sealed into the session: who steals a token can't use it. The provider
	// must issue such tokens, or nobody is signed in. Sessions begun before it was
	// switched on keep their bearer tokens. Default: bearer tokens.
	DPoP bool
	// PushedRequests sends authorization requests from here to the provider, and
	// through the browser only a reference to them (RFC 9126). Where the provider
	// requires it that happens by itself. Default: through the browser.
	PushedRequests bool
	// SkipUserinfo leaves the UserInfo endpoint alone: claims are the ID
	// token's only.
	SkipUserinfo bool

	// Prompt, MaxAge, ACRValues and AuthParams go into every authorization
	// request (OpenID Connect Core 1.0 §3.1.2.1). A positive MaxAge is sent in
	// whole seconds, a negative one as max_age=0, and the ID token's auth_time
	// is then required and checked. AuthParams are further parameters, such as
	// audience; they can't replace those of the protocol itself, and what has a
	// field here (prompt, max_age, acr_values, scope, response_mode) is a mistake
	// in them.
	Prompt     string
	MaxAge     time.Duration
	ACRValues  []string
	AuthParams url.Values

	// AuthPath is where the library's own endpoints live: login, callback, logout,
	// session, sessions, backchannel-logout and frontchannel-logout below it. A
	// plain path, without escapes. Default "/auth".
	AuthPath string
	// AfterLogin is the local path that a sign-in without a page of its own
	// ends at, a page of the application's. Default "/".
	AfterLogin string
	// AfterLogout is the local path that a sign-out ends at, a page of the
	// application's. BaseURL followed by AfterLogout is the
	// post_logout_redirect_uri to register at the provider. Default "/".
	AfterLogout string

	// SessionLifetime is how long a sign-in lasts at most, whatever happens.
	// Default 12 h. A session_expiry claim of the provider's ends it earlier.
	SessionLifetime time.Duration
	// IdleTimeout ends a session that no request has used for this long; it is
	// kept with a precision of a tenth of it, five minutes at most. Default 2 h;
	// negative switches it off.
	IdleTimeout time.Duration
	// RefreshLeeway is how long before its expiry an access token is renewed,
	// at most a quarter of its lifetime. Default 60 s.
	RefreshLeeway time.Duration
	// OutageGrace is how long after its access token expired a session still
	// counts as signed in while the provider can't be reached. Default 0: such
	// requests are answered 503, and the session is kept.
	OutageGrace time.Duration
	// OutliveAccessToken keeps a session that has no refresh token to its own
	// end. By default it ends with its access token.
	OutliveAccessToken bool

	// RememberedSessions is how many opened cookies the process remembers, some
	// 4 kB each, so that a session seen before isn't opened and parsed again. What
	// is remembered is held to its expiry all the same. Default 4,096; negative
	// remembers none.
	RememberedSessions int

	// CookieName is the base name of the session cookie, without the __Host-
	// prefix. The default differs by issuer and client, so that two gates on
	// one host don't fight.
	CookieName string
	// CookieCodec seals the session cookie instead of [cookie.Codec], for
	// applications that share cookies with gorilla/securecookie. It must carry
	// []byte values; see [cookie.Config].
	CookieCodec securecookie.Codec

	// Store, where set, keeps the sessions: the cookie then holds no more than an
	// id and a key, sealed. [NewMemoryStore] makes one for one process. Nobody is
	// signed out because it can't be reached: requests with a session are answered
	// 503 then. Default: sessions are kept in the cookies themselves.
	Store Store

	// Revocations, where set, is the denylist that all processes share. A Store
	// that implements [Revocations] is used without being named here. Default: a
	// list of this process alone, so that with several processes a session that was
	// revoked at one of them goes on at the others; where they share a Store only
	// what is deleted there, by a sign-out or by its ID, is gone for all.
	Revocations Revocations
	// RevocationGrace is how long sessions in cookies are served while Revocations
	// can't be reached, as long as their access token lives, without being renewed.
	// One that was revoked elsewhere is served, too. Default 0: such requests are
	// answered 503, and nobody is signed out.
	RevocationGrace time.Duration

	// API says which access tokens [Gate.API] accepts beside the session cookie.
	// Default: none.
	API API

	// TrustedOrigins are other origins whose pages may send requests with an unsafe
	// method, and open WebSockets, in the name of whoever is signed in. Without
	// them only pages of BaseURL may: from anywhere else, subdomains included, such
	// a request counts as nobody's, and gates answer it 403. Requests whose
	// identity doesn't come from a cookie are never held to it.
	TrustedOrigins []string
	// InsecureCrossOriginPatterns are patterns of [http.ServeMux] for paths at
	// which the session cookie counts wherever a request comes from. Whoever gets
	// a visitor to open their page can send anything there in the visitor's name.
	// A pattern for WebSockets has no method.
	InsecureCrossOriginPatterns []string

	// Coordinator, where set, lets several processes renew a session once: one of
	// them asks the provider, and all have the answer. While it can't be asked
	// nothing is renewed, which signs nobody out. A Store or Revocations that
	// implements [refresh.Coordinator] is used without being named here. Default:
	// each process renews on its own, so that providers that see a refresh token
	// twice may end the session.
	Coordinator refresh.Coordinator

	// Policy says where in the claims roles, groups, scopes and permissions are
	// found. The scopes of a session are those that the provider granted with its
	// tokens, and where it doesn't say which, those that were asked for, unless a
	// claim scope or scp says otherwise.
	Policy rbac.Policy
	// Admit, where set, decides at sign-in and at every renewal whether a
	// person that the provider vouches for is let in, and may add claims of the
	// application's own. See [Admission].
	Admit func(ctx context.Context, admission *Admission) error

	// ErrorHandler, where set, writes every refusal and failure instead of the
	// built-in page and problem document. err is always an [*Error], whose Status,
	// Message and Page are filled in; only Status, Message and Link are meant for the
	// wire. Protective headers are already set. Where it writes nothing, or panics
	// before it has, the built-in answer is sent, so that one for pages can leave
	// programs theirs.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)
	// HTTPClient is used for every call to the provider: give it a custom CA or
	// proxy. Redirects are never followed and bodies are bounded, whatever it
	// says. Default: a client of the library's own.
	HTTPClient *http.Client
	// Logger receives events and failures, without secrets. Default: discard.
	Logger *slog.Logger
	// Clock tells the time. Default time.Now.
	Clock func() time.Time
	// InsecureHTTP accepts a provider over plain http beyond loopback. Whoever
	// can read or change that traffic can sign in as anybody.
	InsecureHTTP bool
}

// Defaults.
const (
	defaultSessionLifetime = 12 * time.Hour
	defaultIdleTimeout     = 2 * time.Hour

	defaultRememberedSessions = 4096

	defaultAuthPath = "/auth"
)

// withDefaults fills what was left out and reports every mistake at once.
func (c Config) withDefaults() (Config, error) {
	nothing := errors.Join(something("Store", &c.Store), something("Revocations", &c.Revocations),
		something("Coordinator", &c.Coordinator), something("CookieCodec", &c.CookieCodec))
	c.AuthPath = strings.TrimSuffix(orDefault(c.AuthPath, defaultAuthPath), "/")
	c.AfterLogin = orDefault(c.AfterLogin, "/")
	c.AfterLogout = orDefault(c.AfterLogout, "/")
	c.SessionLifetime = orDefault(c.SessionLifetime, defaultSessionLifetime)
	c.IdleTimeout = orDefault(c.IdleTimeout, defaultIdleTimeout)
	c.RememberedSessions = orDefault(c.RememberedSessions, defaultRememberedSessions)
	c.Revocations = firstOf(c.Revocations, c.Store)
	c.Coordinator = firstOf(c.Coordinator, c.Store, c.Revocations)
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	c.Logger = caught.Logs(c.Logger)
	if c.Clock == nil {
		c.Clock = time.Now
	} else {
		c.Clock = caught.Clock(c.Clock)
	}
	baseURL, err := checkOrigin("BaseURL", c.BaseURL)
	if err != nil {
		baseURL = "https://base-url.invalid" // what is built from it is no second mistake
	}
	c.BaseURL = baseURL
	badAuthPath := checkAuthPath(c.AuthPath)
	if badAuthPath != nil {
		c.AuthPath = defaultAuthPath // likewise
	}
	return c, errors.Join(
		err,
		nothing,
		badAuthPath,
		localPath("AfterLogin", c.AfterLogin),
		localPath("AfterLogout", c.AfterLogout),
		mistake.Negative("SessionLifetime", c.SessionLifetime),
		mistake.Negative("RefreshLeeway", c.RefreshLeeway),
		mistake.Negative("OutageGrace", c.OutageGrace),
		mistake.Negative("RevocationGrace", c.RevocationGrace),
		c.checkPrompt(),
		c.checkAuthParams(),
	)
}

func (c Config) checkPrompt() error {
	prompts := strings.Fields(c.Prompt)
	if len(prompts) > 1 && slices.Contains(prompts, "none") {
		return mistake.Of("Prompt", "\"none\" can't be combined with other values")
	}
	return nil
}

// checkAuthParams refuses what has a field of its own, and would go round what
// that field sees to: a max_age that nobody remembers isn't checked either.
func (c Config) checkAuthParams() error {
	fields := map[string]string{"prompt": "Prompt", "max_age": "MaxAge", "acr_values": "ACRValues", "scope": "Scopes", "response_mode": "ResponseMode"}
	var mistakes []string
	for name := range c.AuthParams {
		if field, ok := fields[name]; ok {
			mistakes = append(mistakes, name+" is set by "+field)
		}
	}
	if mistakes == nil {
		return nil
	}
	slices.Sort(mistakes)
	return mistake.Of("AuthParams", strings.Join(mistakes, ", "))
}

// firstOf returns named, or else the first of others that is one as well.
func firstOf[T comparable](named T, others ...any) T {
	var none T
	for _, other := range others {
		if one, ok := other.(T); ok && named == none {
			named = one
		}
	}
	return named
}

// something refuses a nil pointer in a field, and empties the field: as an interface it
// isn't nil, and so would be called.
func something[T any](field string, value *T) error {
	if v := reflect.ValueOf(*value); v.Kind() != reflect.Pointer || !v.IsNil() {
		return nil
	}
	err := fmt.Errorf("%s: is a nil %T; leave it out for none", field, *value)
	*value = *new(T)
	return err
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func localPath(field, given string) error {
	if _, ok := returnto.Local(given); !ok || strings.ContainsAny(given, "{}") {
		return fmt.Errorf("%s: must be a local path such as \"/path\", is %q", field, given)
	}
	return nil
}

// checkAuthPath wants a path as requests have it: nothing that is escaped or that
// routers clean away.
func checkAuthPath(given string) error {
	if err := localPath("AuthPath", given); err != nil {
		return err
	}
	if strings.ContainsAny(given, "?#% ") || strings.ContainsFunc(given, beyondASCII) || path.Clean(given) != given {
		return fmt.Errorf("AuthPath: must be a plain path such as \"/auth\", without query, escapes or empty segments, is %q", given)
	}
	return nil
}

func beyondASCII(r rune) bool { return r > '~' }

// checkOrigin checks BaseURL, or another origin, and returns it as [origin.Of] does.
func checkOrigin(field, text string) (string, error) {
	if text == "" {
		return "", mistake.Of(field, "is required, such as \"https://app.example.com\"")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return "", mistake.Of(field, "must be an absolute URL such as \"https://app.example.com\"")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", mistake.Of(field, "must have no user, query or fragment")
	case u.Path != "" && u.Path != "/":
		return "", mistake.Of(field, "must be an origin without a path; an application below a path sets AuthPath")
	case strings.ContainsFunc(u.Host, beyondASCII):
		return "", mistake.Of(field, "must have the host as browsers send it, in ASCII (\"xn--…\", RFC 5891)")
	case u.Scheme == "http" && !loopback.Host(u.Hostname()):
		return "", mistake.Of(field, "http is for loopback only; browsers drop Secure cookies elsewhere")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", mistake.Of(field, "must be https")
	}
	return origin.Of(u), nil
}

// Format prints the configuration without its secrets, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.redacted()) }

// LogValue logs the configuration without its secrets.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.redacted()) }

// MarshalJSON encodes the configuration without its secrets.
func (c Config) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", c.redacted()), nil }

func (c Config) redacted() string {
	return fmt.Sprintf("gatehouse.Config{Issuer: %q, ClientID: %q, BaseURL: %q}", c.Issuer, c.ClientID, c.BaseURL)
}
