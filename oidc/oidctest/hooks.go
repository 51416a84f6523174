package oidctest

import (
	"net/url"
	"slices"
	"sync"
)

// hooks are functions registered under a name, in the order of their coming.
type hooks[F any] struct {
	mu      sync.Mutex
	entries []*hook[F]
}

type hook[F any] struct {
	name string
	f    F
}

// add registers f, and returns what takes it out again.
func (h *hooks[F]) add(name string, f F) (remove func()) {
	entry := &hook[F]{name, f}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries = append(h.entries, entry)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.entries = slices.DeleteFunc(h.entries, func(e *hook[F]) bool { return e == entry })
	}
}

// of returns the functions registered under any of names.
func (h *hooks[F]) of(names ...string) []F {
	h.mu.Lock()
	defer h.mu.Unlock()
	var fs []F
	for _, entry := range h.entries {
		if slices.Contains(names, entry.name) {
			fs = append(fs, entry.f)
		}
	}
	return fs
}

// The tokens that can be changed before they are signed.
const (
	idToken       = "id_token"
	accessToken   = "access_token"
	userinfoToken = "userinfo"
)

// Intercept puts fault in front of an endpoint: one of the ready-made ones, or
// any middleware. The latest comes first. By then r.PostForm is parsed, and the
// request counted. The returned function takes it out again.
func (p *Provider) Intercept(e Endpoint, fault Fault) (remove func()) {
	return p.faults.add(string(e), fault)
}

// OnAnswer has change applied to every document with which Discovery, JWKS,
// Token, Userinfo or Introspection is about to answer a request that it grants.
// The returned function takes it out again, here as for all the other hooks.
func (p *Provider) OnAnswer(e Endpoint, change func(document map[string]any)) (remove func()) {
	return p.answers.add(string(e), change)
}

// OnIDToken has change applied to every ID token before it is signed.
func (p *Provider) OnIDToken(change func(*JWT)) (remove func()) {
	return p.tokens.add(idToken, change)
}

// OnAccessToken has change applied to every JWT access token before it is signed.
func (p *Provider) OnAccessToken(change func(*JWT)) (remove func()) {
	return p.tokens.add(accessToken, change)
}

// OnUserinfoToken has change applied to every signed userinfo answer before it
// is signed. See Config.SignedUserinfo.
func (p *Provider) OnUserinfoToken(change func(*JWT)) (remove func()) {
	return p.tokens.add(userinfoToken, change)
}

// OnCallback has change applied to the parameters of every authorization
// response, also of error responses, before they are sent to the redirect URI.
func (p *Provider) OnCallback(change func(url.Values)) (remove func()) {
	return p.callbacks.add("", change)
}

// sign applies the hooks for tokens of that kind, and signs.
func (p *Provider) sign(kind string, t *JWT) string {
	for _, change := range p.tokens.of(kind) {
		change(t)
	}
	return t.Sign()
}
