package oidc

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Codes of a [Refusal].
const (
	InvalidRequest    = "invalid_request"                  // RFC 6750 §3.1
	InvalidToken      = "invalid_token"                    // RFC 6750 §3.1
	InsufficientScope = "insufficient_scope"               // RFC 6750 §3.1
	InvalidProof      = "invalid_dpop_proof"               // RFC 9449 §7.1
	UseNonce          = "use_dpop_nonce"                   // RFC 9449 §9
	StepUp            = "insufficient_user_authentication" // RFC 9470 §3
)

// Refusal is why a request's credentials don't do, as its client is told:
// [Verifier.Challenges] puts it into WWW-Authenticate. The cause is for the log; it
// holds nothing that the token says. A Refusal is an [ErrToken].
type Refusal struct {
	// Code is the error code; "" where the request carries no access token.
	Code string
	// Scopes are what an access token needs (insufficient_scope).
	Scopes []string
	// ACRValues and MaxAge are the authentication that is needed
	// (insufficient_user_authentication); a MaxAge of 0 isn't sent.
	ACRValues []string
	MaxAge    time.Duration

	// Scheme is the one that the client used: DPoP, or Bearer (or empty).
	Scheme string

	cause error
}

// Error implements error.
func (r *Refusal) Error() string {
	text := "oidc: access token refused"
	if r.Code != "" {
		text += ": " + r.Code
	}
	if r.cause != nil {
		text += ": " + r.cause.Error()
	}
	return text
}

// Unwrap serves errors.Is.
func (r *Refusal) Unwrap() []error {
	if r.cause == nil {
		return []error{ErrToken}
	}
	return []error{ErrToken, r.cause}
}

// Status is the HTTP status to answer with (RFC 6750 §3.1): 400 for InvalidRequest,
// 403 for InsufficientScope, and 401 for all else, also where there is no token.
func (r *Refusal) Status() int {
	switch r.Code {
	case InvalidRequest:
		return http.StatusBadRequest
	case InsufficientScope:
		return http.StatusForbidden
	}
	return http.StatusUnauthorized
}

// refused is a token that isn't accepted.
func refused(cause error) *Refusal { return &Refusal{Code: InvalidToken, cause: cause} }

var errNoToken = errors.New("no access token")

// Challenges returns the values of WWW-Authenticate for err (RFC 6750 §3, RFC 9449
// §7.1, RFC 9728 §5.1): one per scheme. The error is named only where err is a
// [Refusal] with a code, and so where credentials were sent.
func (v *Verifier) Challenges(err error) []string {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		refusal = &Refusal{}
	}
	bearer := challenge{scheme: "Bearer"}
	bearer.add("realm", v.realm)
	bearer.add("resource_metadata", v.config.ResourceMetadata)
	proof := challenge{scheme: "DPoP"}
	proof.add("algs", strings.Join(asymmetric, " "))
	told := &bearer
	if refusal.Scheme == "DPoP" && v.config.BaseURL != "" {
		told = &proof
	}
	told.add("error", refusal.Code)
	told.add("scope", strings.Join(refusal.Scopes, " "))
	told.add("acr_values", strings.Join(refusal.ACRValues, " "))
	if refusal.MaxAge > 0 {
		told.add("max_age", strconv.Itoa(int(refusal.MaxAge/time.Second)))
	}
	if v.config.BaseURL == "" {
		return []string{bearer.String()}
	}
	proof.add("resource_metadata", v.config.ResourceMetadata)
	return []string{bearer.String(), proof.String()}
}

// challenge is one challenge of WWW-Authenticate (RFC 9110 §11.6.1).
type challenge struct {
	scheme string
	params []string
}

// add adds a parameter as a quoted-string, without what can't stand in one.
func (c *challenge) add(name, value string) {
	if value == "" {
		return
	}
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, value)
	c.params = append(c.params, name+`="`+clean+`"`)
}

func (c *challenge) String() string { return c.scheme + " " + strings.Join(c.params, ", ") }
