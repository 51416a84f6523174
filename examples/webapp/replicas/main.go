// Replicas runs the example application three times behind a small round-robin,
// with a real redis-server between them and a provider to sign in at, all on
// loopback:
//
//	go -C examples/webapp run ./replicas
//
// It needs redis-server on the PATH (Debian's package redis-server). Stop a
// replica, or Redis, by its process id and see what becomes of your session.
// Nothing is kept.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.addr, "addr", "", "where the round-robin listens, on loopback (default "+usualAddr+", or any free port while that one is taken)")
	flag.IntVar(&o.replicas, "replicas", 3, "how many replicas there are")
	flag.BoolVar(&o.cookies, "cookies", false, "keep sessions in cookies, and use Redis for coordination and revocations alone")
	flag.DurationVar(&o.tokenLifetime, "token-lifetime", time.Minute, "how long an access token lives, in whole seconds")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "replicas:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	running, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer running.stop()
	fmt.Fprintf(o.out, "The site is at      %s\nThe provider is at  %s (type any name to sign in)\n\n", running.site, running.issuer)
	for _, p := range running.programs {
		fmt.Fprintf(o.out, "  %-12s process %d at %s\n", p.name, p.cmd.Process.Pid, p.addr)
	}
	fmt.Fprintln(o.out, "\nPages say in X-Served-By which replica answered. Ctrl-C ends all of it.")
	<-ctx.Done()
	return nil
}
