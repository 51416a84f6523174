package gatehouse

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/refresh"
)

// signInBudget is how long a callback takes at most, whatever the provider does.
const signInBudget = 9 * time.Second

var (
	errFlowGone = errors.New("gatehouse: callback without its flow cookie")
	errSpent    = errors.New("gatehouse: callback used before")
)

// serveCallback receives the provider's answer (OpenID Connect Core 1.0
// §3.1.2.5) and turns it into a session.
func (g *Gate) serveCallback(w http.ResponseWriter, r *http.Request) {
	method := http.MethodGet
	if g.config.ResponseMode == "form_post" {
		method = http.MethodPost
	}
	if used, ok := g.usedAgain(r); ok && method == http.MethodPost {
		g.receiveUsed(w, r, used, g.loginPath(used.returnTo))
		return
	}
	if !allowMethods(w, r, method) {
		g.Fail(w, r, &Error{Status: http.StatusMethodNotAllowed})
		return
	}
	values, err := parameters(w, r)
	if err != nil {
		g.failCallback(w, r, badCallback(err, g.loginPath("")))
		return
	}
	g.receive(w, r, values)
}

// receive checks in the order in which nothing is believed too early: state is
// ours, the flow is this browser's, the answer is the issuer's.
func (g *Gate) receive(w http.ResponseWriter, r *http.Request, values url.Values) {
	answer, err := oidc.ParseCallback(values)
	if err != nil {
		g.failCallback(w, r, badCallback(err, g.loginPath("")))
		return
	}
	came, err := g.flows.open(answer.State)
	if err != nil {
		g.failCallback(w, r, badCallback(err, g.loginPath("")))
		return
	}
	again := g.loginPath(came.returnTo)
	began, ok := g.flows.take(w, r, came)
	switch {
	case !ok && r.Method == http.MethodPost:
		redirect(w, r, r.URL.Path+"?state="+url.QueryEscape(answer.State))
		return
	case !ok:
		g.receiveUsed(w, r, came, again)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), signInBudget)
	defer cancel()
	if err := g.provider.CheckCallback(ctx, answer); err != nil {
		g.logSignIn(r.Context(), nil, err)
		g.Fail(w, r, g.providerFailure(err, again))
		return
	}
	if answer.Error != "" {
		g.failCallback(w, r, providerError(answer.Error, again))
		return
	}
	text, err := g.signIn(ctx, answer.Code, came, began)
	if err != nil {
		g.Fail(w, r, g.signInFailure(err, again))
		return
	}
	g.finish(w, r, text, came.returnTo)
}

// usedAgain returns the state of a callback that was posted again, and came back
// here by a redirect: the POST of another site's form carries no session.
func (g *Gate) usedAgain(r *http.Request) (state, bool) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || r.Method != http.MethodGet || len(values) != 1 || len(values["state"]) != 1 {
		return state{}, false
	}
	came, err := g.flows.open(values.Get("state"))
	return came, err == nil
}

// receiveUsed answers a callback whose flow is gone: somebody went back to it.
// Who is signed in goes on to the page they wanted; nothing is exchanged.
func (g *Gate) receiveUsed(w http.ResponseWriter, r *http.Request, came state, again string) {
	if who, err := g.open(r); who != nil && err == nil {
		redirect(w, r, g.local(came.returnTo))
		return
	}
	failure := badCallback(errFlowGone, again)
	failure.Message = "This sign-in was already used, took too long, or was begun in another browser. Please sign in again."
	g.failCallback(w, r, failure)
}

// failCallback answers a callback that came to nothing before anybody was asked.
func (g *Gate) failCallback(w http.ResponseWriter, r *http.Request, failure *Error) {
	g.logSignIn(r.Context(), nil, failure.Cause)
	g.Fail(w, r, failure)
}

