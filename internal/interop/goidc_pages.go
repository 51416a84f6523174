package interop

import (
	"context"
	"crypto/rand"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// signInPages are what go-oidc leaves to whoever embeds it: it has the protocol,
// they have the people and the pages.
type signInPages struct {
	issuer string

	mu       sync.Mutex
	sessions map[string]signedIn
}

// signedIn is a session at the provider.
type signedIn struct {
	who Person
	at  int // Unix time
}

const sessionCookie = "provider-session"

func newSignInPages(issuer string) *signInPages {
	return &signInPages{issuer: issuer, sessions: map[string]signedIn{}}
}

func (p *signInPages) begin(_ *http.Request, as *goidc.AuthnSession, _ *goidc.Client) bool {
	as.Store = map[string]any{}
	return true
}

// authenticate finds out who it is: by the session at the provider where that
// will do (OpenID Connect Core 1.0 §3.1.2.3), else by password.
func (p *signInPages) authenticate(w http.ResponseWriter, r *http.Request, as *goidc.AuthnSession, _ *goidc.Client) (goidc.Status, error) {
	session, known := p.session(r)
	prompts := strings.Fields(string(as.Prompt))
	if !known || slices.Contains(prompts, "login") || tooOld(session, as.MaxAuthnAgeSecs) {
		if slices.Contains(prompts, "none") {
			return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeLoginRequired, "nobody is signed in")
		}
		if r.PostFormValue("cancel") != "" {
			return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeAccessDenied, "cancelled <b>here</b>")
		}
		who, ok := personOf(r)
		if !ok {
			return goidc.StatusPending, passwordPage.Execute(w, p.issuer+"/authorize/"+as.ID)
		}
		session = p.remember(w, who)
	}
	as.Subject = "id-of-" + session.who.Login
	as.GrantedScopes = as.Scopes
	as.Store["login"], as.Store["auth_time"] = session.who.Login, session.at
	return goidc.StatusSuccess, nil
}

func tooOld(session signedIn, maxAge *int) bool {
	return maxAge != nil && time.Now().Unix() >= int64(session.at)+int64(*maxAge)
}

func personOf(r *http.Request) (Person, bool) {
	login, password := r.PostFormValue("username"), r.PostFormValue("password")
	i := slices.IndexFunc(People(), func(p Person) bool { return p.Login == login && p.Password == password })
	if i < 0 {
		return Person{}, false
	}
	return People()[i], true
}

func (p *signInPages) session(r *http.Request) (signedIn, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return signedIn{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	session, ok := p.sessions[cookie.Value]
	return session, ok
}

func (p *signInPages) remember(w http.ResponseWriter, who Person) signedIn {
	id, session := rand.Text(), signedIn{who, int(time.Now().Unix())}
	p.mu.Lock()
	p.sessions[id] = session
	p.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true})
	return session
}

func (p *signInPages) beginLogout(*http.Request, *goidc.LogoutSession) bool { return true }

// logout asks first, then forgets.
func (p *signInPages) logout(w http.ResponseWriter, r *http.Request, ls *goidc.LogoutSession) (goidc.Status, error) {
	if r.PostFormValue("logout") != "yes" {
		return goidc.StatusPending, logoutPage.Execute(w, p.issuer+"/logout/"+ls.ID)
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		p.mu.Lock()
		delete(p.sessions, cookie.Value)
		p.mu.Unlock()
	}
	return goidc.StatusSuccess, nil
}

func (p *signInPages) signedOut(w http.ResponseWriter, _ *http.Request, _ *goidc.LogoutSession) error {
	_, err := w.Write([]byte("signed out"))
	return err
}

// wantsOffline gives a refresh token to those who ask for one (OpenID Connect
// Core 1.0 §11).
func wantsOffline(_ context.Context, _ *goidc.Client, grant *goidc.Grant) bool {
	return slices.Contains(strings.Fields(grant.Scopes), "offline_access")
}

// claimsOfGrant are what the ID token and the UserInfo endpoint say.
func claimsOfGrant(_ context.Context, grant *goidc.Grant) map[string]any {
	i := slices.IndexFunc(People(), func(p Person) bool { return p.Login == grant.Store["login"] })
	who := People()[i]
	return map[string]any{
		"auth_time": grant.Store["auth_time"],
		"name":      who.Name,
		"email":     who.Email,
		"roles":     []string{who.Role},
	}
}

var passwordPage = template.Must(template.New("password").Parse(`<!doctype html>
<title>Sign in</title>
<form method="post" action="{{.}}">
<input name="username" autocomplete="username"> <input name="password" type="password">
<button>Sign in</button> <button name="cancel" value="yes">Cancel</button>
</form>`))

var logoutPage = template.Must(template.New("logout").Parse(`<!doctype html>
<title>Sign out</title>
<form method="post" action="{{.}}"><button name="logout" value="yes">Sign out</button></form>`))
