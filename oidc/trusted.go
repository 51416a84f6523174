package oidc

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/mistake"
)

// TrustedIssuer is an issuer whose access tokens a [Verifier] accepts. Only Issuer
// is required. Its keys come from its discovery document, unless JWKS, PEM or
// HMACSecret, of which there may be one, says otherwise.
type TrustedIssuer struct {
	// Issuer is the iss claim, exactly. Unless keys are given it is where the
	// discovery document is found: https, or http on loopback.
	Issuer string
	// Audience are the names that this API has in the issuer's tokens, one of which
	// must be in aud. Nil: those of VerifierConfig.Audience.
	Audience []string

	// JWKS is the address of a JWK Set (RFC 7517 §5), for issuers without a
	// discovery document.
	JWKS string
	// PEM are public keys and certificates as PEM files hold them, one after the
	// other (PUBLIC KEY, RSA PUBLIC KEY, CERTIFICATE). A certificate stands for its
	// key; nothing else of it counts. Tokens may name them by any kid.
	PEM []byte
	// HMACSecret is shared with the issuer, which is a service of one's own: who
	// verifies can sign as well. At least 32 bytes (RFC 7518 §3.2), from a
	// cryptographic random source.
	HMACSecret []byte
	// Algorithms are those by which tokens may be signed. Nil: RS, PS, ES 256–512
	// and EdDSA, each by keys of its own type alone; of an HMACSecret, those whose
	// hash is no longer than the secret.
	Algorithms []string

	// NoAudienceClients are the clients whose tokens may do without aud, where
	// token_use says that they are access tokens: those of Amazon Cognito name no
	// API. Nil: none.
	NoAudienceClients []string
	// RequireType accepts only tokens whose header says typ at+jwt (RFC 9068 §4).
	RequireType bool
	// Introspection, where set, asks the issuer about tokens that are no JWTs. At
	// most one issuer can have it: an opaque token doesn't say whose it is.
	Introspection *Introspection
}

// trusted is a TrustedIssuer at work.
type trusted struct {
	TrustedIssuer
	keys         *keySet
	loginClients []string
	introspector *introspector // nil where there is none
}

func (i TrustedIssuer) check(insecureHTTP bool) error {
	var mistakes []error
	note := func(err error) {
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	sources := 0
	for _, given := range []bool{i.JWKS != "", i.PEM != nil, i.HMACSecret != nil} {
		if given {
			sources++
		}
	}
	switch {
	case sources > 1:
		note(mistake.Of("JWKS, PEM, HMACSecret", "only one of them can be the source of keys"))
	case sources == 0 || i.Introspection != nil && i.Introspection.URL == "":
		note(checkIssuer(i.Issuer, insecureHTTP))
	case i.Issuer == "":
		note(mistake.Of("Issuer", "is required"))
	}
	if i.JWKS != "" {
		note(checkEndpoint("JWKS", i.JWKS, insecureHTTP))
	}
	if i.PEM != nil {
		_, err := parsePEM(i.PEM)
		note(err)
	}
	if i.HMACSecret != nil && len(i.HMACSecret) < symmetric["HS256"] {
		note(mistake.Of("HMACSecret", "must have at least 32 bytes"))
	}
	for _, alg := range i.Algorithms {
		if !slices.Contains(i.possible(), alg) {
			note(mistake.Of("Algorithms", fmt.Sprintf("%q does not go with these keys", alg)))
		}
	}
	if i.Algorithms != nil && len(i.Algorithms) == 0 {
		note(mistake.Of("Algorithms", "must not be empty; nil allows what the keys are for"))
	}
	if i.Introspection != nil {
		note(mistake.Inside("Introspection", i.Introspection.check(insecureHTTP)))
	}
	return errors.Join(mistakes...)
}

func checkEndpoint(field, address string, insecureHTTP bool) error {
	if u, err := url.Parse(address); err != nil || u.Fragment != "" || !secure(u, insecureHTTP) {
		return mistake.Of(field, "must be https, or http on loopback")
	}
	return nil
}

// possible are the algorithms that the keys can be used with.
func (i TrustedIssuer) possible() []string {
	if i.HMACSecret == nil {
		return asymmetric
	}
	var names []string
	for _, alg := range []string{"HS256", "HS384", "HS512"} {
		if len(i.HMACSecret) >= symmetric[alg] {
			names = append(names, alg)
		}
	}
	return names
}

func (i TrustedIssuer) trust(c caller, config VerifierConfig) *trusted {
	i.Audience, i.Algorithms = slices.Clone(i.Audience), slices.Clone(i.Algorithms)
	i.NoAudienceClients = slices.Clone(i.NoAudienceClients)
	if i.Audience == nil {
		i.Audience = slices.Clone(config.Audience)
	}
	if i.Algorithms == nil {
		i.Algorithms = i.possible()
	}
	t := &trusted{TrustedIssuer: i, loginClients: slices.Clone(config.LoginClients)}
	c.issuer = i.Issuer
	metadata := newDiscovery(c, "jwks_uri")
	switch {
	case i.JWKS != "":
		t.keys = newKeySet(c, func(context.Context) (string, error) { return i.JWKS, nil })
	case i.PEM != nil:
		keys, _ := parsePEM(i.PEM) // which was checked
		t.keys = newFixedKeys(c, keys)
	case i.HMACSecret != nil:
		t.keys = newFixedKeys(c, []key{{anyKid: true, public: slices.Clone(i.HMACSecret)}})
	default:
		t.keys = newKeySet(c, metadata.jwks)
	}
	t.HMACSecret = nil // it is behind a pointer now
	if i.Introspection != nil {
		t.introspector = newIntrospector(c, *i.Introspection, metadata, config.RememberedTokens)
	}
	return t
}

// parsePEM reads every block there is. One that is no public key is a mistake, and
// a private one above all.
func parsePEM(text []byte) ([]key, error) {
	var keys []key
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		public, err := publicOf(block)
		if err != nil {
			return nil, err
		}
		if !acceptable(public) {
			return nil, mistake.Of("PEM", "a key must be RSA of 2048 to 8192 bits, EC on P-256, P-384 or P-521, or Ed25519")
		}
		keys, text = append(keys, key{anyKid: true, public: public}), rest
	}
	if len(keys) == 0 {
		return nil, mistake.Of("PEM", "holds no key")
	}
	return keys, nil
}

