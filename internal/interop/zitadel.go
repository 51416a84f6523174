package interop

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Zitadel is the example server of zitadel/oidc. Its issuer ends in a slash.
func Zitadel() Provider {
	return Provider{
		Name: "zitadel",
		Traits: Traits{
			AccessLifetime: 5 * time.Minute,
			Scopes:         []string{"openid", "profile", "email", "offline_access"},
			Rotates:        true,
			DeadCode:       "invalid_grant",
			ClientCode:     "invalid_client",
			AuthTime:       true,
			AudienceList:   true,
			Rekeys:         true,
			UserinfoOnly:   true,
			EndSession:     true,
			Revocation:     true,
		},
		path:   "/",
		secret: "to be +encoded: 100%/&=",
		open:   openZitadel,
	}
}

func openZitadel(t testing.TB, s *Server) http.Handler {
	t.Helper()
	store := storage.NewStorageWithClients(directory{}, map[string]*storage.Client{
		s.Client.ID: storage.WebClient(s.Client.ID, s.Client.Secret, s.Client.RedirectURI),
	})
	keys := new(keyring)
	keys.add(t)
	s.rekey = keys.add
	return exampleop.SetupServer(s.Issuer, registered{store, s.Client, keys}, nil, false)
}

// directory is who the example knows.
type directory struct{}

func (directory) user(id string, who Person) *storage.User {
	return &storage.User{ID: id, Username: who.Login, Password: who.Password, FirstName: who.Name, LastName: "Example", Email: who.Email, EmailVerified: true}
}

func (d directory) GetUserByID(id string) *storage.User {
	for _, who := range People() {
		if id == "id-of-"+who.Login {
			return d.user(id, who)
		}
	}
	return nil
}

func (d directory) GetUserByUsername(login string) *storage.User {
	return d.GetUserByID("id-of-" + login)
}

func (directory) ExampleClientID() string { return storage.ServiceUserID }

// registered adds what clients of the example can't have: a registered
// post_logout_redirect_uri, and another way to authenticate; and keys that
// change.
type registered struct {
	*storage.Storage
	client Client
	keys   *keyring
}

func (r registered) SigningKey(context.Context) (op.SigningKey, error) { return r.keys.signing(), nil }

func (r registered) KeySet(context.Context) ([]op.Key, error) { return r.keys.published(), nil }

func (r registered) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	known, err := r.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return registeredClient{known, r.client}, nil
}

// SetIntrospectionFromToken adds whom the token is for, which the example has just
// checked and leaves out.
func (r registered) SetIntrospectionFromToken(ctx context.Context, answer *oidc.IntrospectionResponse, token, subject, client string) error {
	if err := r.Storage.SetIntrospectionFromToken(ctx, answer, token, subject, client); err != nil {
		return err
	}
	answer.Audience, answer.Subject = oidc.Audience{client}, subject
	return nil
}

type registeredClient struct {
	op.Client
	as Client
}

func (c registeredClient) PostLogoutRedirectURIs() []string {
	return []string{c.as.PostLogoutRedirectURI}
}

func (c registeredClient) AuthMethod() oidc.AuthMethod { return oidc.AuthMethod(c.as.Auth) }
