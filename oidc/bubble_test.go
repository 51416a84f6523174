package oidc_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// inBubble runs a test in a bubble of testing/synctest: what waits for a timeout
// there waits no longer than it takes everybody else to have nothing to do, and
// nobody times out because the machine is busy. Time doesn't pass while sockets are
// read, so that the party's connections are pipes; HTTP on both ends of them is the
// real one.
func inBubble(t *testing.T, test func(*testing.T, *party)) {
	t.Helper()
	inBubbleWith(t, ecKey(), test)
}

// inBubbleWith is inBubble where the provider signs by another key.
func inBubbleWith(t *testing.T, key *oidctest.Key, test func(*testing.T, *party)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server, client, end := piped(oidctest.Config{
			Keys: []*oidctest.Key{key}, RefreshTokens: oidctest.RefreshAlways, Clients: []oidctest.Client{{ID: "app", Secret: clientSecret}},
		})
		defer end()
		p := &party{T: t, provider: server, http: client}
		p.begin(func(c *oidc.Config) { c.HTTPClient = p.http })
		test(t, p)
	})
}

// benchInBubble is inBubble for an API.
func benchInBubble(t *testing.T, test func(*testing.T, *bench)) {
	t.Helper()
	key := ecKey()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{TB: t}
		server, client, end := piped(b.providing(oidctest.Config{Keys: []*oidctest.Key{key}}))
		defer end()
		b.provider = server
		b.begin(func(c *oidc.VerifierConfig) { c.HTTPClient = client })
		test(t, b)
	})
}

// piped is a provider at the other end of pipes, and a client that reaches it.
func piped(providing oidctest.Config) (server *oidctest.Server, client *http.Client, end func()) {
	pipes := newPipes()
	providing.Issuer = "http://127.0.0.1"
	provider := oidctest.NewProvider(providing)
	server = &oidctest.Server{Provider: provider, Server: &httptest.Server{Listener: pipes, Config: &http.Server{Handler: provider}}}
	server.Start()
	transport := &http.Transport{DialContext: pipes.dial}
	return server, &http.Client{Transport: transport}, func() {
		server.Close()
		transport.CloseIdleConnections()
	}
}

// pipes is a listener whose connections are pipes in memory.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
	close   func()
}

func newPipes() *pipes {
	p := &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.dialled <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialled:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close()
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