// signIn exchanges the code for a session and returns its sealed text. A
// browser that asks twice while the provider answers gets one session; after
// that the flow is spent.
func (g *Gate) signIn(ctx context.Context, code string, came state, began flow) (string, error) {
	key := refresh.KeyOf([]byte("sign-in"), began.secret[:])
	text, err := g.moments.Do(ctx, key, func(ctx context.Context) (refresh.Result, error) {
		if !g.spent.Spend(came.flow, began.expires()) {
			g.logSignIn(ctx, nil, errSpent)
			return refresh.Result{}, errSpent
		}
		text, err := g.exchange(ctx, code, began)
		return refresh.Result{Value: []byte(text), Expires: g.config.Clock()}, err
	})
	return string(text), err
}

func (g *Gate) exchange(ctx context.Context, code string, began flow) (string, error) {
	asked, then := g.config.Clock(), g.denials.moment()
	grant, err := g.provider.Exchange(ctx, code, began.request())
	if err != nil {
		g.logSignIn(ctx, nil, err)
		return "", err
	}
	s, err := g.newSession(grant, began, asked)
	if err != nil {
		g.logSignIn(ctx, nil, err)
		return "", err
	}
	if err := g.beginAfterRevocations(ctx, &s, grant.IDClaims, then); err != nil {
		g.logSignIn(ctx, &s, err)
		return "", err
	}
	if err := g.admit(ctx, &s, false); err != nil {
		if refuses(err) {
			err = refusal(err)
		}
		g.logSignIn(ctx, &s, err)
		return "", err
	}
	text, err := g.vault.begin(ctx, &s)
	g.logSignIn(ctx, &s, err)
	return text, err
}

// newSession is what a sign-in begins: nothing of an earlier session is in it. It has
// begun when the provider was asked for the tokens, so that whoever is revoked while
// it answers, or while Admit decides, is.
func (g *Gate) newSession(grant *oidc.Grant, began flow, asked time.Time) (session, error) {
	now := g.config.Clock()
	s := session{id: newSessionID(), begun: asked.UnixMilli(), seen: now.Unix(), tokens: grant.Tokens, asked: began.asked}
	if err := s.setLayers(layersAtSignIn(grant)); err != nil {
		return session{}, err
	}
	s.ends = sessionEnd(s.begun, g.config.SessionLifetime, grant.IDClaims)
	if !now.Add(time.Second).Before(time.Unix(s.ends, 0)) { // or in less than a second, which no cookie lives
		return session{}, &Error{Status: http.StatusForbidden, Message: "The sign-in service says that this sign-in is already over."}
	}
	return s, nil
}

// finish hands the session to the browser and sends it on. The one that the browser had
// before it is over, so that whoever planted or saw that has nothing, also once the person
// has signed out, which ends only the session that they have then.
func (g *Gate) finish(w http.ResponseWriter, r *http.Request, text, returnTo string) {
	who, err := g.vault.open(r.Context(), text)
	if who == nil {
		g.Fail(w, r, cmp.Or(err, errSession))
		return
	}
	old, err := g.open(r)
	if name := g.carriedName(r, old); name != "" && name != who.sessionName() {
		g.outdated.replaced(name)
	}
	if old != nil && err == nil && old.session().id != who.session().id {
		g.drop(w, r, old.session())
		g.denyCopies(r.Context(), old.session())
	}
	if err := g.sessions.Put(w, r, text, g.vault.expires(who.session())); err != nil {
		g.Fail(w, r, unsealable(err))
		return
	}
	g.enter(r.Context(), who.session(), whereOf(r))
	redirect(w, r, g.local(returnTo))
}

// signInFailure is an error of a sign-in as an answer.
func (g *Gate) signInFailure(err error, again string) error {
	var decided *Error
	switch {
	case errors.As(err, &decided):
		linked := *decided
		linked.Link = orDefault(decided.Link, again)
		return &linked
	case errors.Is(err, errSpent):
		return &Error{Status: http.StatusBadRequest, Message: "This sign-in was already used. Please sign in again.", Link: again, Cause: err}
	}
	return g.providerFailure(err, again)
}

func badCallback(err error, again string) *Error {
	return &Error{
		Status:  http.StatusBadRequest,
		Message: "This sign-in can't be completed here. Please sign in again.",
		Link:    again,
		Cause:   err,
	}
}
