package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
)

// What went wrong, for errors.Is.
var (
	// ErrUnavailable is a provider that can't be reached, fails, or answers what
	// is no answer. It may work a moment later.
	ErrUnavailable = errors.New("the provider is unavailable")
	// ErrGrant is a code or refresh token that is not, or no longer, good for
	// tokens.
	ErrGrant = errors.New("the grant is over")
	// ErrToken is an answer that must not be believed.
	ErrToken = errors.New("the answer is not valid")
	// ErrClient is a provider that refuses this client or its configuration.
	ErrClient = errors.New("the provider refuses this client")
)

// Error is a failure at the provider. It holds nothing that the provider wrote
// but the OAuth error code, and that only if it looks like one.
type Error struct {
	// Op is what was being done, such as "token".
	Op string
	// Code is the OAuth error code (RFC 6749 §5.2), "" when there was none.
	Code string
	// Status is the HTTP status, 0 when there was no answer.
	Status int

	kind  error
	cause error // of our own, or net/http's
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("oidc: ")
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	if e.kind != nil {
		b.WriteString(e.kind.Error())
	} else {
		b.WriteString("error answer")
	}
	if e.Code != "" {
		b.WriteString(": " + cleanCode(e.Code))
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// Unwrap serves errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	var wrapped []error
	for _, err := range []error{e.kind, e.cause} {
		if err != nil {
			wrapped = append(wrapped, err)
		}
	}
	return wrapped
}

func fail(kind error, op string, cause error) error {
	return &Error{Op: op, kind: kind, cause: cause}
}

// unavailable is a call that came to nothing. Of its error only what net/http
// and the context say is kept.
func unavailable(op string, err error) error {
	var failed *url.Error
	switch {
	case errors.As(err, &failed):
		err = failed.Err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, errTooLarge):
	default:
		err = errUnreadable
	}
	return fail(ErrUnavailable, op, err)
}

var errUnreadable = errors.New("unreadable answer")

// tokenError classifies what the token endpoint said. A provider's failure must
// not be taken for its word that a session is over: servers in trouble answer
// 500 with any body, proxies in front of them answer HTML.
func tokenError(op string, err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return unavailable(op, err)
	}
	e := &Error{Op: op, Code: cleanCode(refused.ErrorCode), kind: ErrUnavailable}
	if refused.Response != nil {
		e.Status = refused.Response.StatusCode
	}
	if e.Status >= 300 && !isRefusal(e.Status) {
		return e
	}
	switch e.Code {
	case "":
	case "invalid_grant",
		"invalid_request", // dex says so of a refresh token that is dead
		"interaction_required", "login_required", "consent_required", "access_denied":
		e.kind = ErrGrant
	default:
		e.kind = kindOf(http.StatusBadRequest, e.Code)
	}
	return e
}

// answered is an answer that isn't the one wanted, of which there is an OAuth error
// code or "".
func answered(op string, status int, code string) error {
	code = cleanCode(code)
	return &Error{Op: op, Code: code, Status: status, kind: kindOf(status, code)}
}

// kindOf says whether the provider refuses, or fails for now.
func kindOf(status int, code string) error {
	switch code {
	case "temporarily_unavailable", "server_error", "slow_down": // whatever the status (RFC 6749 §4.1.2.1, RFC 8628 §3.5)
		return ErrUnavailable
	}
	if isRefusal(status) {
		return ErrClient
	}
	return ErrUnavailable
}

// isRefusal reports whether a status is a provider's word about a request, rather
// than its failure to answer one: a client error (RFC 9110 §15.5), but for those that
// say to come again.
func isRefusal(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}

// cleanCode lets an error code through that looks like one (RFC 6749 §5.2), and
// nothing else that a provider might write there.
func cleanCode(code string) string {
	if len(code) > 64 || strings.ContainsFunc(code, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }) {
		return "malformed_error_code"
	}
	return code
}
