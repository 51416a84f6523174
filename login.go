package gatehouse

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/fetchmeta"
	"github.com/gatehouse-go/gatehouse/internal/returnto"
)

// Login is one sign-in to be begun; the zero value is an ordinary one. What it
// leaves out comes from [Config].
type Login struct {
	// ReturnTo is the local path to come back to; anything that isn't local
	// counts as [Config.AfterLogin].
	ReturnTo string
	// Prompt, LoginHint, MaxAge and ACRValues are the parameters of OpenID
	// Connect Core 1.0 §3.1.2.1. A MaxAge of 0 or less asks for a fresh sign-in.
	Prompt    string
	LoginHint string
	MaxAge    *time.Duration
	ACRValues []string
	// Params are further parameters; those of the protocol can't be replaced, nor
	// max_age, response_mode and scope be set.
	Params url.Values

	asked asked // by the sign-ins that this one steps up from
}

// Login sends the browser to the provider. Handlers call it to begin a sign-in
// with parameters of their own; everything else is what [Gate.RequireLogin]
// does by itself.
func (g *Gate) Login(w http.ResponseWriter, r *http.Request, login Login) {
	if g.provider == nil {
		g.Fail(w, r, &Error{Status: http.StatusInternalServerError, Cause: errSignsNobodyIn})
		return
	}
	target, err := g.begin(w, r, login)
	if err != nil {
		g.Fail(w, r, g.providerFailure(err, g.loginPath(login.ReturnTo)))
		return
	}
	redirect(w, r, target)
}

// begin returns the provider's address. The flow cookie is set once there is
// somewhere to go.
func (g *Gate) begin(w http.ResponseWriter, r *http.Request, login Login) (string, error) {
	began := newFlow(g.config.Clock(), g.maxAge(login))
	began.bound = g.config.DPoP
	sealed, err := g.flows.seal(began, g.local(login.ReturnTo))
	if err != nil {
		return "", err
	}
	request := began.request()
	request.State = sealed
	request.Prompt = orDefault(login.Prompt, g.config.Prompt)
	request.LoginHint = login.LoginHint
	request.ACRValues = login.ACRValues
	if len(request.ACRValues) == 0 {
		request.ACRValues = g.config.ACRValues
	}
	began.asked = login.asked.with(request.ACRValues)
	request.Params = mergeParams(g.config.AuthParams, login.Params)
	target, err := g.provider.AuthCodeURL(r.Context(), request)
	if err != nil {
		return "", err
	}
	return target, g.flows.keep(w, r, began, r.Method == http.MethodPost && !g.sameOrigin(r))
}

// maxAge is the max_age to send; nil sends none.
func (g *Gate) maxAge(login Login) *time.Duration {
	asked := login.MaxAge
	if asked == nil && g.config.MaxAge != 0 {
		asked = &g.config.MaxAge
	}
	if asked == nil {
		return nil
	}
	held := max(*asked, 0)
	return &held
}

func mergeParams(configured, called url.Values) url.Values {
	merged := url.Values{}
	for name, values := range configured {
		merged[name] = values
	}
	for name, values := range called {
		merged[name] = values
	}
	return merged
}

// serveLogin begins a sign-in, the application's own or one that a third party
// initiates (OpenID Connect Core 1.0 §4).
func (g *Gate) serveLogin(w http.ResponseWriter, r *http.Request) {
	if !allowMethods(w, r, http.MethodGet, http.MethodHead, http.MethodPost) {
		g.Fail(w, r, &Error{Status: http.StatusMethodNotAllowed})
		return
	}
	if r.Method == http.MethodHead || fetchmeta.Unseen(r) {
		// Nobody is looking, so nobody can sign in.
		g.Fail(w, r, &Error{Status: http.StatusUnauthorized, Message: "Open this address in a browser window to sign in.", Link: g.loginPath("")})
		return
	}
	values, err := parameters(w, r)
	if err != nil {
		g.Fail(w, r, &Error{Status: http.StatusBadRequest, Message: "This sign-in link is not complete.", Cause: err})
		return
	}
	login, err := g.loginFrom(values)
	if err != nil {
		g.Fail(w, r, err)
		return
	}
	g.Login(w, r, login)
}

