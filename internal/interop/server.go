package interop

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc"
)

// Server is a provider that runs, with one client registered. It notes every
// request to the token endpoint.
type Server struct {
	Provider
	Issuer string
	Client Client
	Clock  *Clock
	// Introspection is where services ask about opaque tokens, at providers whose
	// discovery document doesn't say.
	Introspection string

	address string
	handler http.Handler
	rekey   func(testing.TB)
	fault   atomic.Pointer[http.HandlerFunc]
	serving *http.Server
	ledger  ledger
	admin   *keycloakProcess
	realm   string
}

// Start runs the provider until the test is over. The application's origin is
// baseURL, its callback is at /auth/callback.
func (p Provider) Start(t testing.TB, baseURL string, clock *Clock) *Server {
	t.Helper()
	address := Port(t) // where it is while it is stopped, too
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	// The application is at 127.0.0.1. Under another name the provider is
	// another site to browsers, as in production.
	host := strings.Replace(address, "127.0.0.1", "localhost", 1)
	s := &Server{
		Provider: p,
		Issuer:   "http://" + host + p.path,
		Client: Client{
			ID:                    "shop",
			Secret:                p.secret,
			Auth:                  cmp.Or(p.auth, AuthBasic),
			RedirectURI:           baseURL + "/auth/callback",
			PostLogoutRedirectURI: baseURL + "/",
			BackchannelLogoutURI:  baseURL + "/auth/backchannel-logout",
			FrontchannelLogoutURI: baseURL + "/auth/frontchannel-logout",
			Key:                   oidc.NewSigningKey(),
		},
		Clock:   clock,
		address: address,
	}
	s.ledger.parallel = p.parallel
	s.handler = s.faulty(s.ledger.noting(p.open(t, s)))
	s.serve(t, listener)
	t.Cleanup(s.Stop)
	return s
}

func (s *Server) serve(t testing.TB, listener net.Listener) {
	serving := &http.Server{Handler: s.handler}
	s.serving = serving
	go func() {
		if err := serving.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("%s: %v", s.Name, err)
		}
	}()
}

// Stop refuses connections from now on, and cuts those there are.
func (s *Server) Stop() { _ = s.serving.Close() }

// Resume undoes Stop: the provider is there again, with all that it knew.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	s.serve(t, listener)
}

// Break has fault answer every request in the provider's place.
func (s *Server) Break(fault http.HandlerFunc) { s.fault.Store(&fault) }

// Mend undoes Break.
func (s *Server) Mend() { s.fault.Store(nil) }

func (s *Server) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := s.fault.Load(); fault != nil {
			(*fault)(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Rekey has the provider sign with a new key from now on. The old one stays
// published.
func (s *Server) Rekey(t testing.TB) { s.rekey(t) }

// TokenRequests returns what the token endpoint was asked and answered, in
// order.
func (s *Server) TokenRequests() []TokenRequest { return s.ledger.all() }

// LogoutTokens returns the logout tokens that the application was sent, in order, of
// a provider that runs behind this one's relay.
func (s *Server) LogoutTokens() []LogoutToken { return s.ledger.allLogouts() }

// Renewals returns the token requests with a refresh token.
func (s *Server) Renewals() []TokenRequest {
	var renewals []TokenRequest
	for _, r := range s.TokenRequests() {
		if r.GrantType == "refresh_token" {
			renewals = append(renewals, r)
		}
	}
	return renewals
}

// LastRefreshToken returns the newest refresh token that the provider gave out.
func (s *Server) LastRefreshToken() string {
	var last string
	for _, r := range s.TokenRequests() {
		if r.Issued != "" {
			last = r.Issued
		}
	}
	return last
}
