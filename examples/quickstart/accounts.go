package main

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// person is somebody with an account at the provider.
type person struct{ Login, Password, Name, Email, Role string }

var people = []person{
	{"alice", "wonderland", "Alice Example", "alice@example.com", "admin"},
	{"bob", "builder", "Bob Example", "bob@example.com", "user"},
}

// Subject never changes and says nothing about the person.
func (p person) Subject() string { return "account-" + p.Login }

func personBySubject(subject string) (person, bool) {
	i := slices.IndexFunc(people, func(p person) bool { return p.Subject() == subject })
	if i < 0 {
		return person{}, false
	}
	return people[i], true
}

func personByPassword(login, password string) (person, bool) {
	i := slices.IndexFunc(people, func(p person) bool { return p.Login == login && p.Password == password })
	if i < 0 {
		return person{}, false
	}
	return people[i], true
}

// accounts is the provider's own pages, and who is signed in there.
type accounts struct {
	issuer  string
	siteURL string

	mu       sync.Mutex
	sessions map[string]session // by cookie
}

// session is a sign-in at the provider, which further sign-ins at the site use.
type session struct {
	person
	since int64 // Unix time
}

// sessionCookie is the provider's, and none of the site's business.
const sessionCookie = "accounts-session"

func newAccounts(issuer, siteURL string) *accounts {
	return &accounts{issuer: issuer, siteURL: siteURL, sessions: map[string]session{}}
}

func (a *accounts) beginSignIn(_ *http.Request, as *goidc.AuthnSession, _ *goidc.Client) bool {
	as.Store = map[string]any{}
	return true
}

// signIn finds out who it is: by an earlier sign-in where that will do (OpenID
// Connect Core 1.0 §3.1.2.3), else by password.
func (a *accounts) signIn(w http.ResponseWriter, r *http.Request, as *goidc.AuthnSession, _ *goidc.Client) (goidc.Status, error) {
	prompt := strings.Fields(string(as.Prompt))
	found, ok := a.session(r)
	if !ok || slices.Contains(prompt, "login") || tooOld(found, as.MaxAuthnAgeSecs) {
		switch {
		case slices.Contains(prompt, "none"):
			return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeLoginRequired, "nobody is signed in")
		case r.PostFormValue("cancel") != "":
			return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeAccessDenied, "cancelled")
		}
		who, ok := personByPassword(r.PostFormValue("username"), r.PostFormValue("password"))
		if !ok {
			return goidc.StatusPending, a.askForPassword(w, r, as)
		}
		found = a.remember(w, who)
	}
	as.Subject = found.Subject()
	as.GrantedScopes = as.Scopes
	as.Store["auth_time"] = found.since
	return goidc.StatusSuccess, nil
}

func tooOld(s session, maxAge *int) bool {
	return maxAge != nil && time.Now().Unix() >= s.since+int64(*maxAge)
}

func (a *accounts) askForPassword(w http.ResponseWriter, r *http.Request, as *goidc.AuthnSession) error {
	asked := r.Method == http.MethodPost
	username := as.LoginHint
	if asked {
		username = r.PostFormValue("username")
	}
	return show(w, http.StatusOK, signInPage, map[string]any{
		"Action":   a.issuer + "/authorize/" + as.ID,
		"Username": username,
		"Wrong":    asked,
		"People":   people,
	})
}

// beginSignOut accepts every request of go-oidc's end_session_endpoint.
func (a *accounts) beginSignOut(*http.Request, *goidc.LogoutSession) bool { return true }

// signOut ends the session here. It asks first, unless the site proves by its
// ID token that it means the one who is signed in (OpenID Connect RP-Initiated
// Logout 1.0 §2).
func (a *accounts) signOut(w http.ResponseWriter, r *http.Request, ls *goidc.LogoutSession) (goidc.Status, error) {
	found, ok := a.session(r)
	if !ok {
		return goidc.StatusSuccess, nil
	}
	meant := ls.IDTokenHintClaims != nil && ls.IDTokenHintClaims.Subject == found.Subject()
	if !meant && r.PostFormValue("sign-out") == "" {
		return goidc.StatusPending, show(w, http.StatusOK, signOutPage, map[string]any{
			"Action": a.issuer + "/logout/" + ls.ID,
			"Name":   found.Name,
		})
	}
	a.forget(r)
	return goidc.StatusSuccess, nil
}

// signedOut is where a sign-out ends that no site waits for.
func (a *accounts) signedOut(w http.ResponseWriter, _ *http.Request, _ *goidc.LogoutSession) error {
	return show(w, http.StatusOK, messagePage, map[string]any{
		"Title": "You are signed out", "Text": "See you soon.", "Site": a.siteURL,
	})
}

// fail is for requests that can't be answered by going back to the site.
func (a *accounts) fail(w http.ResponseWriter, _ *http.Request, _ error) error {
	return show(w, http.StatusBadRequest, messagePage, map[string]any{
		"Title": "This can't go on", "Text": "The page was used already, is too old, or was never complete. Please start again at the site.", "Site": a.siteURL,
	})
}

func (a *accounts) session(r *http.Request) (session, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return session{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	found, ok := a.sessions[cookie.Value]
	return found, ok
}

// maxSessions bounds the memory; beyond it somebody has to sign in again.
const maxSessions = 1000

func (a *accounts) remember(w http.ResponseWriter, who person) session {
	id, begun := rand.Text(), session{who, time.Now().Unix()}
	a.mu.Lock()
	defer a.mu.Unlock()
	for old := range a.sessions {
		if len(a.sessions) < maxSessions {
			break
		}
		delete(a.sessions, old)
	}
	a.sessions[id] = begun
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return begun
}

func (a *accounts) forget(r *http.Request) {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.sessions, cookie.Value)
	}
}