// loginFrom reads what a link may ask for. A link is anybody's, so it can ask
// for a stronger sign-in than configured, never for a weaker one.
func (g *Gate) loginFrom(values url.Values) (Login, error) {
	if err := checkLink(values); err != nil {
		return Login{}, &Error{Status: http.StatusBadRequest, Message: "This sign-in link is not complete.", Cause: err}
	}
	login := Login{
		ReturnTo:  values.Get("return_to"),
		LoginHint: values.Get("login_hint"),
	}
	if values.Has("iss") || values.Has("target_link_uri") {
		if values.Get("iss") != g.config.Issuer {
			return Login{}, &Error{
				Status:  http.StatusBadRequest,
				Message: "This sign-in link is for another sign-in service.",
				Cause:   errors.New("gatehouse: third-party-initiated login with a foreign iss"),
			}
		}
		login.ReturnTo = strings.TrimPrefix(values.Get("target_link_uri"), g.config.BaseURL)
	}
	if g.config.Prompt == "" {
		login.Prompt = values.Get("prompt")
	}
	if len(g.config.ACRValues) == 0 {
		login.ACRValues = strings.Fields(values.Get("acr_values"))
	}
	if text := values.Get("max_age"); text != "" {
		asked, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return Login{}, &Error{Status: http.StatusBadRequest, Message: "This sign-in link is not complete.", Cause: err}
		}
		maxAge := time.Duration(asked) * time.Second
		if g.config.MaxAge == 0 || maxAge < max(g.config.MaxAge, 0) {
			login.MaxAge = &maxAge
		}
	}
	if sealed := values.Get("step_up"); sealed != "" {
		if err := g.readStepUp(sealed, &login); err != nil {
			return Login{}, &Error{Status: http.StatusBadRequest, Message: "This sign-in link is not complete.", Cause: err}
		}
	}
	return login, nil
}

// maxHint bounds what a link may have passed on to the provider.
const maxHint = 2048

// checkLink refuses parameters that stand twice, of which everybody would read
// another one (RFC 6749 §3.1), and those too long for an address.
func checkLink(values url.Values) error {
	for _, name := range []string{"return_to", "iss", "target_link_uri", "login_hint", "prompt", "max_age", "acr_values"} {
		switch given := values[name]; {
		case len(given) > 1:
			return fmt.Errorf("gatehouse: login: %s stands %d times", name, len(given))
		case len(given) == 1 && len(given[0]) > maxHint && name != "return_to" && name != "target_link_uri":
			return fmt.Errorf("gatehouse: login: %s is too long", name)
		}
	}
	return nil
}

// local returns where a sign-in leads to: a local path that is none of our own
// endpoints, or the default page.
func (g *Gate) local(returnTo string) string {
	path, ok := returnto.Local(returnTo)
	if !ok || !g.leadsOn(path) {
		return g.config.AfterLogin
	}
	return path
}

// leadsOn reports whether a local address is one to come back to. Of our own
// endpoints, only the list of sessions is.
func (g *Gate) leadsOn(address string) bool {
	endpoint, ours := g.endpoints.at(address)
	return !ours || endpoint == g.sessionsPath()
}

// loginPath is the local address that begins a sign-in and returns to target.
func (g *Gate) loginPath(target string) string {
	path := g.config.AuthPath + "/login"
	if local, ok := returnto.Local(target); !ok || local == g.config.AfterLogin || !g.leadsOn(local) {
		return path
	} else {
		return path + "?return_to=" + url.QueryEscape(local)
	}
}

// switchPath is loginPath for somebody who is signed in and needs to be somebody
// else: the provider asks, rather than answer with the same person at once.
func (g *Gate) switchPath(target string) string {
	return addParameter(g.loginPath(target), "prompt", "login")
}

// challengeAnonymous sends a navigating browser to the provider. Everybody else
// is told where to sign in, because following a redirect there would not help a
// program, and would lose the body of a POST.
func (g *Gate) challengeAnonymous(w http.ResponseWriter, r *http.Request, v *visit) {
	cause := g.unheeded(r, v)
	switch {
	case g.sessions == nil:
		g.Fail(w, r, &Error{Status: http.StatusUnauthorized, Message: "Send an access token for this API in the Authorization header.", Cause: cause})
	case !v.program && fetchmeta.TopLevel(r):
		g.Login(w, r, Login{ReturnTo: v.target})
	case !v.program && r.Method != http.MethodGet && r.Method != http.MethodHead:
		if !fetchmeta.Form(r) {
			program := *v
			program.program = true
			r = r.WithContext(&program)
		}
		g.Fail(w, r, &Error{
			Status:  http.StatusUnauthorized,
			Message: "You are not signed in, so what you sent was not processed. Sign in, go back, and send it again.",
			Link:    g.loginPath(""),
			Cause:   cause,
		})
	case v.program:
		g.Fail(w, r, &Error{Status: http.StatusUnauthorized, Message: "Sign in to continue.", Link: g.loginPath(""), Cause: cause})
	default:
		g.Fail(w, r, &Error{Status: http.StatusUnauthorized, Message: "Sign in to continue.", Link: g.loginPath(v.target), Cause: cause})
	}
}
