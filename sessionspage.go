package gatehouse

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/fetchmeta"
)

//go:embed sessions.html
var sessionsHTML string

// sessionsPath is where the list of sessions is.
func (g *Gate) sessionsPath() string { return g.config.AuthPath + "/sessions" }

// sessionsPage is what sessions.html shows.
type sessionsPage struct {
	Style    template.CSS
	Action   string
	Sessions []sessionRow
}

// sessionRow is one session, in words and for programs.
type sessionRow struct {
	ID      string `json:"id"`
	Current bool   `json:"current"`
	BeganAt string `json:"began"` // RFC 3339
	SeenAt  string `json:"seen"`
	EndsAt  string `json:"ends"`
	Where   string `json:"where"`

	Name  string `json:"-"`
	Began string `json:"-"`
	Seen  string `json:"-"`
}

// serveSessions shows people where they are signed in, and signs them out there:
// a POST with session, the id of one of theirs, or with all. Only the person may
// do so, from a page of this site.
func (g *Gate) serveSessions(w http.ResponseWriter, r *http.Request) {
	if !allowMethods(w, r, http.MethodGet, http.MethodHead, http.MethodPost) {
		g.Fail(w, r, &Error{Status: http.StatusMethodNotAllowed})
		return
	}
	if r.Method == http.MethodPost && !g.sameOrigin(r) {
		g.Fail(w, r, &Error{Status: http.StatusForbidden, Message: "Another site asked to sign you out. You are still signed in."})
		return
	}
	w, r = g.establish(w, r, false)
	switch v := g.visit(r.Context()); {
	case v.failure != nil:
		g.Fail(w, r, g.untilLater(r, v))
	case v.identity == nil || v.bearer: // an access token has no session
		g.challengeAnonymous(w, r, v)
	case r.Method == http.MethodPost:
		g.endSessions(w, r, v.identity)
	default:
		g.showSessions(w, r, v.identity)
	}
}

func (g *Gate) showSessions(w http.ResponseWriter, r *http.Request, who *Identity) {
	listed, err := g.Sessions(r.Context(), who.Subject())
	if err != nil {
		g.Fail(w, r, err)
		return
	}
	rows, now := []sessionRow{}, g.config.Clock()
	for _, one := range withCurrent(listed, who, r) {
		rows = append(rows, sessionRow{
			ID:      one.ID,
			Current: one.ID == who.SessionID(),
			BeganAt: one.Began.UTC().Format(time.RFC3339),
			SeenAt:  one.Seen.UTC().Format(time.RFC3339),
			EndsAt:  one.Ends.UTC().Format(time.RFC3339),
			Where:   one.Where,
			Name:    orDefault(one.Where, "Unknown device"),
			Began:   ago(now.Sub(one.Began)),
			Seen:    ago(now.Sub(one.Seen)),
		})
	}
	if !fetchmeta.Document(r) {
		g.pages.headers(w)
		writeJSON(w, "application/json", http.StatusOK, map[string]any{"sessions": rows})
		return
	}
	g.pages.headers(w)
	g.pages.write(w, http.StatusOK, "sessions", sessionsPage{
		Style: template.CSS(pageCSS), Action: g.sessionsPath(), Sessions: rows, // our own embedded file
	})
}

// withCurrent puts the session that asks in front, also where the directory
// doesn't know it, such as after a restart.
func withCurrent(listed []Session, who *Identity, r *http.Request) []Session {
	isCurrent := func(one Session) bool { return one.ID == who.SessionID() }
	if i := slices.IndexFunc(listed, isCurrent); i >= 0 {
		current := listed[i]
		return slices.Insert(slices.Delete(listed, i, i+1), 0, current)
	}
	s := who.session()
	current := Session{ID: who.SessionID(), Began: time.UnixMilli(s.begun), Seen: time.Unix(s.seen, 0), Ends: who.SessionEnds(), Where: whereOf(r)}
	return slices.Insert(listed, 0, current)
}

// ago is how long ago something was, in words.
func ago(d time.Duration) string {
	count := func(n int, unit string) string {
		if n == 1 {
			return "1 " + unit + " ago"
		}
		return fmt.Sprintf("%d %ss ago", n, unit)
	}
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int(d/time.Minute), "minute")
	case d < 24*time.Hour:
		return count(int(d/time.Hour), "hour")
	}
	return count(int(d/(24*time.Hour)), "day")
}

// endSessions ends what the form names. That a session is over already is fine;
// that it is somebody else's looks no different.
func (g *Gate) endSessions(w http.ResponseWriter, r *http.Request, who *Identity) {
	values, err := parameters(w, r)
	if err != nil {
		g.Fail(w, r, &Error{Status: http.StatusBadRequest, Message: "This form is not complete.", Cause: err})
		return
	}
	id, all, own := values.Get("session"), values.Get("all") == "1", g.newest(r)
	switch {
	case all == (id != ""): // neither, or both
		err = &Error{Status: http.StatusBadRequest, Message: "This form doesn't say which session is to end."}
	case all:
		err = g.Revoke(r.Context(), Revocation{Subject: who.Subject()})
	case id == who.SessionID():
	default:
		err = g.endOwn(r, who, id)
	}
	switch {
	case err != nil:
		g.Fail(w, r, err)
	case all || id == who.SessionID():
		g.signOut(w, r, own)
	case fetchmeta.Document(r):
		redirect(w, r, g.sessionsPath())
	default:
		g.pages.headers(w)
		w.WriteHeader(http.StatusNoContent)
	}
}

// endOwn ends another session of the same person.
func (g *Gate) endOwn(r *http.Request, who *Identity, id string) error {
	listed, err := g.directory.of(r.Context(), who.Subject())
	i := slices.IndexFunc(listed, func(one Session) bool { return one.ID == id })
	if err != nil || i < 0 {
		return err
	}
	if err := g.revokeSession(r.Context(), id, listed[i].Began); err != nil {
		return err
	}
	return g.directory.leave(r.Context(), who.Subject(), id)
}
