package oidctest

import (
	"net/http/httptest"
	"strings"
)

// Server is a [Provider] on a loopback port. Its URL and its Client (which trusts
// its certificate) are those of httptest.
type Server struct {
	*Provider
	*httptest.Server
}

// NewServer starts a provider over plain http. Its issuer is the server's URL,
// followed by the path in config.Issuer if there is one; a whole URL there is
// taken as it is. It is closed when the test t ends; where t is nil, the caller
// closes it.
func NewServer(t interface{ Cleanup(func()) }, config Config) *Server {
	return start(t, config, (*httptest.Server).Start)
}

// NewTLSServer starts a provider over https, with the certificate of httptest.
// Its Client trusts that.
func NewTLSServer(t interface{ Cleanup(func()) }, config Config) *Server {
	return start(t, config, (*httptest.Server).StartTLS)
}

func start(t interface{ Cleanup(func()) }, config Config, listen func(*httptest.Server)) *Server {
	p := NewProvider(config)
	s := &Server{Provider: p, Server: httptest.NewUnstartedServer(p)}
	listen(s.Server)
	p.serveUnder(strings.TrimSuffix(s.URL, "/"))
	if t != nil {
		t.Cleanup(s.Close)
	}
	return s
}

// Close lets go of requests that hang in the provider, and stops the server.
func (s *Server) Close() {
	s.Provider.Close()
	s.Server.Close()
}
