package redisstore_test

import (
	"crypto/tls"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// guarded is a master, its replica, and three sentinels that know of each other.
type guarded struct {
	master, replica *redistest.Server
	sentinels       []*redistest.Server
}

func newGuarded(t *testing.T) guarded {
	t.Helper()
	g := guarded{master: redistest.Start(t)}
	host, port, _ := net.SplitHostPort(g.master.Addr())
	g.replica = redistest.Start(t, "--replicaof", host+" "+port)
	g.sentinels = redistest.Sentinels(t, 3, "main", g.master.Addr())
	for _, sentinel := range g.sentinels {
		eventually(t, "the sentinels know each other", func() bool {
			about := sentinel.Do("INFO", "sentinel")
			return strings.Contains(about, "slaves=1,sentinels=3")
		})
		eventually(t, "the replica could take over", func() bool {
			about := sentinel.Do("SENTINEL", "REPLICAS", "main")
			return strings.Contains(about, " flags slave ") && !strings.Contains(about, " runid  ") // which it is asked for
		})
	}
	return g
}

func (g guarded) url() string {
	return g.sentinels[0].URL() + "?addr=" + g.sentinels[1].Addr() + "&addr=" + g.sentinels[2].Addr() + "&master_set=main"
}

// settled waits until the replica has all that the master was told.
func (g guarded) settled(t *testing.T) {
	eventually(t, "the replica has it all", func() bool { return g.master.Do("WAIT", "1", "5000") == "1" })
}

// TestSentinels: the sentinels make another server the master, whatever became of the
// one before, and every process goes on there with what it knew.
func TestSentinels(t *testing.T) {
	for name, end := range map[string]func(guarded){
		"killed":                 func(g guarded) { g.master.Kill() },
		"stopped":                func(g guarded) { g.master.Stop() },
		"killed with a sentinel": func(g guarded) { g.sentinels[0].Kill(); g.master.Kill() },
		"demoted":                func(g guarded) { g.sentinels[1].Do("SENTINEL", "FAILOVER", "main") },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(t)
			s, other := open(t, redisstore.Config{URL: g.url()}), open(t, redisstore.Config{URL: g.url()})
			use(t, s)
			save(t, s, "session", nil, []byte("x"))
			revoke(t, s, "name")
			eventually(t, "revoked there too", func() bool { return isRevoked(t, other, "name") })
			g.settled(t)
			end(g)
			_, port, _ := net.SplitHostPort(g.replica.Addr())
			eventually(t, "another is the master", func() bool {
				return strings.Contains(g.sentinels[1].Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"), port)
			})
			for _, each := range []*redisstore.Store{s, other} {
				eventually(t, "it takes changes", func() bool {
					saved, err := each.Save(t.Context(), "session", []byte("x"), []byte("x"), time.Now().Add(time.Hour))
					return saved && err == nil
				})
				eventually(t, "ready", func() bool { return each.Ready(t.Context()) == nil })
				if !isRevoked(t, each, "name") {
					t.Error("it doesn't know any more what was revoked")
				}
			}
			revoke(t, other, "another")
			eventually(t, "revoked there too", func() bool { return isRevoked(t, s, "another") })
			if !has(g.replica, "s:{session}") {
				t.Error("the session is elsewhere")
			}
		})
	}
}

// TestSentinelsOverTLS: rediss is for the sentinels too, who say where to go.
func TestSentinelsOverTLS(t *testing.T) {
	dir := t.TempDir()
	authorities := certificate(t, dir)
	files := []string{"tls-cert-file " + filepath.Join(dir, "cert.pem"), "tls-key-file " + filepath.Join(dir, "key.pem"),
		"tls-ca-cert-file " + filepath.Join(dir, "cert.pem"), "tls-auth-clients no", "tls-replication yes"}
	host, port := splitFree(t)
	args := []string{"--tls-port", port}
	for _, line := range files {
		name, value, _ := strings.Cut(line, " ")
		args = append(args, "--"+name, value)
	}
	redistest.Start(t, args...)
	sentinelHost, sentinelPort := splitFree(t)
	redistest.Sentinels(t, 1, "main", net.JoinHostPort(host, port), append(files, "tls-port "+sentinelPort)...)
	url := "rediss://" + net.JoinHostPort(sentinelHost, sentinelPort) + "?master_set=main"
	use(t, open(t, redisstore.Config{URL: url, TLS: &tls.Config{RootCAs: authorities}}))
	if err := open(t, redisstore.Config{URL: url, Timeout: 200 * time.Millisecond}).Ready(t.Context()); err == nil {
		t.Error("a certificate that nobody vouches for is trusted")
	}
}

// TestSentinelsWithPasswords: the servers' is for the servers, and the sentinels have
// their own.
func TestSentinelsWithPasswords(t *testing.T) {
	const guard = "sentry-4c9"
	master := redistest.Start(t, "--requirepass", password)
	lines := []string{"sentinel auth-pass main " + password, "requirepass " + guard, "user sentry on >" + guard + " allchannels +@all"}
	sentinel := redistest.Sentinels(t, 1, "main", master.Addr(), lines...)[0]
	url := "redis://:" + password + "@" + sentinel.Addr() + "?master_set=main"
	use(t, open(t, redisstore.Config{URL: url + "&sentinel_password=" + guard}))
	named := open(t, redisstore.Config{URL: url + "&sentinel_username=sentry&sentinel_password=" + guard, Prefix: "another"})
	use(t, named)
	for _, wrong := range []string{"", "&sentinel_password=" + guard + "x"} {
		config := redisstore.Config{URL: url + wrong, Timeout: 200 * time.Millisecond}
		err := open(t, config).Ready(t.Context())
		if err == nil || strings.Contains(err.Error(), guard) || strings.Contains(config.String(), guard) {
			t.Errorf("with %q: %v", wrong, err)
		}
	}
}
