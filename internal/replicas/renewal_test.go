package replicas

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
	"github.com/gatehouse-go/gatehouse/refresh"
)

var (
	oldKey = refresh.KeyOf([]byte("old refresh"), []byte("old access"))
	newKey = refresh.KeyOf([]byte("new refresh"), []byte("new access"))
)

// group is a process's worth of renewals.
func group(t testing.TB, url string) *refresh.Group {
	t.Helper()
	return groupWith(t, open(t, url))
}

func groupWith(t testing.TB, coordinator refresh.Coordinator) *refresh.Group {
	t.Helper()
	g, err := refresh.New(refresh.Config{Coordinator: coordinator})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func groups(t testing.TB, n int, url string) []*refresh.Group {
	all := make([]*refresh.Group, n)
	for i := range all {
		all[i] = group(t, url)
	}
	return all
}

// provider counts what it is asked, and takes its time.
type provider struct {
	calls  atomic.Int32
	takes  time.Duration
	during func() // what happens in the middle of a renewal
}

func (p *provider) renew(context.Context) (refresh.Result, error) {
	call := p.calls.Add(1)
	time.Sleep(p.takes / 2)
	if p.during != nil && call == 1 {
		p.during()
	}
	time.Sleep(p.takes / 2)
	return refresh.Result{Value: fmt.Append(nil, "renewed ", call), Next: newKey, Expires: time.Now().Add(time.Minute)}, nil
}

// ask lets n ask each group at once, and wants one renewal for all of them. It
// returns how long the last one waited.
func ask(t *testing.T, groups []*refresh.Group, p *provider, n int) time.Duration {
	t.Helper()
	began := time.Now()
	var all sync.WaitGroup
	for _, g := range groups {
		for range n {
			all.Go(func() {
				if value, err := g.Do(t.Context(), oldKey, p.renew); string(value) != "renewed 1" || err != nil {
					t.Errorf("Do = %q, %v", value, err)
				}
			})
		}
	}
	all.Wait()
	took := time.Since(began)
	if calls := p.calls.Load(); calls != 1 {
		t.Errorf("%d renewals, want 1", calls)
	}
	return took
}

func TestThreeReplicasRenewOnce(t *testing.T) {
	server := redistest.Start(t)
	took := ask(t, groups(t, 3, server.URL()), &provider{takes: time.Second}, 500)
	t.Logf("3 replicas, 500 requests each, a renewal of 1 s: all answered after %v", took.Round(time.Millisecond))
}

func TestALateRequestFindsTheResult(t *testing.T) {
	server := redistest.Start(t)
	p := &provider{}
	three := groups(t, 3, server.URL())
	ask(t, three[:1], p, 1)
	ask(t, three[1:], p, 1)
	fresh := group(t, server.URL()) // started after it all
	ask(t, []*refresh.Group{fresh}, p, 1)
	fresh.Presented(newKey)
	name := strings.Fields(server.Do("EVAL", "return table.concat(redis.call('KEYS', 'gatehouse:r:*'), ' ')", "0"))[0]
	shortened := func() bool {
		return server.Do("EVAL", "return tostring(redis.call('PTTL', KEYS[1]) <= 30000)", "1", name) == "true"
	}
	for deadline := time.Now().Add(time.Minute); !shortened(); time.Sleep(5 * time.Millisecond) {
		if fresh.Presented(newKey); time.Now().After(deadline) { // Redis is told again, had it been busy
			t.Fatal("a result whose secret was presented is kept longer than 30 s")
		}
	}
	fresh.Forget(newKey)
	if value, err := three[0].Do(t.Context(), refresh.KeyOf([]byte("x")), p.renew); string(value) != "renewed 2" || err != nil {
		t.Errorf("another secret: %q, %v", value, err)
	}
	if value, err := group(t, server.URL()).Do(t.Context(), oldKey, p.renew); string(value) != "renewed 3" || err != nil {
		t.Errorf("after signing out: %q, %v", value, err)
	}
}

// TestTroubleInMidRenewal: whatever happens to Redis while one renews, nobody
// uses the secret again, and everybody gets the result.
func TestTroubleInMidRenewal(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		trouble func(server *redistest.Server, proxy *redistest.Proxy)
	}{
		{"connections cut", nil, func(_ *redistest.Server, proxy *redistest.Proxy) { proxy.Cut() }},
		{"clients killed", nil, func(server *redistest.Server, _ *redistest.Proxy) {
			server.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		}},
		{"restarted, with persistence", []string{"--appendonly", "yes", "--appendfsync", "always"}, func(server *redistest.Server, _ *redistest.Proxy) {
			server.Stop()
			server.Restart()
		}},
		{"restarted, empty", nil, func(server *redistest.Server, _ *redistest.Proxy) {
			server.Stop()
			server.Restart()
		}},
		{"crashed, empty, a second away", nil, func(server *redistest.Server, _ *redistest.Proxy) {
			server.Kill()
			time.Sleep(time.Second)
			server.Restart()
		}},
		{"flushed", nil, func(server *redistest.Server, _ *redistest.Proxy) { server.Do("FLUSHALL") }},
		{"slow", nil, func(_ *redistest.Server, proxy *redistest.Proxy) { proxy.Delay(100 * time.Millisecond) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := redistest.Start(t, c.args...)
			proxy := redistest.NewProxy(t, server.Addr())
			p := &provider{takes: time.Second, during: func() { c.trouble(server, proxy) }}
			took := ask(t, groups(t, 3, proxy.URL()), p, 50)
			t.Logf("all answered after %v", took.Round(time.Millisecond))
		})
	}
}

