package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
)

// HasToken reports whether a request carries an access token in its Authorization
// header: one of the scheme Bearer or DPoP, good or not.
func HasToken(r *http.Request) bool {
	for _, value := range r.Header["Authorization"] {
		scheme := value
		if end := strings.IndexAny(value, " \t"); end >= 0 {
			scheme = value[:end]
		}
		if schemeOf(scheme) != "" {
			return true
		}
	}
	return false
}

// schemeOf returns the scheme in its usual case, "" for one that carries no access
// token (RFC 9110 §11.1).
func schemeOf(scheme string) string {
	for _, known := range []string{"Bearer", "DPoP"} {
		if strings.EqualFold(scheme, known) {
			return known
		}
	}
	return ""
}

var (
	errNoProof     = errors.New("it is bound, and comes without proof")
	errNotDPoP     = errors.New("it is bound to a key, whose proof counts with the scheme DPoP alone")
	errUnbound     = errors.New("it is bound to nothing")
	errNoKey       = errors.New("it is bound to no key, and so is a bearer token")
	errNoBaseURL   = errors.New("it is bound to a key, which can't be checked without a BaseURL")
	errNoCert      = errors.New("it is bound to a certificate, and the TLS connection that ends in this process, if any, shows none")
	errAnotherCert = errors.New("it is bound to another certificate")
)

// Authenticate checks the access token that a request carries in its Authorization
// header (RFC 6750 §2.1), and that whoever sends it holds the key (RFC 9449 §7) or
// the certificate (RFC 8705 §3) that it is bound to; certificates are those of the
// TLS connection that ends here. Tokens in the query or in a form are none.
//
// The error is a [*Refusal] where the request is to be refused, otherwise something
// keeps it from being checked: [ErrUnavailable], mostly.
func (v *Verifier) Authenticate(r *http.Request) (*AccessToken, error) {
	values := r.Header["Authorization"]
	if len(values) == 0 || !HasToken(r) {
		return nil, &Refusal{cause: errNoToken}
	}
	if len(values) > 1 {
		return nil, &Refusal{Code: InvalidRequest, cause: errors.New("more than one Authorization header")}
	}
	scheme, text, _ := strings.Cut(values[0], " ")
	scheme, text = schemeOf(scheme), strings.TrimLeft(text, " ")
	t, err := v.token(r.Context(), text)
	if err == nil {
		err = v.prove(r, scheme, t)
	}
	if err != nil {
		return nil, usedWith(scheme, err)
	}
	return t, nil
}

// usedWith notes which scheme a refusal is about.
func usedWith(scheme string, err error) error {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		refusal.Scheme = scheme
	}
	return err
}

// isToken68 is the syntax of a token (RFC 6750 §2.1).
func isToken68(text string) bool {
	text = strings.TrimRight(text, "=")
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~', c == '+', c == '/':
		default:
			return false
		}
	}
	return text != ""
}

// prove checks what a token is bound to. All of it is checked, at every request.
func (v *Verifier) prove(r *http.Request, scheme string, t *AccessToken) error {
	switch {
	case t.bound == (confirmation{}) && v.config.RequireBinding:
		return refused(errUnbound)
	case t.bound.jkt != "" && scheme != "DPoP": // RFC 9449 §7.2
		return refused(errNotDPoP)
	case t.bound.jkt == "" && scheme == "DPoP":
		return refused(errNoKey)
	case t.bound.jkt != "" && v.config.BaseURL == "":
		return refused(errNoBaseURL)
	}
	if t.bound.x5t != "" {
		switch certificateOf(r) {
		case t.bound.x5t:
		case "":
			return refused(errNoCert)
		default:
			return refused(errAnotherCert)
		}
	}
	if t.bound.jkt != "" {
		return v.proofs.check(r, t)
	}
	return nil
}

// certificateOf is the thumbprint of the certificate by which the client has
// authenticated on this connection, "" where it hasn't (RFC 8705 §3.1).
func certificateOf(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
