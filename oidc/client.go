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
	"time"

	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/gatehouse-go/gatehouse/internal/secret"
	"github.com/gatehouse-go/gatehouse/internal/spent"
)

const (
	// skew is how far the provider's clock may be off. It widens what is
	// accepted, at both ends.
	skew = 60 * time.Second
	// budget is how long an exchange or a renewal takes at most, all its calls
	// together.
	budget = 7 * time.Second
)

// Config is what a [Client] is told. Issuer, ClientID and RedirectURL are
// required.
type Config struct {
	// Issuer is the issuer identifier, exactly as the discovery document states
	// it (OpenID Connect Discovery 1.0 §4.3): https, or http on loopback.
	Issuer string
	// ClientID and ClientSecret are what was registered; no secret for a public
	// client.
	ClientID, ClientSecret string
	// RedirectURL is the redirect_uri, absolute. Not for [NewServiceClient].
	RedirectURL string
	// Scopes are asked for. Nil: openid, profile, email and, where the provider
	// offers it, offline_access; Keycloak gives refresh tokens without. openid is
	// always added.
	Scopes []string
	// SkipConsent leaves out the prompt=consent that goes with offline_access
	// (OpenID Connect Core 1.0 §11).
	SkipConsent bool
	// ClientKey, in place of a secret, signs who the client is (private_key_jwt, RFC
	// 7523 §2.2); its public key is registered at the provider.
	ClientKey SigningKey
	// IssuerAudience has the issuer be the audience of what ClientKey signs wherever the
	// client authenticates, as FAPI 2.0 wants it (FAPI 2.0 Security Profile §5.3.3.1).
	// Default: the token endpoint is told by its own address, which every provider takes,
	// and the other endpoints by the issuer.
	IssuerAudience bool
	// ClientAuth is the token_endpoint_auth_method: client_secret_basic,
	// client_secret_post, private_key_jwt or none. Empty: private_key_jwt where there
	// is a ClientKey, otherwise as discovery says, basic first.
	ClientAuth string
	// SigningAlgs are the algorithms by which ID tokens may be signed. Nil: what
	// discovery offers of RS256 to RS512, PS256 to PS512, ES256 to ES512 and
	// EdDSA; RS256 where it says nothing. HS256 to HS512 must be named, and need a
	// client secret as long as the hash (RFC 7518 §3.2).
	SigningAlgs []string
	// ResponseMode is "query" (or empty) or "form_post".
	ResponseMode string
	// PushedRequests sends authorization requests to the provider itself, and the
	// browser with no more than a reference to them (RFC 9126). It is done without
	// being asked for where the provider requires it.
	PushedRequests bool
	// SkipUserinfo leaves the UserInfo endpoint alone.
	SkipUserinfo bool
	// HTTPClient is used for every call, without its redirects, its cookies and
	// more than 8 s of its timeout. Default: one of its own.
	HTTPClient *http.Client
	// Logger receives warnings. Default: discard.
	Logger *slog.Logger
	// Clock tells the time. Default time.Now.
	Clock func() time.Time
	// InsecureHTTP accepts http beyond loopback.
	InsecureHTTP bool
}

// Client is one client at one provider. It is safe for concurrent use.
type Client struct {
	caller
	config   Config
	secret   secret.String
	metadata *discovery
	keys     *keySet
	logouts  *spent.Set // logout tokens, by jti
	sender   *Sender
	pushes   chan struct{} // one of pushesAtOnce each
}

// Algorithms of signatures (RFC 7518 §3.1, RFC 8037 §3.1). "none" is no
// algorithm here.
var (
	asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	symmetric  = map[string]int{"HS256": 32, "HS384": 48, "HS512": 64} // to the secret's least length
)

// NewClient returns a Client, without any network I/O. The error joins every
// mistake in the configuration, each naming its field.
func NewClient(config Config) (*Client, error) {
	return newClient(config, config.checkRedirect(), "authorization_endpoint", "token_endpoint", "jwks_uri")
}

// NewServiceClient is [NewClient] for a service that signs nobody in: one that asks
// for tokens of its own ([Client.ClientCredentials]), or exchanges those of others
// ([Client.ExchangeToken]). It needs no RedirectURL.
func NewServiceClient(config Config) (*Client, error) {
	return newClient(config, nil, "token_endpoint")
}

func newClient(config Config, redirect error, endpoints ...string) (*Client, error) {
	if err := errors.Join(checkIssuer(config.Issuer, config.InsecureHTTP), config.checkClient(), redirect, config.checkScopes(), config.checkAlgorithms(), config.checkModes()); err != nil {
		return nil, err
	}
	c := &Client{
		caller: newCaller(config.Issuer, config.HTTPClient, config.Logger, config.Clock, config.InsecureHTTP),
		config: config,
		secret: secret.New(config.ClientSecret),
	}
	c.config.ClientSecret = "" // it is in secret
	c.config.Scopes, c.config.SigningAlgs = slices.Clone(config.Scopes), slices.Clone(config.SigningAlgs)
	c.metadata = newDiscovery(c.caller, endpoints...)
	c.keys = newKeySet(c.caller, c.metadata.jwks)
	c.logouts = spent.New(maxLogouts, c.clock)
	c.sender, c.pushes = NewSender(c.clock), make(chan struct{}, pushesAtOnce)
	return c, nil
}

