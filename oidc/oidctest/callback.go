package oidctest

import (
	"html/template"
	"net/http"
	"net/url"
)

// sendCode sends the browser back with a code for the user of s.
func (p *Provider) sendCode(w http.ResponseWriter, a authRequest, s session) {
	p.sendCallback(w, a, url.Values{"code": {p.allow(a, s)}})
}

// sendError sends the browser back with an error (OpenID Connect Core §3.1.2.6).
func (p *Provider) sendError(w http.ResponseWriter, a authRequest, err error) {
	e := asRefusal(err)
	p.sendCallback(w, a, url.Values{"error": {e.code}, "error_description": {e.description}})
}

// sendCallback sends the authorization response in the mode that was asked for.
func (p *Provider) sendCallback(w http.ResponseWriter, a authRequest, values url.Values) {
	if a.state != "" {
		values.Set("state", a.state)
	}
	if !p.settings().OmitCallbackIss {
		values.Set("iss", p.Issuer()) // RFC 9207 §2
	}
	for _, change := range p.callbacks.of("") {
		change(values)
	}
	p.tellValues(values)
	if a.responseMode == "form_post" {
		postPage(w, a.redirectURI, values)
		return
	}
	redirect(w, a.redirectURI, values)
}

// redirect sends the browser to uri with these parameters added.
func redirect(w http.ResponseWriter, uri string, values url.Values) {
	u, err := url.Parse(uri)
	if err != nil {
		http.Error(w, "oidctest: "+err.Error(), http.StatusBadRequest)
		return
	}
	if query := values.Encode(); u.RawQuery == "" {
		u.RawQuery = query
	} else if query != "" {
		u.RawQuery += "&" + query // a registered query stays (RFC 6749 §3.1.2)
	}
	w.Header().Set("Location", u.String())
	w.WriteHeader(http.StatusSeeOther)
}

// postPage has the browser post the parameters (OAuth 2.0 Form Post Response Mode §2).
func postPage(w http.ResponseWriter, uri string, values url.Values) {
	writePage(w, `<!doctype html><meta charset="utf-8"><title>Signing in</title>
<body onload="document.forms[0].submit()">
<form method="post" action="{{.Action}}">
{{range $name, $values := .Values}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end}}<noscript><button>Continue</button></noscript></form></body>
`, uri, values)
}

// showForm asks who is there. It posts the request once more, with a subject.
func showForm(w http.ResponseWriter, request url.Values) {
	writePage(w, `<!doctype html><meta charset="utf-8"><title>Sign in</title>
<h1>Sign in</h1>
<form method="post" action="{{.Action}}">
{{range $name, $values := .Values}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end}}<label>Subject <input name="subject" required autofocus></label>
<button>Sign in</button></form>
`, "?", request)
}

// writePage answers a page with a form.
func writePage(w http.ResponseWriter, page, action string, values url.Values) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// An error here is a client that went away.
	_ = template.Must(template.New("").Parse(page)).Execute(w, map[string]any{
		"Action": action,
		"Values": map[string][]string(values),
	})
}
