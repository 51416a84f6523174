package gatehouse

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/probe"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// RequireLogin lets in whoever is signed in. Others are sent to sign in, and
// come back to the page they asked for, when a browser navigates; programs,
// fetch() calls and forms get a 401.
func (g *Gate) RequireLogin(next http.Handler) http.Handler {
	return g.Require(rbac.SignedIn())(next)
}

// Require lets in whoever satisfies every rule. Who isn't signed in is treated
// as by [Gate.RequireLogin]; who is, and still doesn't satisfy them, gets a 403,
// or signs in again where that is all that [rbac.ACR] or [rbac.MaxAge] want.
// Without rules, or with a nil one, nobody gets in.
func (g *Gate) Require(rules ...rbac.Rule) func(http.Handler) http.Handler {
	rule := together(rules)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who := g.identity(r.Context())
			if who == nil && probe.Stop(r.Context()) {
				return
			}
			decision := rule.Check(who.subjectFor(g), g.config.Clock())
			if decision.Outcome != rbac.True {
				g.refuse(w, r, who, rule, decision)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// together is one rule out of several.
func together(rules []rbac.Rule) rbac.Rule {
	if len(rules) == 1 && rules[0] != nil {
		return rules[0]
	}
	return rbac.All(rules...)
}

// Allows reports whether whoever asks satisfies the rule, for handlers that
// show more to some than to others.
func (g *Gate) Allows(ctx context.Context, rule rbac.Rule) bool {
	if rule == nil {
		return false
	}
	return rule.Check(g.identity(ctx).subjectFor(g), g.config.Clock()).Outcome == rbac.True
}

var errNoEstablisher = errors.New("gatehouse: a gate was reached without Wrap, Identify or API in front of it")

// refuse turns a denial into the answer that leads on.
func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, who *Identity, rule rbac.Rule, denial rbac.Decision) {
	v := g.visit(r.Context())
	switch {
	case who != nil:
		g.logDenial(r, who, rule, denial)
		g.refuseKnown(w, r, v, who, denial)
	case v == nil:
		g.Fail(w, r, &Error{Status: http.StatusInternalServerError, Cause: errNoEstablisher})
	case v.failure != nil:
		g.Fail(w, r, g.untilLater(r, v))
	default:
		g.challengeAnonymous(w, r, v)
	}
}

// untilLater is why a session can't be used now. Where that passes a page links to
// itself; one that answers a form doesn't, since a link would leave out what was sent.
func (g *Gate) untilLater(r *http.Request, v *visit) error {
	var failure *Error
	if !errors.As(v.failure, &failure) || failure.status() != http.StatusServiceUnavailable {
		return v.failure
	}
	later := *failure
	later.Link = ""
	if r.Method == http.MethodGet {
		later.Link = g.local(v.target)
	}
	return &later
}

// refuseKnown refuses somebody who is signed in.
func (g *Gate) refuseKnown(w http.ResponseWriter, r *http.Request, v *visit, who *Identity, denial rbac.Decision) {
	if len(denial.ACR) > 0 || denial.MaxAge > 0 {
		g.stepUp(w, r, v, who, denial)
		return
	}
	if failure := lackingScope(v, who, denial); failure != nil {
		g.Fail(w, r, failure)
		return
	}
	if who.known.bearer != nil {
		g.Fail(w, r, &Error{Status: http.StatusForbidden, Message: "The access token is valid, but does not give access to this."})
		return
	}
	g.Fail(w, r, &Error{
		Status:  http.StatusForbidden,
		Message: "You are signed in, but your account does not have access to this page.",
		Link:    g.switchPath(targetOf(v, r)),
	})
}

// lackingScope is the refusal of a program that could do with more scopes; nil
// where they are not what it is about.
func lackingScope(v *visit, who *Identity, denial rbac.Decision) *Error {
	refusal := &oidc.Refusal{Code: oidc.InsufficientScope, Scopes: denial.Scopes}
	message := "This sign-in lacks a scope that this needs."
	token := who.known.bearer
	switch {
	case len(denial.Scopes) == 0, token == nil && (v == nil || !v.program):
		return nil
	case token != nil:
		refusal.Scheme = token.Scheme()
		message = "The access token lacks a scope that this needs."
	}
	return &Error{Status: http.StatusForbidden, Message: message, Cause: refusal}
}

func targetOf(v *visit, r *http.Request) string {
	if v != nil {
		return v.target
	}
	return pageOf(r)
}

// pageOf is where the browser is, by the path that it asked for: r.URL has lost
// some of it below http.StripPrefix.
func pageOf(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}
