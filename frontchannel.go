package gatehouse

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
)

// frontchannelPolicy lets anybody frame the page, as the provider must.
const frontchannelPolicy = "default-src 'none'; base-uri 'none'"

var errFrontchannel = errors.New("gatehouse: a front-channel logout names the issuer and a session there, each once")

// serveFrontchannelLogout is what the provider loads in a frame when somebody
// signs out there (OpenID Connect Front-Channel Logout 1.0 §2). The frame seldom
// carries cookies, so the session is found by its sid. Who knows that may be
// anybody who has seen it, and whoever doesn't can't guess it: guesses, of which there
// may be very many, are kept apart from a sid that this process has seen.
func (g *Gate) serveFrontchannelLogout(w http.ResponseWriter, r *http.Request) {
	if !allowMethods(w, r, http.MethodGet) { // to look is to sign out
		g.Fail(w, r, &Error{Status: http.StatusMethodNotAllowed})
		return
	}
	g.pages.headers(w)
	w.Header().Set("Content-Security-Policy", frontchannelPolicy)
	if err := g.receiveFrontchannel(w, r); err != nil {
		g.event(r.Context(), slog.LevelWarn, "front-channel logout", "failed", err.Error(), nil)
		writeJSON(w, "application/json", http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte("<!doctype html><title>Signed out</title>\n"))
}

func (g *Gate) receiveFrontchannel(w http.ResponseWriter, r *http.Request) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	sid := values.Get("sid")
	if len(values["iss"]) != 1 || len(values["sid"]) != 1 || values.Get("iss") != g.config.Issuer ||
		sid == "" || len(sid) > 255 {
		return errFrontchannel
	}
	ctx, now, name := r.Context(), g.config.Clock(), g.names.sid(sid)
	who, err := g.open(r)
	own := err == nil && who != nil && who.String("sid") == sid
	if own {
		g.drop(w, r, who.session())
	}
	if own || g.directory.knows(name) { // no stranger's guess, and so not to be lost among those
		return g.denials.add(ctx, name, now, g.copiesGone(now))
	}
	return g.denials.addStranger(ctx, name, now, g.copiesGone(now))
}
