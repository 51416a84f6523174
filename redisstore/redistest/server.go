// Package redistest runs real Redis servers for tests, and puts what goes wrong
// with networks between them and a client.
package redistest

import (
	"cmp"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// Server is a redis-server on a loopback port, in a directory of its own. It
// ends with its test.
type Server struct {
	t       testing.TB
	dir     string
	addr    string
	args    []string
	watches string // what a sentinel's configuration says; "" of no sentinel
	process *exec.Cmd
}

// Start runs a redis-server with these arguments besides its own, such as
// "--appendonly", "yes"; by default it keeps nothing when it is stopped. In the
// environment REDIS_SERVER names another program, such as valkey-server. Where the
// program is not installed the test is skipped, or, with REQUIRE_REDIS=1, fails.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath(program()); err != nil {
		if os.Getenv("REQUIRE_REDIS") != "" {
			t.Fatalf("%s is not installed, and REQUIRE_REDIS is set", program())
		}
		t.Skipf("%s is not installed (Debian's package redis-server)", program())
	}
	return begin(&Server{t: t, dir: t.TempDir(), args: args})
}

func begin(s *Server) *Server {
	s.t.Helper()
	for range 5 { // somebody else may take the port
		s.addr = freeAddr(s.t)
		if s.start() {
			s.t.Cleanup(s.Stop)
			return s
		}
	}
	s.t.Fatalf("redis-server doesn't start: %s", s.log())
	return nil
}

func program() string { return cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server") }

func freeAddr(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Addr is host:port.
func (s *Server) Addr() string { return s.addr }

// Password is in every URL, so that tests can see to it that nothing shows it. A server
// that asks for none takes any (redis.io, ACL, nopass).
const Password = "Sw0rdfish-of-every-test"

// URL is the server's redis URL.
func (s *Server) URL() string { return "redis://default:" + Password + "@" + s.addr }

// Restart starts a stopped server again, at the same address. What it wasn't
// told to keep is gone.
func (s *Server) Restart() {
	s.t.Helper()
	if !s.start() {
		s.t.Fatalf("redis-server doesn't start again: %s", s.log())
	}
}

func (s *Server) start() bool {
	host, port, _ := net.SplitHostPort(s.addr)
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	args := append([]string{"--bind", host, "--port", port, "--dir", s.dir, "--save", "", "--daemonize", "no"}, s.args...)
	if s.watches != "" {
		args = []string{s.configure(host, port), "--sentinel"}
	}
	s.process = exec.Command(program(), args...)
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	for range 500 {
		if conn, err := net.Dial("tcp", s.addr); err == nil {
			defer conn.Close()
			if answers(conn) {
				return true
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.Kill()
	return false
}

// answers reports whether it is a Redis that has loaded what it kept.
func answers(conn net.Conn) bool {
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	reply := make([]byte, 64)
	_, _ = conn.Write([]byte("PING\r\n"))
	n, _ := conn.Read(reply)
	text := string(reply[:n])
	return strings.HasPrefix(text, "+PONG") || strings.HasPrefix(text, "-NOAUTH")
}

func (s *Server) log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(text)
}

// Stop lets the server end as an administrator would.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server as a crash would.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(signal)
	_ = s.process.Wait()
	s.process = nil
}

// Do runs one command on a connection of its own, and returns the reply as text.
func (s *Server) Do(command ...string) string {
	s.t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.addr}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	reply, err := client.Do(context.Background(), client.B().Arbitrary(command...).Build()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		s.t.Fatalf("%s: %v", strings.Join(command, " "), err)
	}
	if text, err := reply.ToString(); err == nil {
		return text
	}
	return strings.Trim(reply.String(), `"`)
}

// upkeep are the commands with which connections are made, and looked after.
var upkeep = []string{"ping", "info", "hello", "client|setinfo", "client|tracking", "select", "cluster|slots"}

// Commands returns how many times each command was run, by lower-case name, but for
// what connections and the checks of stores take, which come at any time.
func (s *Server) Commands() map[string]int {
	s.t.Helper()
	calls := map[string]int{}
	for line := range strings.SplitSeq(s.Do("INFO", "commandstats"), "\r\n") {
		name, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		if !ok || slices.Contains(upkeep, name) {
			continue
		}
		text, _, _ := strings.Cut(rest, ",")
		n, err := strconv.Atoi(text)
		if err != nil {
			s.t.Fatal(err)
		}
		calls[name] = n
	}
	checks := calls["expire"] // nothing else uses it; a check sets, gets and keeps one key
	delete(calls, "expire")
	calls["set"], calls["get"] = calls["set"]-checks, calls["get"]-checks
	return calls
}
