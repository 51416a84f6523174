package oidctest

import (
	"crypto/rand"
	"net/http"
	"time"
)

// sessionCookie marks a browser in which somebody used the sign-in form.
const sessionCookie = "oidctest_session"

// session is somebody's sign-in at the provider, the source of single sign-on.
type session struct {
	id       string // sid
	subject  string
	authTime time.Time
}

// SignIn signs u in at the provider, in every browser that has not used the
// sign-in form: the authorization endpoint answers with a code for u at once.
// It begins a new provider session (sid), and records u as [Provider.PutUser] does.
func (p *Provider) SignIn(u User) {
	p.PutUser(u)
	s := p.begin(u.Subject, u.AuthTime)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = s.id
}

// SignOut ends every session at the provider. The authorization endpoint then
// answers login_required to prompt=none and shows a form otherwise, which signs
// in whomever is posted as subject. Grants live on; see [Provider.RevokeUser].
func (p *Provider) SignOut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.sessions)
	p.current = ""
}

// begin makes a session. A zero authTime is now.
func (p *Provider) begin(subject string, authTime time.Time) session {
	if authTime.IsZero() {
		authTime = p.now()
	}
	s := session{id: rand.Text(), subject: subject, authTime: authTime}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[s.id] = s
	return s
}

// signedIn returns the session of the browser that sends r: its own where the
// form began one, otherwise the one that the test began.
func (p *Provider) signedIn(r *http.Request) (session, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		if s, ok := p.sessions[cookie.Value]; ok {
			return s, true
		}
	}
	s, ok := p.sessions[p.current]
	return s, ok
}

// authenticateAgain notes that the user of s has just proved who they are.
func (p *Provider) authenticateAgain(s session) session {
	s.authTime = p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[s.id] = s
	return s
}

// end ends one session.
func (p *Provider) end(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, id)
}

// signInHere begins a session in one browser alone.
func (p *Provider) signInHere(w http.ResponseWriter, r *http.Request, subject string) session {
	s := p.begin(subject, p.user(subject).AuthTime)
	http.SetCookie(w, &http.Cookie{
		Name:     sessionCookie,
		Value:    s.id,
		Path:     "/",
		HttpOnly: true,
		Secure:   r.TLS != nil,
		SameSite: http.SameSiteLaxMode,
	})
	return s
}
