package gatehouse

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/fetchmeta"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/refresh"
)

// revokeBudget is how long a sign-out waits for each answer of the provider.
const revokeBudget = 3 * time.Second

// serveLogout signs out here and at the provider (OpenID Connect RP-Initiated
// Logout 1.0). Only the person may do so: a request from another site changes
// nothing.
func (g *Gate) serveLogout(w http.ResponseWriter, r *http.Request) {
	switch {
	case !allowMethods(w, r, http.MethodGet, http.MethodHead, http.MethodPost):
		g.Fail(w, r, &Error{Status: http.StatusMethodNotAllowed})
	case r.Method == http.MethodPost && !g.sameOrigin(r):
		g.Fail(w, r, &Error{Status: http.StatusForbidden, Message: "Another site asked to sign you out. You are still signed in."})
	case r.Method != http.MethodPost && !(fetchmeta.TopLevel(r) && r.Header.Get("Sec-Fetch-Site") == "same-origin"):
		g.pages.headers(w)
		g.pages.show(w, http.StatusOK, page{
			Title:   "Sign out?",
			Message: "You will be signed out here and at your sign-in service.",
			Action:  g.config.AuthPath + "/logout",
			Label:   "Sign out",
			Other:   "Stay signed in",
		})
	default:
		g.signOut(w, r, g.newest(r))
	}
}

// sameOrigin accepts what a browser says comes from this very site, and clients
// that say nothing at all, which are no browsers and carry no one else's
// cookies.
func (g *Gate) sameOrigin(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return true
	}
	return fetchmeta.SameOrigin(r, g.config.BaseURL)
}

// signOut ends a session here and at the provider, and sends the browser on.
func (g *Gate) signOut(w http.ResponseWriter, r *http.Request, latest newest) {
	g.sessions.Clear(w, r)
	target := g.config.AfterLogout
	for _, key := range latest.keys {
		g.renewals.Forget(key)
	}
	if s := latest.session; s != nil {
		g.outdated.signedOut(g.nameOf(s))
		g.drop(w, r, s)
		g.denySignedOut(r, g.nameOf(s), s)
		g.logSignOut(r.Context(), s, "")
		g.revoke(r, s)
	}
	if latest.session != nil || latest.unread {
		if end, ok := g.endSession(r, latest.session); ok {
			target = end
		}
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		// A fetch() can't follow a redirect to the provider; its page can.
		g.pages.headers(w)
		writeJSON(w, "application/json", http.StatusOK, map[string]string{"logout_url": target})
		return
	}
	redirect(w, r, target)
}

// denySignedOut has every copy of the cookie be worth nothing, wherever the session is
// kept: s is nil where that can't be read.
func (g *Gate) denySignedOut(r *http.Request, name string, s *session) {
	if name == "" {
		return
	}
	if err := g.denySession(r.Context(), name, s.beganAt()); err != nil { // this process obeys it even so
		g.event(r.Context(), slog.LevelError, "sign-out", "incomplete", err.Error(), s)
	}
}

// newest is the session of a request, or the renewal of it that the browser has
// not presented yet.
type newest struct {
	session *session      // nil: none, or none that can be opened now
	unread  bool          // the latter
	keys    []refresh.Key // of it and of those that led to it
}

func (g *Gate) newest(r *http.Request) newest {
	who, err := g.open(r)
	if err != nil { // signed out all the same, as soon as anybody can tell
		text, _ := g.sessions.Text(r)
		g.denySignedOut(r, g.vault.name(text), nil)
	}
	if who == nil {
		return newest{unread: err != nil}
	}
	var keys []refresh.Key
	for range hops {
		key := who.session().key()
		keys = append(keys, key)
		value, ok := g.renewals.Lookup(key)
		if !ok {
			break
		}
		if renewed := g.vault.reopen(r.Context(), who.session(), value); renewed != nil {
			who = renewed
		}
	}
	return newest{session: who.session(), keys: keys}
}

// revoke ends the refresh token at the provider (RFC 7009). Signing out doesn't
// depend on it.
func (g *Gate) revoke(r *http.Request, s *session) {
	ctx, cancel := context.WithTimeout(r.Context(), revokeBudget)
	defer cancel()
	if err := g.provider.Revoke(ctx, s.tokens); err != nil {
		g.event(ctx, slog.LevelWarn, "revocation", "failed", err.Error(), s)
	}
}

// endSession returns where the person signs out at the provider. Of a session that
// can't be opened now there is no token for a hint, and the provider may ask.
func (g *Gate) endSession(r *http.Request, s *session) (string, bool) {
	var hint string
	if s != nil {
		hint = s.tokens.IDToken()
	}
	ctx, cancel := context.WithTimeout(r.Context(), revokeBudget)
	defer cancel()
	target, ok, err := g.provider.EndSessionURL(ctx, oidc.EndSession{
		IDToken:               hint,
		PostLogoutRedirectURI: g.config.BaseURL + g.config.AfterLogout,
		State:                 rand.Text(),
	})
	if err != nil {
		g.event(ctx, slog.LevelWarn, "end-session", "failed", err.Error(), s)
	}
	return target, ok && err == nil
}
