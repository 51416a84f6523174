package gatehouse

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gatehouse-go/gatehouse/oidc"
)

// challengeOn says in WWW-Authenticate what would help: an access token, of which kind,
// or a session.
func (g *Gate) challengeOn(w http.ResponseWriter, r *http.Request, failure *Error) {
	header := w.Header()
	if header.Get("WWW-Authenticate") != "" {
		return
	}
	v := g.visit(r.Context())
	var refusal *oidc.Refusal
	status := failure.status()
	refused := errors.As(failure, &refusal) && (status == http.StatusForbidden || status == http.StatusBadRequest && g.bearers != nil)
	if status != http.StatusUnauthorized && !refused {
		return
	}
	if g.bearers != nil && (g.sessions == nil || v != nil && v.api) {
		header["Www-Authenticate"] = g.bearers.verifier.Challenges(failure)
	}
	if g.sessions != nil && (v == nil || !v.bearer || g.bearers == nil) {
		header.Add("WWW-Authenticate", g.cookieChallenge(failure, refusal))
	}
}

// signInChallenge says that a session comes of signing in at path. A 401 has a
// challenge (RFC 9110 §15.5.2); this one is of draft-broyer-http-cookie-auth.
func (g *Gate) signInChallenge(path string) string {
	return fmt.Sprintf("Cookie realm=%q, form-action=%q, cookie-name=%q", g.config.BaseURL, path, g.sessions.Name())
}

// cookieChallenge says where to sign in, and what the sign-in lacks.
func (g *Gate) cookieChallenge(failure *Error, refusal *oidc.Refusal) string {
	if refusal == nil || refusal.Code != oidc.StepUp && refusal.Code != oidc.InsufficientScope {
		return g.challenge
	}
	challenge := g.signInChallenge(orDefault(failure.Link, g.loginPath(""))) + fmt.Sprintf(", error=%q", refusal.Code)
	if len(refusal.Scopes) > 0 {
		challenge += fmt.Sprintf(", scope=%q", strings.Join(refusal.Scopes, " "))
	}
	if len(refusal.ACRValues) > 0 {
		challenge += fmt.Sprintf(", acr_values=%q", strings.Join(refusal.ACRValues, " "))
	}
	if refusal.MaxAge > 0 {
		challenge += fmt.Sprintf(", max_age=%q", seconds(refusal.MaxAge))
	}
	return challenge
}
