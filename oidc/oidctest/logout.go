package oidctest

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// SID returns the sid of the session that [Provider.SignIn] began last, empty
// when there is none.
func (p *Provider) SID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// LogoutToken returns an honest logout token for a client (OpenID Connect
// Back-Channel Logout 1.0 §2.4), to be changed and signed. subject or sid may be
// empty, and is left out then. It is good for two minutes.
func (p *Provider) LogoutToken(clientID, subject, sid string) *JWT {
	now := p.now()
	t := p.NewJWT(map[string]any{
		"iss":    p.Issuer(),
		"aud":    clientID,
		"iat":    now.Unix(),
		"exp":    now.Add(2 * time.Minute).Unix(),
		"jti":    rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	})
	t.Header["typ"] = "logout+jwt"
	for name, value := range map[string]string{"sub": subject, "sid": sid} {
		if value != "" {
			t.Claims[name] = value
		}
	}
	if c, ok := p.client(clientID); ok && isHMAC(p.settings().Algorithm) {
		t.SignWith(HMACKey(p.settings().Algorithm, []byte(c.Secret)))
	}
	return t
}

// notify tells the client that a session has ended, before the request that ends
// it is answered: providers do, and the client must not wait for that request.
func (p *Provider) notify(ctx context.Context, c Client, s session) {
	if c.BackchannelLogoutURI == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	form := url.Values{"logout_token": {p.LogoutToken(c.ID, s.subject, s.id).Sign()}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackchannelLogoutURI, strings.NewReader(form.Encode()))
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if res, err := http.DefaultClient.Do(r); err == nil {
		res.Body.Close()
	}
}
