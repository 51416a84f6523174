package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

type options struct {
	addr          string
	replicas      int
	cookies       bool
	tokenLifetime time.Duration
	out           io.Writer
}

// stack is everything that runs.
type stack struct {
	dir          string
	site, issuer string
	provider     *oidctest.Provider
	servers      []*http.Server
	programs     []*program // redis-server first
}

// program is a process of ours.
type program struct {
	name, addr string
	cmd        *exec.Cmd
	log        *os.File
	ended      chan struct{}
}

// start starts everything, and stops it again if a part of it doesn't start.
func start(ctx context.Context, o options) (running *stack, err error) {
	s := &stack{}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "replicas"); err != nil {
		return nil, err
	}
	front, err := listen(o.addr)
	if err != nil {
		return nil, err
	}
	s.site = "http://" + front.Addr().String()
	if err := s.startProvider(o.tokenLifetime); err != nil {
		front.Close()
		return nil, err
	}
	if err := s.startRedis(ctx); err != nil {
		front.Close()
		return nil, err
	}
	if err := s.startReplicas(ctx, o); err != nil {
		front.Close()
		return nil, err
	}
	s.serve(front, newRoundRobin(s.programs[1:]))
	return s, nil
}

const usualAddr = "127.0.0.1:8080"

// listen opens addr. Where that is empty it opens the usual address, or any port
// while that one is taken.
func listen(addr string) (net.Listener, error) {
	if addr == "" {
		if l, err := net.Listen("tcp", usualAddr); err == nil {
			return l, nil
		}
		addr = "127.0.0.1:0"
	}
	return net.Listen("tcp", addr)
}

// startProvider has a provider that rotates refresh tokens and ends the session
// when one is used twice: what replicas that don't coordinate would run into.
// Site and provider have names of their own, because cookies ignore ports.
func (s *stack) startProvider(lifetime time.Duration) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.issuer = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	s.provider = oidctest.NewProvider(oidctest.Config{
		Issuer:              s.issuer,
		Algorithm:           "ES256",
		RefreshTokens:       oidctest.RefreshAlways,
		AccessTokenLifetime: lifetime,
		Clients: []oidctest.Client{{
			ID:                     "webapp",
			Secret:                 "replicas-on-loopback",
			RedirectURIs:           []string{s.site + "/auth/callback"},
			PostLogoutRedirectURIs: []string{s.site + "/"},
			BackchannelLogoutURI:   s.site + "/auth/backchannel-logout",
		}},
	})
	s.serve(listener, s.provider)
	return nil
}

func (s *stack) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(listener) }()
}

func (s *stack) startRedis(ctx context.Context) error {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redis-server is not on the PATH; it is Debian's package redis-server")
	}
	return s.launch(ctx, "redis-server", func(addr string) *exec.Cmd {
		host, port, _ := net.SplitHostPort(addr)
		return exec.Command(path, "--bind", host, "--port", port, "--dir", s.dir, "--save", "", "--daemonize", "no")
	}, func(addr string) bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func (s *stack) startReplicas(ctx context.Context, o options) error {
	binary := filepath.Join(s.dir, "webapp")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/gatehouse-go/gatehouse/examples/webapp")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("the application doesn't build: %w\n%s", err, text)
	}
	env := append(os.Environ(),
		"BASE_URL="+s.site, "OIDC_ISSUER="+s.issuer, "OIDC_CLIENT_ID=webapp", "OIDC_CLIENT_SECRET=replicas-on-loopback",
		"SESSION_KEYS="+cookie.NewKey().Encode(), "REDIS_URL=redis://"+s.programs[0].addr,
		"OIDC_SCOPES=", "OIDC_PROMPT=", "OIDC_SKIP_CONSENT=", "API_AUDIENCE=", "API_ISSUERS=",
		"REDIS_COORDINATION_ONLY="+map[bool]string{true: "1", false: "0"}[o.cookies],
	)
	for i := range o.replicas {
		err := s.launch(ctx, fmt.Sprintf("replica-%d", i+1), func(addr string) *exec.Cmd {
			cmd := exec.Command(binary)
			cmd.Env = append(env[:len(env):len(env)], "LISTEN_ADDR="+addr)
			return cmd
		}, ready)
		if err != nil {
			return err
		}
	}
	return nil
}

// ready is what is asked before somebody is sent there: that it is healthy says nothing
// of its Redis.
func ready(addr string) bool {
	client := http.Client{Timeout: time.Second}
	res, err := client.Get("http://" + addr + "/readyz")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func freeAddr() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// launch starts a process at a free address, and waits until it is there. Until it
// listens another program may take the address; so it has a few tries.
func (s *stack) launch(ctx context.Context, name string, command func(addr string) *exec.Cmd, there func(addr string) bool) (err error) {
	for range 3 {
		addr, none := freeAddr()
		if none != nil {
			return none
		}
		if err = s.try(ctx, name, addr, command(addr), there); !errors.Is(err, errEnded) {
			return err
		}
	}
	return err
}

var errEnded = errors.New("it has ended")

func (s *stack) try(ctx context.Context, name, addr string, cmd *exec.Cmd, there func(addr string) bool) error {
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		log.Close()
		return fmt.Errorf("%s: %w", name, err)
	}
	p := &program{name: name, addr: addr, cmd: cmd, log: log, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait()
	}()
	for range 400 {
		if there(addr) {
			s.programs = append(s.programs, p)
			return nil
		}
		select {
		case <-p.ended:
			text, _ := os.ReadFile(log.Name())
			log.Close()
			return fmt.Errorf("%s: %w: %s", name, errEnded, text)
		case <-ctx.Done():
			p.end(os.Kill)
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	p.end(os.Kill)
	return fmt.Errorf("%s doesn't answer", name)
}

// end ends a process, and waits for that.
func (p *program) end(signal os.Signal) {
	_ = p.cmd.Process.Signal(signal)
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	p.log.Close()
}

// stop ends everything, in the order in which nothing misses what it needs.
func (s *stack) stop() {
	if s.provider != nil {
		s.provider.Close()
	}
	for _, server := range s.servers {
		_ = server.Close()
	}
	for i := len(s.programs) - 1; i >= 0; i-- {
		s.programs[i].end(syscall.SIGTERM)
	}
	_ = os.RemoveAll(s.dir)
}
