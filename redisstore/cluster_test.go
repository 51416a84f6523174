package redisstore_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// cluster starts one of n servers, each with its share of the slots. One that is silent
// for longer than patience is away.
func cluster(t testing.TB, n int, patience time.Duration) []*redistest.Server {
	t.Helper()
	servers := make([]*redistest.Server, n)
	for i := range servers {
		_, bus := splitFree(t)
		servers[i] = redistest.Start(t, "--cluster-enabled", "yes", "--cluster-port", bus,
			"--cluster-node-timeout", fmt.Sprint(patience.Milliseconds()), "--cluster-require-full-coverage", "no")
		servers[i].Do("CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(i*16384/n), fmt.Sprint((i+1)*16384/n-1))
		host, port, _ := net.SplitHostPort(servers[i].Addr())
		servers[0].Do("CLUSTER", "MEET", host, port, bus)
	}
	for _, server := range servers {
		eventually(t, "the cluster is up", func() bool {
			info := server.Do("CLUSTER", "INFO")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_slots_ok:16384") &&
				strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", n))
		})
	}
	return servers
}

// TestCluster: a cluster refuses scripts and transactions over several slots.
func TestCluster(t *testing.T) {
	servers := cluster(t, 3, time.Minute)
	s := open(t, redisstore.Config{URL: servers[0].URL()})
	use(t, s)
	other := open(t, redisstore.Config{URL: servers[1].URL()})
	for i := range 50 {
		save(t, s, name("s", i), nil, []byte("x"))
		if value, err := other.Load(t.Context(), name("s", i)); string(value) != "x" || err != nil {
			t.Errorf("session %d: %q, %v", i, value, err)
		}
		if isRevoked(t, other, name("n", i)) {
			t.Error("revoked too early")
		}
		revoke(t, s, name("n", i))
		eventually(t, "revoked there too", func() bool { return isRevoked(t, other, name("n", i)) })
	}
}

// TestOneOfAClusterIsAway: the sessions of the others go on, and it gets its
// revocations again when it comes back without them.
func TestOneOfAClusterIsAway(t *testing.T) {
	servers := cluster(t, 3, 3*time.Second)
	s := open(t, redisstore.Config{URL: servers[0].URL(), Timeout: 5 * time.Second})
	for i := range 60 {
		save(t, s, name("s", i), nil, []byte("x"))
		revoke(t, s, name("s", i))
	}
	servers[2].Kill()
	works := func(i int) bool {
		_, err := s.Save(t.Context(), name("t", i), nil, []byte("x"), time.Now().Add(time.Hour))
		if err != nil && !errors.Is(err, redisstore.ErrUnavailable) {
			t.Errorf("saving %d: %v", i, err)
		}
		return err == nil
	}
	eventually(t, "two of three go on", func() bool {
		n := 0
		for i := range 60 {
			if works(i) {
				n++
			}
		}
		return n >= 20 && n < 60
	})
	servers[2].Restart()
	eventually(t, "three of three", func() bool {
		for i := range 60 {
			if !works(i) {
				return false
			}
		}
		return s.Ready(t.Context()) == nil
	})
	eventually(t, "every revocation is there", func() bool {
		fresh := open(t, redisstore.Config{URL: servers[0].URL()})
		defer fresh.Close()
		for i := range 60 {
			if !isRevoked(t, fresh, name("s", i)) {
				return false
			}
		}
		return true
	})
}
