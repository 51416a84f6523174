// Quickstart is a small site behind Gatehouse, and a real OpenID Provider where
// its people sign in, both in one process on loopback:
//
//	go run .
//
// Access tokens live a minute, so that the profile page shows how they are
// renewed. Nothing is kept: every start has new keys.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "", "where the site listens (default "+siteAddr+", or any free port while that one is taken)")
	tokenLifetime := flag.Duration("token-lifetime", time.Minute, "how long an access token lives, in whole seconds")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *addr, *tokenLifetime); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// Where site and provider listen, if nobody says otherwise.
const (
	siteAddr     = "127.0.0.1:8080"
	providerAddr = "127.0.0.1:8089"
)

// run serves both until ctx is done.
func run(ctx context.Context, out io.Writer, addr string, tokenLifetime time.Duration) error {
	siteListener, err := listen(addr, siteAddr)
	if err != nil {
		return err
	}
	defer siteListener.Close()
	providerListener, err := listen("", providerAddr)
	if err != nil {
		return err
	}
	defer providerListener.Close()

	// Cookies ignore ports, but not names: at 127.0.0.1 and at localhost, site
	// and provider are as far apart as two sites on the Internet are.
	baseURL := "http://" + siteListener.Addr().String()
	issuer := fmt.Sprintf("http://localhost:%d", providerListener.Addr().(*net.TCPAddr).Port)
	p, err := newProvider(issuer, baseURL, tokenLifetime)
	if err != nil {
		return err
	}
	s, err := newSite(p.gateConfig(), tokenLifetime)
	if err != nil {
		return err
	}
	defer s.gate.Close()

	fmt.Fprintf(out, "The site is at     %s\nThe provider is at %s\n\nSign in as\n", baseURL, issuer)
	for _, who := range people {
		fmt.Fprintf(out, "  %-6s password %-12s role %s\n", who.Login, who.Password, who.Role)
	}
	return serve(ctx, map[net.Listener]http.Handler{siteListener: s, providerListener: p})
}

// listen opens addr. Where that is empty it opens the usual address, or any
// port while that one is taken.
func listen(addr, usual string) (net.Listener, error) {
	if addr == "" {
		if l, err := net.Listen("tcp", usual); err == nil {
			return l, nil
		}
		addr = "127.0.0.1:0"
	}
	resolved, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("%s is no loopback address, and the passwords are no secret", addr)
	}
	return net.ListenTCP("tcp", resolved)
}

// serve runs a server on each listener until ctx is done or one of them fails.
func serve(ctx context.Context, handlers map[net.Listener]http.Handler) error {
	failed := make(chan error, len(handlers))
	for listener, handler := range handlers {
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		go func() { failed <- server.Serve(listener) }()
		defer server.Close()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return errors.Join(errors.New("a server stopped"), err)
	}
}
