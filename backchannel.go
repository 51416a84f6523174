package gatehouse

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gatehouse-go/gatehouse/oidc"
)

var (
	errNotPosted = errors.New("gatehouse: a logout token is posted, once, as logout_token")
	errReplayed  = errors.New("gatehouse: the logout token was received before, by another process")
)

// serveBackchannelLogout receives word from the provider that somebody signed out
// there (OpenID Connect Back-Channel Logout 1.0 §2.5). The answer is 200 when
// their sessions are over here, or were, and 400 in every other case (§2.8).
func (g *Gate) serveBackchannelLogout(w http.ResponseWriter, r *http.Request) {
	g.pages.headers(w)
	if err := g.receiveLogout(w, r); err != nil {
		g.event(r.Context(), slog.LevelWarn, "back-channel logout", "failed", err.Error(), nil)
		writeJSON(w, "application/json", http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (g *Gate) receiveLogout(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return errNotPosted
	}
	values, err := parameters(w, r)
	if err != nil {
		return err
	}
	if len(values["logout_token"]) != 1 {
		return errNotPosted
	}
	return g.provider.ReceiveLogout(r.Context(), values.Get("logout_token"), g.obeyLogout)
}

// obeyLogout ends what the token means: the session it names, or, where it names
// none, every session of the user. A session that has no sid can only be meant
// by its user.
func (g *Gate) obeyLogout(ctx context.Context, logout oidc.Logout) error {
	now := g.config.Clock()
	err := g.receivedOnce(ctx, logout)
	if errors.Is(err, errReplayed) {
		return err
	}
	unasked := err // obeyed here all the same
	if logout.SID == "" {
		err = g.revokeUser(ctx, logout.Subject, now)
	} else {
		err = g.deny(ctx, g.names.sid(logout.SID), now)
		if logout.Subject != "" {
			err = errors.Join(err, g.deny(ctx, g.names.sidless(logout.Subject), now),
				g.denyAhead(ctx, logout.Subject, g.names.sid(logout.SID)))
		}
	}
	if err = errors.Join(unasked, err); err != nil { // not to be claimed: the provider may send it again
		return err
	}
	g.remember(ctx, logout)
	g.event(ctx, slog.LevelInfo, "back-channel logout", "ok", "", nil)
	return nil
}

// receivedOnce refuses a token that another process has received. A list that was full
// denies everything that began before then, by any name: that says nothing of a token.
func (g *Gate) receivedOnce(ctx context.Context, logout oidc.Logout) error {
	if g.denials.shared == nil {
		return nil
	}
	received, err := g.denials.ask(ctx, g.names.token(logout.ID))
	if err != nil || received.IsZero() {
		return err
	}
	all, err := g.denials.ask(ctx, g.names.token("")) // which no token has
	if err == nil && received.After(all) {
		err = errReplayed
	}
	return err
}

// remember tells the other processes that the token was received. What they
// aren't told would let it be replayed to them, in its few minutes.
func (g *Gate) remember(ctx context.Context, logout oidc.Logout) {
	if g.denials.shared == nil {
		return
	}
	if err := (sturdyDenylist{g.denials.shared}).Revoke(ctx, g.names.token(logout.ID), g.config.Clock(), logout.Until); err != nil {
		g.event(ctx, slog.LevelWarn, "back-channel logout", "incomplete", err.Error(), nil)
	}
}
