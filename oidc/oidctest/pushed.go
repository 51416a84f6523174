package oidctest

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// pushed is an authorization request that a client has sent itself.
type pushed struct {
	client  string
	form    url.Values
	expires time.Time
}

const (
	requestURI     = "urn:ietf:params:oauth:request_uri:"
	pushedLifetime = time.Minute
)

// push answers the pushed authorization request endpoint (RFC 9126 §2).
func (p *Provider) push(w http.ResponseWriter, r *http.Request) {
	reference, err := p.keepPushed(w, r)
	if err != nil {
		writeRefusal(w, err)
		return
	}
	document := map[string]any{"request_uri": reference, "expires_in": int64(pushedLifetime / time.Second)}
	for _, change := range p.answers.of(string(PushedRequest)) {
		change(document)
	}
	writeJSON(w, http.StatusCreated, document)
}

func (p *Provider) keepPushed(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.Method != http.MethodPost {
		return "", refuse(http.StatusMethodNotAllowed, "invalid_request", "POST only")
	}
	c, err := p.authenticate(r)
	if err != nil {
		return "", err
	}
	form := maps.Clone(r.PostForm)
	delete(form, "client_secret")
	if form.Get("client_id") != c.ID || form.Has("request_uri") {
		return "", invalidRequest("client_id is required, request_uri is not allowed")
	}
	a, err := p.readAddressee(form)
	if err != nil {
		return "", err
	}
	if err := p.readRequest(form, &a); err != nil {
		return "", err
	}
	jkt, err := p.proof(w, r, PushedRequest, "")
	if err != nil {
		return "", err
	}
	if jkt != "" { // as good as dpop_jkt (RFC 9449 §10.1)
		if a.jkt != "" && a.jkt != jkt {
			return "", invalidProof("another key than dpop_jkt says")
		}
		form.Set("dpop_jkt", jkt)
	}
	reference := requestURI + rand.Text()
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.pushed, func(_ string, old pushed) bool { return !now.Before(old.expires) })
	p.pushed[reference] = pushed{c.ID, form, now.Add(pushedLifetime)}
	return reference, nil
}

// resolve returns the parameters of an authorization request: its own, or those
// that its request_uri stands for, and nothing else.
func (p *Provider) resolve(form url.Values) (url.Values, error) {
	reference := form.Get("request_uri")
	if reference == "" {
		return form, nil
	}
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.pushed[reference]
	if !ok || !now.Before(found.expires) || !slices.Equal(form["client_id"], []string{found.client}) {
		return nil, refuse(http.StatusBadRequest, "invalid_request_uri", "unknown request_uri, or of another client")
	}
	return found.form, nil
}
