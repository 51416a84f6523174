package gatehouse

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
)

// vault is where sessions are between requests: in the cookie itself, or in a
// store to which the cookie is the key. Nothing else in the package knows which.
//
// What replace returns is a value that any request with the old session can
// reopen, and that may be remembered: it is sealed.
type vault interface {
	// begin keeps a new session and returns the text of its cookie.
	begin(ctx context.Context, s *session) (text string, err error)
	// open returns whose session a cookie's text stands for; nil when it stands
	// for none, or for one that is over. An error says that nobody can know now.
	open(ctx context.Context, text string) (*Identity, error)
	// replace keeps s where old was kept, unless that has ended meanwhile.
	replace(ctx context.Context, old, s *session) (value []byte, err error)
	// reopen reads what replace returned; nil when the session is over.
	reopen(ctx context.Context, old *session, value []byte) *Identity
	// put lets the browser have what replace returned.
	put(w http.ResponseWriter, r *http.Request, s *session, value []byte) error
	// newer returns the session that somebody else has put in the place of s, as
	// replace would; nil when there is none.
	newer(ctx context.Context, s *session) (*session, []byte)
	// kept returns s as it is kept now; nil when it is no longer. An error says
	// that nobody can know now.
	kept(ctx context.Context, s *session) (*session, error)
	// end keeps it no longer.
	end(ctx context.Context, s *session) error
	// name is what the session of a cookie's text is known as, "" where that
	// takes a session that can be opened.
	name(text string) string
	// expires is when the cookie of a session does.
	expires(s *session) time.Time
}

// place says where a session is kept; the zero place is its cookie.
type place struct {
	ticket *ticket // the key to it in a store
	kept   []byte  // what the store holds
}

// errGone is a session that was ended while it was to be replaced.
var errGone = errors.New("gatehouse: the session has ended meanwhile")

// cookieVault keeps sessions in cookies, and nothing anywhere else. Who copies
// one keeps it, so ending it takes a revocation.
type cookieVault struct {
	jar    *cookie.Jar
	opened *opened // those seen before, by text
	shared bool    // others seal as well, and may be other gates
	reader
}

// reader makes identities of session frames.
type reader struct {
	gate  *Gate
	idle  time.Duration
	clock func() time.Time
}

// read returns whose session a frame is, nil when it is none or over.
func (r reader) read(frame []byte, from place) *Identity {
	who := newIdentity(r.gate, session{})
	s := who.session()
	if err := s.parse(frame); err != nil {
		return nil
	}
	s.place = from
	return r.unlessOver(who)
}

func (r reader) unlessOver(who *Identity) *Identity {
	if !r.clock().Before(who.session().expires(r.idle)) {
		return nil
	}
	return who
}

func (v *cookieVault) begin(_ context.Context, s *session) (string, error) {
	text, err := v.jar.Seal(s.frame(), v.expires(s))
	if err != nil {
		return "", unsealable(err)
	}
	return text, nil
}

func (v *cookieVault) open(_ context.Context, text string) (*Identity, error) {
	name := v.opened.name(text)
	if who := v.opened.get(name); who != nil {
		return v.unlessOver(who), nil
	}
	who := v.unseal(text)
	if who != nil {
		v.opened.put(name, who)
	}
	return who, nil
}

func (v *cookieVault) unseal(text string) *Identity {
	frame, err := v.jar.Open(text)
	if err != nil {
		return nil
	}
	who := v.read(frame, place{})
	if who != nil && v.shared && !v.gate.issuedTo(who) {
		return nil
	}
	return who
}

// issuedTo reports whether a session began at this gate's issuer, for its client. Our
// own codec sees to that by itself; one that is given knows nothing but the cookie's
// name.
func (g *Gate) issuedTo(who *Identity) bool {
	if who.Issuer() != g.config.Issuer {
		return false
	}
	switch audience := who.read().claims["aud"].(type) {
	case string:
		return audience == g.config.ClientID
	case []any:
		return slices.Contains(audience, any(g.config.ClientID))
	}
	return false
}

func (v *cookieVault) replace(ctx context.Context, _, s *session) ([]byte, error) {
	text, err := v.begin(ctx, s)
	return []byte(text), err
}

func (v *cookieVault) reopen(_ context.Context, _ *session, value []byte) *Identity {
	return v.unseal(string(value))
}

func (v *cookieVault) put(w http.ResponseWriter, r *http.Request, s *session, value []byte) error {
	switch err := v.jar.Put(w, r, string(value), v.expires(s)); {
	case errors.Is(err, cookie.ErrExpired): // good for this request still, and for no other
		v.jar.Clear(w, r)
		return nil
	case err != nil:
		return unsealable(err)
	}
	return nil
}

func (v *cookieVault) newer(context.Context, *session) (*session, []byte) { return nil, nil }

func (v *cookieVault) kept(_ context.Context, s *session) (*session, error) { return s, nil }

func (v *cookieVault) end(context.Context, *session) error { return nil }

func (v *cookieVault) name(string) string { return "" }

func (v *cookieVault) expires(s *session) time.Time { return s.expires(v.idle) }

var errUnsealable = errors.New("gatehouse: the session is larger than can be kept")

func unsealable(err error) error {
	return &Error{
		Status:  http.StatusInternalServerError,
		Message: "Your account carries more data than a sign-in here can hold. Please tell the people who run this site.",
		Cause:   errors.Join(errUnsealable, err),
	}
}
