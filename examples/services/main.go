// Services is three services that call one another, and the provider they trust, in
// one process on loopback:
//
//	go run ./examples/services
//
// People use the shop, a browser application. It asks the orders API in their name,
// with a token that theirs is exchanged for. The API hands new orders to a worker,
// with a token of its own making. The worker packs them and tells the API, with a
// token that it gets for itself. Each verifies what it receives by itself, and every
// token that the provider issues is bound to a key (DPoP). Nothing is kept: every
// start has new keys.
//
// The provider is oidctest's, which signs in whomever its form names.
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
	addr := flag.String("addr", "", "where the shop listens, on loopback (default "+usualAddr+", or any free port while that one is taken)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *addr); err != nil {
		fmt.Fprintln(os.Stderr, "services:", err)
		os.Exit(1)
	}
}

const usualAddr = "127.0.0.1:8080"

// listen opens addr. Where that is empty it opens the usual address, or any port
// while that one is taken.
func listen(addr, usual string) (net.Listener, error) {
	if addr == "" {
		if l, err := net.Listen("tcp", usual); err == nil {
			return l, nil
		}
		addr = "127.0.0.1:0"
	}
	return net.Listen("tcp", addr)
}

// addresses are where everybody is.
type addresses struct{ issuer, shop, orders, worker string }

// run serves all of them until ctx is done. The others take any free port.
func run(ctx context.Context, out io.Writer, shopAddr string) error {
	var listeners []net.Listener
	for _, addr := range []string{shopAddr, "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"} {
		listener, err := listen(addr, usualAddr)
		if err != nil {
			return err
		}
		defer listener.Close()
		listeners = append(listeners, listener)
	}
	at := func(i int, host string) string {
		return fmt.Sprintf("http://%s:%d", host, listeners[i].Addr().(*net.TCPAddr).Port)
	}
	// Cookies ignore ports, but not names: at another name the provider is another
	// site than the shop.
	where := addresses{shop: at(0, "127.0.0.1"), orders: at(1, "127.0.0.1"), worker: at(2, "127.0.0.1"), issuer: at(3, "localhost")}

	secrets := newSecrets()
	provider := newProvider(where, secrets)
	defer provider.Close()
	shop, err := newShop(where, secrets)
	if err != nil {
		return err
	}
	defer shop.gate.Close()
	orders, err := newOrders(where, secrets)
	if err != nil {
		return err
	}
	defer orders.gate.Close()
	worker, err := newWorker(where, secrets)
	if err != nil {
		return err
	}
	defer worker.gate.Close()

	fmt.Fprintf(out, "The shop is at %s\n\nThe orders API is at %s, the worker at %s, and the provider at %s\n", where.shop, where.orders, where.worker, where.issuer)
	return serve(ctx, listeners, shop, orders, worker, provider)
}

// serve runs a server on each listener until ctx is done or one of them fails.
func serve(ctx context.Context, listeners []net.Listener, handlers ...http.Handler) error {
	failed := make(chan error, len(listeners))
	for i, listener := range listeners {
		server := &http.Server{Handler: handlers[i], ReadHeaderTimeout: 10 * time.Second}
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
