package interop

import (
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/server/signer"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// Dex is dex with its password database in memory, a page for consent, and
// refresh tokens that rotate, as they do by default.
func Dex() Provider { return dex("dex", true) }

// DexKeepingTokens is dex with rotation switched off.
func DexKeepingTokens() Provider { return dex("dex without rotation", false) }

func dex(name string, rotates bool) Provider {
	const lifetime = time.Minute
	return Provider{
		Name: name,
		Traits: Traits{
			AccessLifetime: lifetime,
			Scopes:         []string{"openid", "profile", "email", "groups", "offline_access"},
			Rotates:        rotates,
			DeadCode:       "invalid_request",
			ClientCode:     "invalid_client",
			OneGrant:       true,
			RenewedNonce:   true,
			Rekeys:         true,
			RoleClaim:      rbac.Path{"groups"},
		},
		path:   "/dex",
		secret: "to be +encoded: 100%/&=",
		open: func(t testing.TB, s *Server) http.Handler {
			return openDex(t, s, lifetime, rotates)
		},
	}
}

func openDex(t testing.TB, s *Server, lifetime time.Duration, rotates bool) http.Handler {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	store := storeOf(s, logger)
	s.rekey = keysOfDex(s, store)
	s.rekey(t)
	keys := signer.LocalConfig{KeysRotationPeriod: "6h"}
	signing, err := keys.Open(t.Context(), store, lifetime, s.Clock.Now, logger)
	if err != nil {
		t.Fatal(err)
	}
	// The third argument switches rotation off.
	policy, err := server.NewRefreshTokenPolicy(logger, !rotates, "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	handler, err := server.NewServer(t.Context(), server.Config{
		Issuer:             s.Issuer,
		Storage:            store,
		IDTokensValidFor:   lifetime, // access tokens too
		RefreshTokenPolicy: policy,
		Now:                s.Clock.Now,
		Logger:             logger,
		Signer:             signing,
	})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// storeOf is what dex makes of the static part of its configuration file. Only
// so does the store in memory allow the people to be looked up while a refresh
// token is updated.
func storeOf(s *Server, logger *slog.Logger) storage.Storage {
	store := storage.WithStaticClients(memory.New(logger), []storage.Client{{
		ID:           s.Client.ID,
		Secret:       s.Client.Secret,
		Public:       s.Client.Auth == AuthNone,
		Name:         "Shop",
		RedirectURIs: []string{s.Client.RedirectURI},
	}})
	store = storage.WithStaticConnectors(store, []storage.Connector{{
		ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email",
	}})
	var passwords []storage.Password
	for _, who := range People() {
		passwords = append(passwords, storage.Password{
			Email:    who.Email,
			Hash:     []byte(who.Bcrypt),
			Username: who.Name,
			UserID:   "id-of-" + who.Login,
			Groups:   []string{who.Role},
		})
	}
	return storage.WithStaticPasswords(store, passwords, logger)
}

// keysOfDex replaces the keys that dex would make, and change every six hours.
func keysOfDex(s *Server, store storage.Storage) func(testing.TB) {
	keys := new(keyring)
	return func(t testing.TB) {
		t.Helper()
		keys.add(t)
		all := keys.all()
		kept := storage.Keys{SigningKey: &all[0], NextRotation: s.Clock.Now().Add(24 * time.Hour)}
		for i, key := range all {
			public := key.Public()
			if i == 0 {
				kept.SigningKeyPub = &public
				continue
			}
			kept.VerificationKeys = append(kept.VerificationKeys, storage.VerificationKey{PublicKey: &public, Expiry: kept.NextRotation})
		}
		if err := store.UpdateKeys(t.Context(), func(storage.Keys) (storage.Keys, error) { return kept, nil }); err != nil {
			t.Fatal(err)
		}
	}
}