func publicOf(block *pem.Block) (public crypto.PublicKey, err error) {
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = certificate.PublicKey
		}
	default:
		return nil, mistake.Of("PEM", "holds something else than public keys and certificates")
	}
	if err != nil {
		return nil, mistake.Of("PEM", "a key or certificate can't be read")
	}
	return public, nil
}

// Introspection is how the issuer of opaque tokens is asked (RFC 7662).
type Introspection struct {
	// ClientID and ClientSecret are this API's credentials at the issuer.
	ClientID, ClientSecret string
	// ClientAuth is client_secret_basic (or empty) or client_secret_post.
	ClientAuth string
	// URL is the endpoint. Empty: the introspection_endpoint of discovery.
	URL string
	// JWTs asks about JWTs too, after they were verified, so that one that was
	// revoked is refused.
	JWTs bool
}

func (i Introspection) check(insecureHTTP bool) error {
	var mistakes []error
	if i.ClientID == "" {
		mistakes = append(mistakes, mistake.Of("ClientID", "is required"))
	}
	if i.ClientSecret == "" {
		mistakes = append(mistakes, mistake.Of("ClientSecret", "is required"))
	}
	switch i.ClientAuth {
	case "", "client_secret_basic", "client_secret_post":
	default:
		mistakes = append(mistakes, fmt.Errorf("ClientAuth: must be client_secret_basic or client_secret_post, is %q", i.ClientAuth))
	}
	if i.URL != "" {
		if err := checkEndpoint("URL", i.URL, insecureHTTP); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	return errors.Join(mistakes...)
}

// Format prints no secret, whatever the verb.
func (i Introspection) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "oidc.Introspection{ClientID: %q}", i.ClientID)
}

// LogValue logs no secret.
func (i Introspection) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(i)) }

// MarshalJSON encodes no secret.
func (i Introspection) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%q", fmt.Sprint(i)), nil
}

// LogValue logs no secret.
func (i TrustedIssuer) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(i)) }

// MarshalJSON encodes no secret.
func (i TrustedIssuer) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%q", fmt.Sprint(i)), nil
}

// Format prints no secret, whatever the verb.
func (i TrustedIssuer) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "oidc.TrustedIssuer{Issuer: %q}", i.Issuer)
}
