// Package redistest runs real Redis servers for tests, and puts what goes wrong
// with networks between them and a client.
package redistest

import (
	"cmp"
	"context"
	"maps"
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
	ended   chan struct{} // closed when the process has
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
	return begin(&Server{t: t, args: args})
}

func begin(s *Server) *Server {
	s.t.Helper()
	var err error
	if s.dir, err = os.MkdirTemp("", "redis"); err != nil { // names of sockets are short, and those of TempDir are long
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = os.RemoveAll(s.dir) })
	s.addr = Port(s.t)
	s.t.Cleanup(s.Stop)
	s.Restart()
	return s
}

func program() string { return cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server") }

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
	host, port, _ := net.SplitHostPort(s.addr)
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	args := append([]string{"--bind", host, "--port", port, "--unixsocket", s.socket(), "--dir", s.dir, "--save", "", "--daemonize", "no"}, s.args...)
	if s.watches != "" {
		args = []string{s.configure(host, port), "--sentinel"}
	}
	_ = os.Remove(s.socket()) // of one that crashed
	process := exec.Command(program(), args...)
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = process.Wait()
	}()
	s.process, s.ended = process, ended
	s.await()
}

// socket is where the server can be asked as well. Nobody else can be there, and it
// listens there last.
func (s *Server) socket() string { return filepath.Join(s.dir, "socket") }

// await returns when the server answers.
func (s *Server) await() {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		if conn, err := net.Dial("unix", s.socket()); err == nil {
			ready := answers(conn)
			_ = conn.Close()
			if ready {
				return
			}
		}
		select {
		case <-s.ended:
			s.t.Fatalf("redis-server has ended: %s", s.log())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("redis-server doesn't start: %s", s.log())
		}
	}
}

// answers reports whether it is a Redis that has loaded what it kept.
func answers(conn net.Conn) bool {
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
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
	<-s.ended
	s.process = nil
}

// Do runs one command on a connection of its own, and returns the reply as text, that of
// several parts with spaces between them.
func (s *Server) Do(command ...string) string {
	s.t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{s.addr}, DisableCache: true, ForceSingleClient: true,
		Dialer: net.Dialer{Timeout: time.Minute}, ConnWriteTimeout: time.Minute,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	reply, err := client.Do(context.Background(), client.B().Arbitrary(command...).Build()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		s.t.Fatalf("%s: %v", strings.Join(command, " "), err)
	}
	return textOf(reply)
}

func textOf(reply rueidis.RedisMessage) string {
	if n, err := reply.AsInt64(); err == nil {
		return strconv.FormatInt(n, 10)
	}
	if text, err := reply.ToString(); err == nil {
		return text
	}
	var parts []string
	all, _ := reply.ToArray()
	for _, part := range all {
		parts = append(parts, textOf(part))
	}
	named, _ := reply.ToMap()
	for _, name := range slices.Sorted(maps.Keys(named)) {
		parts = append(parts, name+" "+textOf(named[name]))
	}
	return strings.Join(parts, " ")
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
