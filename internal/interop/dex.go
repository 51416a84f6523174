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
	"golang.org/x/crypto/bcrypt"
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
			OneGrant:       true,
			RenewedNonce:   true,
			RoleClaim:      "groups",
		},
		path:   "/dex",
		secret: "to be +encoded: 100%/ä",
		open: func(t testing.TB, s *Server) http.Handler {
			return openDex(t, s, lifetime, rotates)
		},
	}
}

func openDex(t testing.TB, s *Server, lifetime time.Duration, rotates bool) http.Handler {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	store := memory.New(logger)
	populate(t, s, store)
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

// populate registers the client and the people.
func populate(t testing.TB, s *Server, store storage.Storage) {
	t.Helper()
	err := store.CreateClient(t.Context(), storage.Client{
		ID:           s.Client.ID,
		Secret:       s.Client.Secret,
		Name:         "Shop",
		RedirectURIs: []string{s.Client.RedirectURI},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.CreateConnector(t.Context(), storage.Connector{ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email"}); err != nil {
		t.Fatal(err)
	}
	for _, who := range People() {
		hash, err := bcrypt.GenerateFromPassword([]byte(who.Password), bcrypt.DefaultCost)
		if err != nil {
			t.Fatal(err)
		}
		err = store.CreatePassword(t.Context(), storage.Password{
			Email:    who.Email,
			Hash:     hash,
			Username: who.Name,
			UserID:   "id-of-" + who.Login,
			Groups:   []string{who.Role},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
