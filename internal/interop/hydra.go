package interop

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/rbac"
)

// HydraSettings are what differs between installations of Ory Hydra.
type HydraSettings struct {
	// JWTs makes access tokens JWTs (strategies.access_token). They are opaque
	// otherwise.
	JWTs bool
	// Grace is how long a refresh token can be used again (rotation_grace_period).
	Grace time.Duration
	// Frontchannel has applications told of a sign-out by frames in the browser
	// (OpenID Connect Front-Channel Logout 1.0), and not by the back channel.
	Frontchannel bool
}

// Hydra is Ory Hydra as its defaults have it.
func Hydra() Provider { return HydraWith(HydraSettings{}) }

// HydraWith is Ory Hydra with a database of its own, run as a child process. HYDRA
// names the binary. Without it, starting it skips the test, and fails it where
// REQUIRE_HYDRA is set.
func HydraWith(settings HydraSettings) Provider {
	return Provider{
		Name: "hydra",
		Traits: Traits{
			AccessLifetime: time.Minute,
			Scopes:         []string{"openid", "profile", "email", "groups", "offline_access"},
			Rotates:        true,
			FamilyRevoked:  settings.Grace == 0,
			DeadCode:       "invalid_grant",
			ClientCode:     "invalid_client",
			RenewedNonce:   true,
			AuthTime:       true,
			AudienceList:   true,
			Rekeys:         true,
			OldKeyName:     true,
			OneFlow:        true,
			RoleClaim:      rbac.Path{"groups"},
			Session:        true,
			EndSession:     true,
			Backchannel:    !settings.Frontchannel,
			Echo:           !settings.Frontchannel,
			Revocation:     true,
			Cancel:         true,
			FormPost:       true,
		},
		secret:   "to be +encoded: 100%/&=",
		parallel: true,
		open: func(t testing.TB, s *Server) http.Handler {
			t.Helper()
			return openHydra(t, s, settings)
		},
	}
}

func openHydra(t testing.TB, s *Server, settings HydraSettings) http.Handler {
	t.Helper()
	binary := hydraBinary(t)
	// The names of sockets must be short, and t.TempDir's are long.
	folder, err := os.MkdirTemp("", "hydra")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	startHydra(t, binary, folder, hydraConfig(s, settings))
	h := &hydra{
		server: s,
		public: hydraSocket(filepath.Join(folder, "public")),
		admin:  hydraSocket(filepath.Join(folder, "admin")),
		relay:  trustingClient(t),
		told:   make(chan struct{}, 16),
	}
	h.register(t, settings)
	s.rekey = h.rekey
	s.Introspection = s.Issuer + "/introspect"
	return h.handler()
}

// hydraBinary is the file to run.
func hydraBinary(t testing.TB) string {
	t.Helper()
	binary := os.Getenv("HYDRA")
	switch {
	case binary != "":
	case os.Getenv("REQUIRE_HYDRA") != "":
		t.Fatal("Ory Hydra can't run: HYDRA doesn't name its binary")
	default:
		t.Skip("Ory Hydra is left out: HYDRA doesn't name its binary")
	}
	return binary
}
