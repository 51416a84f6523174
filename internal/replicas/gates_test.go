package replicas

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/redisstore"
)

// dead is longer than an access token lives.
const dead = 6 * time.Minute

// TestExpiredSession: 3 replicas, 500 requests each on one expired session, and a
// provider that takes a second: it is asked once, and nobody is signed out.
func TestExpiredSession(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		f := newFleet(t, m)
		p := f.signIn()
		old := p.copied()
		f.provider.Intercept(oidctest.Token, oidctest.Delay(time.Second))
		f.advance(dead)
		statuses, took := p.crowd(crowd)
		f.advance(20 * time.Second)
		for at := range f.sites { // late ones
			old.copied().want(at, http.StatusOK)
		}
		if calls := f.provider.Calls(oidctest.Token); statuses[200] != 3*crowd || calls != 2 || f.provider.Reuses() != 0 {
			t.Errorf("answered %v; %d token requests, %d reuses", statuses, calls, f.provider.Reuses())
		}
		t.Logf("%s: %d requests on an expired session, the provider takes 1 s: all answered after %v", m, 3*crowd, took.Round(time.Millisecond))
	})
}

// TestSignOutEverywhere: at one replica, and copies at all of them are dead,
// whatever was being renewed.
func TestSignOutEverywhere(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		f := newFleet(t, m)
		p := f.signIn()
		old := p.copied()
		entered := make(chan struct{}, 1)
		release := make(chan struct{})
		f.provider.Intercept(oidctest.Token, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				entered <- struct{}{}
				<-release
				next.ServeHTTP(w, r)
			})
		})
		f.advance(dead)
		renewed := make(chan int)
		go func() { renewed <- p.status(0) }()
		<-entered
		if status, _ := old.copied().do(1, http.MethodPost, "/auth/logout"); status != http.StatusOK {
			t.Errorf("signing out: %d", status)
		}
		close(release)
		if status := <-renewed; status != http.StatusUnauthorized {
			t.Errorf("the renewal under way ends with %d", status)
		}
		for at := range f.sites {
			old.copied().comes(at, http.StatusUnauthorized)
			p.comes(at, http.StatusUnauthorized)
		}
	})
}

// TestRevocationLatency prints how long a revocation at one replica takes to be
// obeyed at another, by requests and by an open stream.
func TestRevocationLatency(t *testing.T) {
	const rounds = 60
	eachMode(t, func(t *testing.T, m mode) {
		f := newFleet(t, m)
		var requests, streams []time.Duration
		for range rounds {
			p := f.signIn()
			p.want(1, http.StatusOK)
			p.want(1, http.StatusOK) // which every word of is remembered now
			ended := p.stream(2)
			began := time.Now()
			if err := f.gates[0].Revoke(t.Context(), gatehouse.Revocation{Subject: "alice"}); err != nil {
				t.Fatal(err)
			}
			for p.status(1) != http.StatusUnauthorized {
				if time.Since(began) > time.Minute {
					t.Fatal("a revocation is not obeyed at another replica")
				}
			}
			requests = append(requests, time.Since(began))
			select {
			case at := <-ended:
				streams = append(streams, at.Sub(began))
			case <-time.After(time.Minute):
				t.Fatal("a stream at another replica stays open")
			}
		}
		t.Logf("%s: a revocation is obeyed by requests at another replica after %s, and by an open stream after %s (%d rounds)",
			m, quantiles(requests), quantiles(streams), rounds)
	})
}

// stream opens one that lasts as long as the session, and returns when it ended.
func (p *person) stream(at int) <-chan time.Time {
	p.f.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p.f.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.f.sites[at].URL+"/stream", nil)
	if err != nil {
		p.f.Fatal(err)
	}
	res, err := (&http.Client{Transport: transport, Jar: p.jar}).Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		p.f.Fatalf("%v, %v", res, err)
	}
	ended := make(chan time.Time, 1)
	go func() {
		defer res.Body.Close()
		for buffer := make([]byte, 64); ; {
			if _, err := res.Body.Read(buffer); err != nil {
				ended <- time.Now()
				return
			}
		}
	}()
	return ended
}

