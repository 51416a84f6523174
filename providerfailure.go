package gatehouse

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
)

const providerAway = "The sign-in service does not answer right now. Please try again in a moment."

// providerFailure is what an error of the provider's looks like to people.
func (g *Gate) providerFailure(err error, link string) error {
	failure := &Error{Cause: err, Link: link}
	switch {
	case errors.Is(err, oidc.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		failure.Status, failure.RetryAfter = http.StatusServiceUnavailable, retryAfter
		failure.Message = providerAway
	case errors.Is(err, oidc.ErrGrant):
		failure.Status = http.StatusBadRequest
		failure.Message = "This sign-in was already used or took too long. Please sign in again."
	case errors.Is(err, oidc.ErrToken):
		failure.Status = http.StatusBadGateway
		failure.Message = "The sign-in service sent an answer that can't be trusted. Please sign in again; if this goes on, tell the people who run this site."
	case errors.Is(err, oidc.ErrClient):
		failure.Status = http.StatusBadGateway
		failure.Message = "The sign-in service refuses this site. Please tell the people who run it."
	default:
		failure.Status = http.StatusInternalServerError
		failure.Message = "You could not be signed in. Please try again; if this goes on, tell the people who run this site."
	}
	return failure
}

// providerError is an error answer of the provider (RFC 6749 §4.1.2.1, OpenID
// Connect Core 1.0 §3.1.2.6). Of its text only the code is used, and only a
// known one decides.
func providerError(code, again string) *Error {
	failure := &Error{Link: again, Cause: &oidc.Error{Code: code}}
	switch code {
	case "access_denied":
		failure.Status = http.StatusForbidden
		failure.Message = "The sign-in was cancelled or refused."
	case "login_required", "interaction_required", "account_selection_required", "consent_required":
		failure.Status = http.StatusUnauthorized
		failure.Message = "The sign-in service needs you to sign in."
	case "unmet_authentication_requirements": // RFC 9470 §5
		failure.Status = http.StatusForbidden
		failure.Message = "The sign-in service can't confirm your identity as strongly as this needs."
	case "temporarily_unavailable":
		failure.Status, failure.RetryAfter = http.StatusServiceUnavailable, 5*time.Second
		failure.Message = "The sign-in service is busy. Please try again in a moment."
	default:
		failure.Status = http.StatusBadGateway
		failure.Message = "The sign-in service could not sign you in. Please try again; if this goes on, tell the people who run this site."
	}
	return failure
}
