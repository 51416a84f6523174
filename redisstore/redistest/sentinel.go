package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Sentinels starts n sentinels that watch the server at an address by a name. Most of
// them decide:
// they take the server for gone when it was silent for three seconds, and make one of
// its replicas the master. lines are more of their configuration.
func Sentinels(t testing.TB, n int, name, master string, lines ...string) []*Server {
	t.Helper()
	host, port, _ := net.SplitHostPort(master)
	watches := fmt.Sprintf(`sentinel monitor %[1]s %[2]s %[3]s %[4]d
sentinel down-after-milliseconds %[1]s 3000
sentinel failover-timeout %[1]s 5000
%[5]s
`, name, host, port, n/2+1, strings.Join(lines, "\n"))
	sentinels := make([]*Server, n)
	for i := range sentinels {
		sentinels[i] = begin(&Server{t: t, watches: watches})
	}
	return sentinels
}

// configure returns the file that a sentinel is started with, and writes to what it
// learns. One that is there already stays as it is.
func (s *Server) configure(host, port string) string {
	path := filepath.Join(s.dir, "sentinel.conf")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	text := fmt.Sprintf("bind %s\nport %s\nunixsocket %s\ndir %s\n%s", host, port, s.socket(), s.dir, s.watches)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}