func quantiles(all []time.Duration) string {
	slices.Sort(all)
	at := func(q float64) time.Duration {
		return all[min(int(q*float64(len(all))), len(all)-1)].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %v, p99 %v", at(0.5), at(0.99))
}

// TestBackchannelLogoutReachesAll: the provider tells one replica.
func TestBackchannelLogoutReachesAll(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		f := newFleet(t, m)
		p := f.signIn()
		for at := range f.sites {
			p.want(at, http.StatusOK)
		}
		token := f.provider.LogoutToken("app", "alice", f.provider.SID()).Sign()
		if status := f.deliver(2, token); status != http.StatusOK {
			t.Errorf("delivered: %d", status)
		}
		if status := f.deliver(0, token); status != http.StatusBadRequest {
			t.Errorf("replayed to another replica: %d", status)
		}
		copied := p.copied()
		for at := range f.sites {
			copied.copied().comes(at, http.StatusUnauthorized)
		}
		f.signIn().want(1, http.StatusOK) // at once
	})
}

// TestSteadyState: a live session costs Redis nothing, whatever its replica is
// asked.
func TestSteadyState(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		f := newFleet(t, m)
		p := f.signIn()
		f.quiet(func() { // what is told in the background is told
			for at := range f.sites {
				p.want(at, http.StatusOK)
			}
		})
		count := func() string { return fmt.Sprint(f.redis.Commands()) }
		before := count()
		for range 100 {
			for at := range f.sites {
				p.want(at, http.StatusOK)
			}
		}
		if after := count(); after != before {
			t.Errorf("300 requests cost Redis\n%s\nbefore it was\n%s", after, before)
		}
	})
}

// TestTrouble: nobody is signed out by what happens to Redis, no cookie is
// cleared, and all is well afterwards.
func TestTrouble(t *testing.T) {
	persistent := []string{"--appendonly", "yes", "--appendfsync", "always"}
	for _, c := range []struct {
		name    string
		args    []string
		modes   []mode
		begin   func(*fleet)
		end     func(*fleet)
		serving bool // while it lasts
	}{
		{"stopped, with persistence", persistent, []mode{stored, cookies}, func(f *fleet) { f.redis.Stop() }, func(f *fleet) { f.redis.Restart() }, false},
		{"crashed, with persistence", persistent, []mode{stored, cookies}, func(f *fleet) { f.redis.Kill() }, func(f *fleet) { f.redis.Restart() }, false},
		{"stopped, and empty afterwards", nil, []mode{cookies}, func(f *fleet) { f.redis.Stop() }, func(f *fleet) { f.redis.Restart() }, false},
		{"silent", nil, []mode{stored, cookies}, func(f *fleet) { f.proxy.Silence(true) }, func(f *fleet) { f.proxy.Silence(false) }, false},
		{"cut once", nil, []mode{stored, cookies}, func(f *fleet) { f.proxy.Cut() }, func(*fleet) {}, true},
		{"slow by 100 ms each way", nil, []mode{stored, cookies}, func(f *fleet) { f.proxy.Delay(100 * time.Millisecond) }, func(f *fleet) { f.proxy.Delay(0) }, true},
	} {
		for _, m := range c.modes {
			t.Run(c.name+", "+string(m), func(t *testing.T) {
				f := newFleetWith(t, m, redisstore.Config{}, c.args...) // which notice a silence as soon as they do by default
				p, gone := f.signIn(), f.signIn()
				copied := gone.copied()
				if status, _ := gone.do(1, http.MethodPost, "/auth/logout"); status != http.StatusOK {
					t.Errorf("signing out: %d", status)
				}
				for at := range f.sites {
					p.want(at, http.StatusOK)
				}
				c.begin(f)
				began := time.Now()
				statuses := map[int]int{}
				for i := 0; i < 30 || c.serving && statuses[200] == 0 || !c.serving && statuses[503] < 10; i++ {
					status, set := p.do(i%3, http.MethodGet, "/me")
					statuses[status]++
					if status != http.StatusOK && status != http.StatusServiceUnavailable || set {
						t.Fatalf("%d, sets a cookie: %v", status, set)
					}
					if time.Since(began) > time.Minute {
						t.Fatalf("answered %v", statuses)
					}
				}
				during := time.Since(began)
				c.end(f)
				back := time.Now()
				for at := range f.sites {
					p.comes(at, http.StatusOK)
				}
				took := time.Since(back)
				for at := range f.sites { // who was signed out still is
					copied.copied().comes(at, http.StatusUnauthorized)
				}
				f.advance(dead)
				for at := range f.sites {
					p.comes(at, http.StatusOK)
				}
				if calls := f.provider.Calls(oidctest.Token); calls != 3 || f.provider.Reuses() != 0 {
					t.Errorf("%d token requests, %d reuses", calls, f.provider.Reuses())
				}
				t.Logf("%s, %s: %v of requests in %v; served again by all replicas %v after its end", c.name, m, statuses, during.Round(time.Millisecond), took.Round(time.Millisecond))
			})
		}
	}
}