// discoveryPath is where an issuer's document is (OpenID Connect Discovery 1.0
// §4), and what people copy along with the issuer.
const discoveryPath = "/.well-known/openid-configuration"

func checkIssuer(issuer string, insecureHTTP bool) error {
	if issuer == "" {
		return mistake.Of("Issuer", "is required, such as \"https://idp.example.com\"")
	}
	u, err := url.Parse(issuer)
	switch {
	case err != nil, u.Opaque != "":
		return mistake.Of("Issuer", "is not a URL such as \"https://idp.example.com\"")
	case strings.ContainsAny(issuer, "{}"):
		return mistake.Of("Issuer", "is a template; name one tenant")
	case strings.HasSuffix(u.Path, discoveryPath):
		return mistake.Of("Issuer", "is the address of the discovery document; leave out "+discoveryPath)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#"): // of which url.Parse keeps nothing where it is empty
		return mistake.Of("Issuer", "must have no query or fragment")
	case !secure(u, insecureHTTP):
		return mistake.Of("Issuer", "must be https, or http on loopback")
	}
	return nil
}

func (c Config) checkClient() error {
	var mistakes []error
	if c.ClientID == "" {
		mistakes = append(mistakes, mistake.Of("ClientID", "is required"))
	}
	if c.IssuerAudience && c.ClientKey.IsZero() {
		mistakes = append(mistakes, mistake.Of("IssuerAudience", "is for a ClientKey"))
	}
	switch c.ClientAuth {
	case "", "none":
	case "private_key_jwt":
		if c.ClientKey.IsZero() {
			mistakes = append(mistakes, mistake.Of("ClientKey", "is required for private_key_jwt"))
		}
	case "client_secret_basic", "client_secret_post":
		if c.ClientSecret == "" {
			mistakes = append(mistakes, fmt.Errorf("ClientSecret: is required for %s", c.ClientAuth))
		}
	default:
		mistakes = append(mistakes, fmt.Errorf("ClientAuth: must be client_secret_basic, client_secret_post, private_key_jwt or none, is %q", c.ClientAuth))
	}
	return errors.Join(mistakes...)
}

func (c Config) checkRedirect() error {
	u, err := url.Parse(c.RedirectURL)
	if err != nil || u.Host == "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return mistake.Of("RedirectURL", "must be an absolute URL without a fragment")
	}
	return nil
}

// checkScopes wants each by itself: who writes several in one is understood by the
// provider, and not here, where offline_access brings prompt=consent along.
func (c Config) checkScopes() error {
	var mistakes []error
	for i, scope := range c.Scopes {
		if scope == "" || strings.ContainsFunc(scope, beyondScope) {
			mistakes = append(mistakes, mistake.Of(fmt.Sprintf("Scopes[%d]", i), fmt.Sprintf("must be one scope, without spaces, is %q", scope)))
		}
	}
	return errors.Join(mistakes...)
}

// beyondScope reports whether no scope has the character (RFC 6749 §3.3).
func beyondScope(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }

func (c Config) checkAlgorithms() error {
	var mistakes []error
	for _, alg := range c.SigningAlgs {
		least, isSymmetric := symmetric[alg]
		switch {
		case isSymmetric && len(c.ClientSecret) < least:
			mistakes = append(mistakes, fmt.Errorf("SigningAlgs: %s needs a client secret of at least %d bytes", alg, least))
		case !isSymmetric && !slices.Contains(asymmetric, alg):
			mistakes = append(mistakes, fmt.Errorf("SigningAlgs: %q is not supported", alg))
		}
	}
	return errors.Join(mistakes...)
}

func (c Config) checkModes() error {
	if c.ResponseMode != "" && c.ResponseMode != "query" && c.ResponseMode != "form_post" {
		return fmt.Errorf("ResponseMode: must be query or form_post, is %q", c.ResponseMode)
	}
	return nil
}

// Ready reports whether the provider's discovery document and keys are there,
// and asks for them if they aren't.
func (c *Client) Ready(ctx context.Context) error {
	if _, err := c.metadata.get(ctx); err != nil {
		return err
	}
	_, err := c.keys.current(ctx)
	return err
}

// Close ends what is still being read of the provider for nobody, and waits for
// it. Calls that come later fail as if the provider were away, where they need
// anything read anew.
func (c *Client) Close() error {
	c.background.close()
	return nil
}
