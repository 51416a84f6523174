package oidc

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/claims"
	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/go-jose/go-jose/v4"
)

// MinterConfig is what a [Minter] is told. Issuer and Keys are required.
type MinterConfig struct {
	// Issuer is the iss of every token: a name of the application's own, which its
	// services trust. It must not be that of the provider.
	Issuer string
	// Keys are the application's own. The first signs, all are published: to rotate,
	// add the new key behind the old one, put it first once every verifier has seen
	// it, and take the old one out once its last token has expired.
	Keys []SigningKey
	// Lifetime is how long a token is good: whole seconds, one hour at most. Default
	// one minute.
	Lifetime time.Duration
	// Clock tells the time. Default time.Now.
	Clock func() time.Time
}

const (
	defaultMintLifetime = time.Minute
	maxMintLifetime     = time.Hour
	// keysMaxAge is how long a verifier may keep the keys without asking.
	keysMaxAge = 5 * time.Minute
)

// Minter makes short-lived access tokens (RFC 9068) for services that trust the
// application itself. It is an http.Handler that answers the public keys as a JWK
// Set (RFC 7517 §5); services verify by a [Verifier] whose [TrustedIssuer] names
// that address as JWKS. It is safe for concurrent use.
type Minter struct {
	config MinterConfig
	jwks   []byte
}

// NewMinter returns a Minter. The error joins every mistake in the configuration,
// each naming its field.
func NewMinter(config MinterConfig) (*Minter, error) {
	var mistakes []error
	if config.Issuer == "" {
		mistakes = append(mistakes, mistake.Of("Issuer", "is required"))
	}
	if len(config.Keys) == 0 {
		mistakes = append(mistakes, mistake.Of("Keys", "at least one is required; see ParseSigningKeys"))
	}
	if config.Lifetime == 0 {
		config.Lifetime = defaultMintLifetime
	}
	if config.Lifetime < time.Second || config.Lifetime > maxMintLifetime {
		mistakes = append(mistakes, mistake.Of("Lifetime", fmt.Sprintf("must be of one second to one hour, is %v", config.Lifetime)))
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	config.Keys = slices.Clone(config.Keys)
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for i, key := range config.Keys {
		if key.IsZero() {
			mistakes = append(mistakes, mistake.Of(fmt.Sprintf("Keys[%d]", i), "is no key"))
			continue
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.public, KeyID: key.id, Algorithm: key.alg, Use: "sig"})
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	jwks, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("oidc: %w", err)
	}
	return &Minter{config: config, jwks: jwks}, nil
}

// Issuer returns the iss of the tokens.
func (m *Minter) Issuer() string { return m.config.Issuer }

// mintedClaims are the minter's to say.
var mintedClaims = []string{"iss", "aud", "exp", "iat", "nbf", "jti", "cnf"}

// Mint returns a token for one audience. said are claims of the caller's choice: sub
// is required, client_id is the issuer unless it is said, and iss, aud, exp, iat,
// nbf, jti and cnf can't be. Values must be encodable as JSON.
func (m *Minter) Mint(audience string, said map[string]any) (string, error) {
	if audience == "" {
		return "", errors.New("oidc: a token needs an audience")
	}
	if sub, _ := said["sub"].(string); sub == "" {
		return "", errors.New("oidc: a token needs a sub")
	}
	for _, name := range mintedClaims {
		if _, there := said[name]; there {
			return "", fmt.Errorf("oidc: the claim %q is not the caller's to say", name)
		}
	}
	now := m.config.Clock()
	token := map[string]any{"client_id": m.config.Issuer}
	maps.Copy(token, said)
	maps.Copy(token, map[string]any{
		"iss": m.config.Issuer,
		"aud": audience,
		"iat": now.Unix(),
		"exp": now.Add(m.config.Lifetime).Unix(),
		"jti": rand.Text(),
	})
	encoded, err := json.Marshal(token)
	if err != nil {
		return "", fmt.Errorf("oidc: claims of a token: %w", err)
	}
	if _, err := claims.Parse(encoded); err != nil { // what nobody could read must not be signed
		return "", fmt.Errorf("oidc: claims of a token: %w", err)
	}
	return m.config.Keys[0].jwt("at+jwt", token)
}

// ServeHTTP answers the public keys.
func (m *Minter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/jwk-set+json")
	header.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(keysMaxAge/time.Second)))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(m.jwks)))
	_, _ = w.Write(m.jwks)
}
