package gatehouse

import (
	"net/http"
	"time"
)

// sessionInfo is what /session tells a page's own scripts.
type sessionInfo struct {
	Subject        string         `json:"sub"`
	Issuer         string         `json:"iss"`
	Claims         map[string]any `json:"claims"`
	ExpiresIn      int64          `json:"expires_in"`       // seconds until the session ends, if nobody uses it
	TokenExpiresIn int64          `json:"token_expires_in"` // seconds until the access token expires
	LogoutURL      string         `json:"logout_url"`
}

// serveSession tells single-page applications who is signed in; 401 when nobody
// is. It renews what is due, but asking doesn't count as use of the session.
func (g *Gate) serveSession(w http.ResponseWriter, r *http.Request) {
	if !allowMethods(w, r, http.MethodGet, http.MethodHead) {
		g.Fail(w, r, &Error{Status: http.StatusMethodNotAllowed})
		return
	}
	w, r = g.establish(w, r, true)
	v := g.visit(r.Context())
	switch {
	case v.failure != nil:
		g.Fail(w, r, v.failure)
		return
	case v.identity == nil || v.bearer: // an access token has no session
		g.challengeAnonymous(w, r, v)
		return
	}
	who, now := v.identity, g.config.Clock()
	g.pages.headers(w)
	writeJSON(w, "application/json", http.StatusOK, sessionInfo{
		Subject:        who.Subject(),
		Issuer:         who.Issuer(),
		Claims:         who.Claims(),
		ExpiresIn:      secondsLeft(now, g.unusedUntil(who.session())),
		TokenExpiresIn: secondsLeft(now, who.Expires()),
		LogoutURL:      g.config.BaseURL + g.config.AuthPath + "/logout",
	})
}

func secondsLeft(now, then time.Time) int64 {
	return max(int64(then.Sub(now)/time.Second), 0)
}
