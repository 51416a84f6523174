package gatehouse

import (
	"context"
	"errors"
	"maps"
	"net/http"

	"github.com/gatehouse-go/gatehouse/oidc"
)

// mintedToken is one of the application's own making.
type mintedToken struct {
	gate     *Gate
	minter   *oidc.Minter
	audience string
	own      bool
	claims   func(*Identity) map[string]any
}

func (m *mintedToken) current(ctx context.Context) (carried, error) {
	var who *Identity
	subject := m.minter.Issuer()
	if !m.own {
		if who = m.gate.identity(ctx); who == nil {
			return carried{}, &Error{Status: http.StatusInternalServerError, Cause: errNoIdentity}
		}
		if who.Subject() == subject { // whoever is called so would be taken for the application
			return carried{}, &Error{Status: http.StatusInternalServerError, Cause: errNamedLikeUs}
		}
		subject = who.Subject()
	}
	said := map[string]any{}
	if m.claims != nil {
		maps.Copy(said, m.claims(who))
	}
	said["sub"] = subject
	token, err := m.minter.Mint(m.audience, said)
	if err != nil {
		return carried{}, &Error{Status: http.StatusInternalServerError, Cause: err}
	}
	return carried{token: token}, nil
}

var errNamedLikeUs = errors.New("gatehouse: the sub of who is signed in is the issuer of the application's own tokens")

// renewed has nothing better to offer.
func (m *mintedToken) renewed(context.Context, carried) (carried, bool) { return carried{}, false }
