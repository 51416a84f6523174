package redisstore_test

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// busyThenFlushed keeps Redis busy for the milliseconds that it is given, and has it lose
// everything before it looks at what came meanwhile.
const busyThenFlushed = `
local function now() local t = redis.call('TIME'); return t[1] * 1000 + t[2] / 1000 end
local over = now() + ARGV[1]
while now() < over do end
redis.call('FLUSHALL')
return 'OK'`

// TestLeaderSaysSoAgain: as soon as Redis is there again without a lease, and not when it
// is the lease's turn to be kept.
func TestLeaderSaysSoAgain(t *testing.T) {
	for name, lose := range lose {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			leader := open(t, redisstore.Config{URL: server.URL(), Lease: time.Hour})
			_, finish, err := leader.Join(t.Context(), "name")
			if err != nil || finish == nil {
				t.Fatalf("Join: %v", err)
			}
			lose(server)
			eventually(t, "the lease is there again", func() bool { return has(server, "r:{name}") })
			if err := finish(t.Context(), []byte("result"), "", time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAskedWhileLeasesAreLost: who asked before hearing that Redis lost every lease isn't
// told to lead, however long it takes those who do to say so.
func TestAskedWhileLeasesAreLost(t *testing.T) {
	server := redistest.Start(t)
	const lease = time.Minute // a leader says so again every ten seconds
	leader, other := open(t, redisstore.Config{URL: server.URL(), Lease: lease}), open(t, redisstore.Config{URL: server.URL(), Lease: lease})
	use(t, other) // it is connected
	_, finish, err := leader.Join(t.Context(), "name")
	if err != nil || finish == nil {
		t.Fatalf("Join: %v", err)
	}
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		result, lead, err := other.Join(t.Context(), "name")
		if string(result) != "result" || lead != nil || err != nil {
			t.Errorf("the other one joins for %q, %v, and leads: %v", result, err, lead != nil)
		}
	}()
	server.Do("EVAL", busyThenFlushed, "0", "500") // it asks every 100 ms
	server.Do("PING")                              // after what it has asked
	if err := finish(t.Context(), []byte("result"), "", time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	<-joined
}
