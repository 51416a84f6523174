package oidctest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// authRequest is an authentication request (OpenID Connect Core §3.1.2.1).
type authRequest struct {
	client       Client
	redirectURI  string
	state        string
	nonce        string
	challenge    string
	scope        []string
	prompt       []string
	maxAge       time.Duration
	hasMaxAge    bool
	acrValues    []string
	audience     []string
	responseMode string
	jkt          string // dpop_jkt
}

// authorize answers with a code for whoever is signed in, or asks who it is.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	form, err := p.resolve(r.Form)
	var a authRequest
	if err == nil {
		a, err = p.readAddressee(form)
	}
	if err != nil {
		// There is nobody to send the error to (RFC 6749 §4.1.2.1).
		http.Error(w, "oidctest: "+err.Error(), http.StatusBadRequest)
		return
	}
	if err := p.readRequest(form, &a); err != nil {
		p.sendError(w, a, err)
		return
	}
	if p.settings().RequirePushed && !r.Form.Has("request_uri") {
		p.sendError(w, a, invalidRequest("authorization requests must be pushed"))
		return
	}
	if subject := r.PostForm.Get("subject"); subject != "" {
		p.sendCode(w, a, p.signInHere(w, r, subject))
		return
	}
	s, ok := p.signedIn(r)
	none := slices.Contains(a.prompt, "none")
	switch {
	case ok && !p.stale(a, s):
		p.sendCode(w, a, s)
	case none:
		p.sendError(w, a, refuse(http.StatusBadRequest, "login_required", "nobody is signed in"))
	case ok:
		p.sendCode(w, a, p.authenticateAgain(s))
	default:
		showForm(w, r.Form)
	}
}

// stale tells whether the request asks for a newer authentication.
func (p *Provider) stale(a authRequest, s session) bool {
	return slices.Contains(a.prompt, "login") ||
		a.hasMaxAge && p.now().Sub(s.authTime) > a.maxAge
}

// readAddressee reads who asks and where the answer goes, before anything is sent there.
func (p *Provider) readAddressee(form url.Values) (authRequest, error) {
	c, ok := p.client(form.Get("client_id"))
	if !ok {
		return authRequest{}, refuse(http.StatusBadRequest, "invalid_client", "unknown client_id")
	}
	a := authRequest{
		client:       c,
		redirectURI:  form.Get("redirect_uri"),
		state:        form.Get("state"),
		responseMode: form.Get("response_mode"),
	}
	if !registered(c.RedirectURIs, a.redirectURI) {
		return authRequest{}, invalidRequest("redirect_uri is not registered")
	}
	return a, once(form)
}

// readRequest reads and checks the rest.
func (p *Provider) readRequest(form url.Values, a *authRequest) error {
	a.nonce = form.Get("nonce")
	a.challenge = form.Get("code_challenge")
	a.scope = strings.Fields(form.Get("scope"))
	a.prompt = strings.Fields(form.Get("prompt"))
	config := p.settings()
	if !config.IgnoreACR {
		a.acrValues = strings.Fields(form.Get("acr_values"))
	}
	a.audience = audienceOf(form)
	a.jkt = form.Get("dpop_jkt")
	if text := form.Get("max_age"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return invalidRequest("max_age is not a number of seconds")
		}
		a.maxAge, a.hasMaxAge = time.Duration(seconds)*time.Second, !config.IgnoreMaxAge
	}
	switch {
	case form.Get("response_type") != "code":
		return refuse(http.StatusBadRequest, "unsupported_response_type", "only code is supported")
	case a.responseMode != "" && a.responseMode != "query" && a.responseMode != "form_post":
		return invalidRequest("response_mode is not supported")
	case slices.Contains(a.prompt, "none") && len(a.prompt) > 1:
		return invalidRequest("prompt=none stands alone")
	case a.challenge == "" && !config.PKCEOptional:
		return invalidRequest("code_challenge is required")
	case a.challenge != "" && form.Get("code_challenge_method") != "S256":
		return invalidRequest("code_challenge_method must be S256")
	}
	return nil
}

// once refuses repeated parameters (RFC 6749 §3.1), but for resource (RFC 8707 §2).
func once(form url.Values) error {
	for name, values := range form {
		if len(values) > 1 && name != "resource" && name != "audience" {
			return invalidRequest("parameter " + name + " is repeated")
		}
	}
	return nil
}

func invalidRequest(description string) error {
	return refuse(http.StatusBadRequest, "invalid_request", description)
}
