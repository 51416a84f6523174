package oidctest

import (
	"crypto"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
)

// Client is a registered relying party.
type Client struct {
	ID string
	// Secret is empty for a public client.
	Secret string
	// RedirectURIs are compared exactly (RFC 9700 §2.1). Nil: any absolute URI.
	RedirectURIs []string
	// PostLogoutRedirectURIs are compared exactly. Nil: any absolute URI.
	PostLogoutRedirectURIs []string
	// BackchannelLogoutURI is told when the end-session endpoint ends a session
	// (OpenID Connect Back-Channel Logout 1.0 §2.5). Empty: it isn't.
	BackchannelLogoutURI string
	// Auth is the one method accepted at the token endpoint, client_secret_basic
	// or client_secret_post. Empty: both.
	Auth string
	// PublicKey, in place of a Secret, verifies the client's assertions
	// (private_key_jwt, RFC 7523 §2.2): an ECDSA, Ed25519 or RSA key.
	PublicKey crypto.PublicKey
}

// AddClient registers c, in place of one with the same ID.
func (p *Provider) AddClient(c Client) {
	p.tell("client_secret", c.Secret)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients[c.ID] = c
}

// client looks up a registered client.
func (p *Provider) client(id string) (Client, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.clients[id]
	return c, ok
}

// registered tells whether uri is one of list, or absolute where there is none.
func registered(list []string, uri string) bool {
	if list != nil {
		return slices.Contains(list, uri)
	}
	u, err := url.Parse(uri)
	return err == nil && u.IsAbs() && u.Fragment == ""
}

// authenticate finds out which client sends r, by one method only (RFC 6749 §2.3).
func (p *Provider) authenticate(r *http.Request) (Client, error) {
	id, secret, method := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"), "none"
	if secret != "" {
		method = "client_secret_post"
	}
	if user, password, ok := r.BasicAuth(); ok {
		if method != "none" {
			return Client{}, refuse(http.StatusBadRequest, "invalid_request", "more than one way of client authentication")
		}
		// Both are form-encoded before base64 (RFC 6749 §2.3.1).
		decodedID, errID := url.QueryUnescape(user)
		decodedSecret, errSecret := url.QueryUnescape(password)
		if errID != nil || errSecret != nil || (id != "" && id != decodedID) {
			return Client{}, invalidClient("malformed credentials")
		}
		id, secret, method = decodedID, decodedSecret, "client_secret_basic"
	}
	if assertion := r.PostForm.Get("client_assertion"); assertion != "" {
		if method != "none" {
			return Client{}, refuse(http.StatusBadRequest, "invalid_request", "more than one way of client authentication")
		}
		return p.asserted(assertion, r.PostForm)
	}
	c, ok := p.client(id)
	switch {
	case !ok:
		return Client{}, invalidClient("unknown client")
	case c.PublicKey != nil:
		return Client{}, invalidClient("the client is registered for private_key_jwt")
	case subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1:
		return Client{}, invalidClient("wrong secret")
	case c.Auth != "" && c.Auth != method:
		return Client{}, invalidClient("the client is registered for " + c.Auth)
	}
	return c, nil
}

// confidential tells whether the client can be told from anybody else.
func (c Client) confidential() bool { return c.Secret != "" || c.PublicKey != nil }

func invalidClient(description string) error {
	return refuse(http.StatusUnauthorized, "invalid_client", description)
}