// TestAway: without Redis nothing is renewed, and with it all is well again.
func TestAway(t *testing.T) {
	server := redistest.Start(t)
	coordinator, err := redisstore.New(redisstore.Config{URL: server.URL(), Timeout: busy}) // whose leases, in case there were any, are soon over
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = coordinator.Close() })
	g, p := groupWith(t, coordinator), &provider{}
	server.Stop()
	began := time.Now()
	if _, err := g.Do(t.Context(), oldKey, p.renew); !errors.Is(err, refresh.ErrUncoordinated) || !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("err = %v", err)
	}
	t.Logf("refused after %v", time.Since(began).Round(time.Millisecond))
	if calls := p.calls.Load(); calls != 0 {
		t.Errorf("%d renewals", calls)
	}
	server.Restart()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		value, err := g.Do(t.Context(), oldKey, p.renew)
		if string(value) == "renewed 1" {
			break
		}
		if !errors.Is(err, refresh.ErrUncoordinated) || time.Now().After(deadline) {
			t.Fatalf("afterwards: %q, %v", value, err)
		}
	}
}

const leading = "leading"

// lead is the leader that is killed.
func lead(url string) error {
	s, err := redisstore.New(redisstore.Config{URL: url})
	if err != nil {
		return err
	}
	g, err := refresh.New(refresh.Config{Coordinator: s, Timeout: time.Minute})
	if err != nil {
		return err
	}
	_, err = g.Do(context.Background(), oldKey, func(context.Context) (refresh.Result, error) {
		fmt.Println(leading)
		time.Sleep(time.Minute)
		return refresh.Result{}, nil
	})
	return err
}

// TestLeaderKilled: a process dies in mid-renewal, and another one takes over.
func TestLeaderKilled(t *testing.T) {
	server := redistest.Start(t)
	two := groups(t, 2, server.URL())
	leader := exec.Command(os.Args[0])
	leader.Env = append(os.Environ(), leaderEnv+"="+server.URL())
	output, err := leader.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := leader.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = leader.Wait() }()
	defer func() { _ = leader.Process.Kill() }()
	if line, err := bufio.NewReader(output).ReadString('\n'); strings.TrimSpace(line) != leading {
		t.Fatalf("the leader says %q, %v", line, err)
	}
	killed := make(chan time.Time, 1)
	go func() {
		time.Sleep(5 * time.Second) // longer than its lease would last without it
		killed <- time.Now()
		_ = leader.Process.Kill()
	}()
	p := &provider{takes: 100 * time.Millisecond}
	ask(t, two, p, 100)
	t.Logf("all answered %v after the leader was killed", time.Since(<-killed).Round(time.Millisecond))
}
