package oidctest

import (
	"bytes"
	"encoding/json"
	"time"
)

// User is somebody with an account at the provider.
type User struct {
	// Subject is the sub.
	Subject string
	// Claims are said of the user in ID tokens and at userinfo. Values are what
	// encoding/json can encode. Claims of the protocol (iss, sub, aud, exp …)
	// can't be set here; use [Provider.OnIDToken].
	Claims map[string]any
	// UserinfoClaims are said at userinfo alone.
	UserinfoClaims map[string]any
	// AccessClaims are said in JWT access tokens alone.
	AccessClaims map[string]any
	// ACR is the acr of ID tokens. Empty: the first of the request's
	// acr_values, and none where it asks for none.
	ACR string
	// AMR is the amr of ID tokens.
	AMR []string
	// AuthTime is when the user signed in at the provider. Zero: now.
	AuthTime time.Time
}

// PutUser records what is known of u from now on, in place of what was: the next
// login, renewal and userinfo say it. It signs nobody in.
func (p *Provider) PutUser(u User) {
	u = u.clone()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users[u.Subject] = u
}

// user returns a copy of what is known of subject, who may be a stranger.
func (p *Provider) user(subject string) User {
	p.mu.Lock()
	u := p.users[subject]
	p.mu.Unlock()
	u.Subject = subject
	return u.clone()
}

// clone copies the claims in depth: neither the test's maps nor what a hook
// changes may be shared between requests.
func (u User) clone() User {
	u.Claims = cloneClaims(u.Claims)
	u.UserinfoClaims = cloneClaims(u.UserinfoClaims)
	u.AccessClaims = cloneClaims(u.AccessClaims)
	return u
}

func cloneClaims(claims map[string]any) map[string]any {
	clone := map[string]any{}
	if len(claims) == 0 {
		return clone
	}
	decoder := json.NewDecoder(bytes.NewReader(marshal(claims)))
	decoder.UseNumber() // large integers keep their digits
	if err := decoder.Decode(&clone); err != nil {
		panic("oidctest: " + err.Error())
	}
	return clone
}
