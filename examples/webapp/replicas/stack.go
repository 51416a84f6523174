package main

import (
	"bytes"
	"context"
	"encoding/json"
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
	socket := filepath.Join(s.dir, "redis.sock")
	cmd := exec.Command(path, "--port", "0", "--unixsocket", socket, "--dir", s.dir, "--save", "", "--daemonize", "no")
	return s.launch(ctx, "redis-server", cmd, func([]byte) (addr string, ready bool) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return socket, err == nil
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
		"SESSION_KEYS="+cookie.NewKey().Encode(), "REDIS_URL=unix://"+s.programs[0].addr,
		"OIDC_SCOPES=", "OIDC_PROMPT=", "OIDC_SKIP_CONSENT=", "API_AUDIENCE=", "API_ISSUERS=",
		"REDIS_COORDINATION_ONLY="+map[bool]string{true: "1", false: "0"}[o.cookies],
	)
	for i := range o.replicas {
		cmd := exec.Command(binary)
		cmd.Env = append(env[:len(env):len(env)], "LISTEN_ADDR=127.0.0.1:0")
		if err := s.launch(ctx, fmt.Sprintf("replica-%d", i+1), cmd, isReady); err != nil {
			return err
		}
	}
	return nil
}

// isReady asks a replica where it says in its log that it listens, before anybody is
// sent there: that it listens says nothing of its Redis.
func isReady(log []byte) (addr string, ready bool) {
	for line := range bytes.Lines(log) {
		var said struct{ Msg, Addr string }
		if json.Unmarshal(line, &said) == nil && said.Msg == "webapp: listening" {
			addr = said.Addr
		}
	}
	if addr == "" {
		return "", false
	}
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Get("http://" + addr + "/readyz")
	if err != nil {
		return addr, false
	}
	res.Body.Close()
	return addr, res.StatusCode == http.StatusOK
}

// launch starts a process, and waits until it is there: there is told what the process
// has logged.
func (s *stack) launch(ctx context.Context, name string, cmd *exec.Cmd, there func(log []byte) (addr string, ready bool)) error {
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		log.Close()
		return fmt.Errorf("%s: %w", name, err)
	}
	p := &program{name: name, cmd: cmd, log: log, ended: make(chan struct{})}
	s.programs = append(s.programs, p)
	go func() {
		defer close(p.ended)
		_ = cmd.Wait()
	}()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		text, _ := os.ReadFile(log.Name())
		var ready bool
		if p.addr, ready = there(text); ready {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s has ended: %s", name, text)
		case <-ctx.Done():
			return fmt.Errorf("%s doesn't answer: %w: %s", name, ctx.Err(), text)
		case <-time.After(50 * time.Millisecond):
		}
	}
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
