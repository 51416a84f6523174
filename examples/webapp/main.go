// Webapp is a twelve-factor application behind Gatehouse: everything it is told
// comes from the environment.
//
//	LISTEN_ADDR         where to listen, default :8080; at port 0 it says where it does
//	BASE_URL            the application's origin as browsers see it
//	OIDC_ISSUER         the provider
//	OIDC_CLIENT_ID      the client registered there
//	OIDC_CLIENT_SECRET  and its secret
//	SESSION_KEYS        base64 keys of 32 bytes, separated by commas; the first seals
//	REDIS_URL           where replicas share their sessions, such as redis://host:6379
//	REDIS_COORDINATION_ONLY  1: sessions stay in cookies, and Redis has the rest
//	OIDC_SCOPES, OIDC_PROMPT, OIDC_SKIP_CONSENT, OIDC_DPOP, OIDC_PAR  see gatehouse.ConfigFromEnv
//	API_AUDIENCE        the API's name in access tokens; unset, /api/ takes cookies alone
//	API_ISSUERS         whose access tokens, separated by commas, default OIDC_ISSUER
//	STEPUP_ACR          the classes that /secure asks for, separated by spaces, default mfa
//	STEPUP_MAX_AGE      how long ago a sign-in may be for /secure, such as 5m; unset, any time
//	DOWNSTREAM_URL      what /downstream calls with the user's token
//
// It speaks plain http; with an https BASE_URL, a proxy in front ends TLS. It needs no
// file but its own: CGO_ENABLED=0 go build makes a static one.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gatehouse-go/gatehouse"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, log); err != nil {
		fmt.Fprintln(os.Stderr, "webapp:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done, and then until the last request is answered.
func run(ctx context.Context, log *slog.Logger) error {
	config, err := gatehouse.ConfigFromEnv()
	if err != nil {
		return err
	}
	secured, err := secureRule()
	if err != nil {
		return err
	}
	config.Logger = log
	if config.API.Audience != nil { // clients are told where to get tokens
		config.API.Resource, config.API.Scopes = config.BaseURL, []string{"orders:read"}
	}
	disconnect, err := useRedis(&config)
	if err != nil {
		return err
	}
	defer disconnect()
	gate, err := gatehouse.New(config)
	if err != nil {
		return err
	}
	defer gate.Close()
	other, err := downstream(gate, os.Getenv("DOWNSTREAM_URL"))
	if err != nil {
		return err
	}

	listener, err := net.Listen("tcp", listenAddr())
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           routes(gate, secured, other),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Info("webapp: listening", "addr", listener.Addr().String())

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func listenAddr() string {
	if addr := os.Getenv("LISTEN_ADDR"); addr != "" {
		return addr
	}
	return ":8080"
}
