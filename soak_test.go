package gatehouse_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestSoak has people use three replicas whose clocks are thirty seconds off,
// while the provider flaps and its keys rotate, by the wall's clock. The
// environment's SOAK says for how long each kind of session is soaked: SOAK=60s.
func TestSoak(t *testing.T) {
	length := time.Second
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	for name, share := range map[string]func(*gatehouse.Config, *gatehouse.MemoryStore){
		"sessions in cookies": func(c *gatehouse.Config, s *gatehouse.MemoryStore) { c.Revocations = s },
		"sessions in a store": func(c *gatehouse.Config, s *gatehouse.MemoryStore) { c.Store = s },
	} {
		t.Run(name, func(t *testing.T) { newSoak(t, share).run(length) })
	}
}

// soak are the replicas, the provider and the people.
type soak struct {
	*testing.T
	provider *oidctest.Provider
	idp      *httptest.Server
	replicas []*httptest.Server
	base     string
	client   *http.Client // of all people
	gates    *http.Client // by which the replicas reach the provider
	people   []*person
	log      tail

	answers, served, turnedAway, signIns, signOuts, faults atomic.Int64
}

const (
	soakPeople = 24
	// soakLife is how long access tokens live: a renewal every few requests.
	soakLife = 2 * time.Second
	// soakGrowth is how much more memory may be in use after a soak than after its
	// first third, whatever its length.
	soakGrowth = 8 << 20
)

func newSoak(t *testing.T, share func(*gatehouse.Config, *gatehouse.MemoryStore)) *soak {
	s := &soak{T: t, client: soakClient(), gates: soakClient()}
	s.provider = oidctest.NewProvider(oidctest.Config{
		Algorithm: "ES256", AccessTokenLifetime: soakLife, RefreshTokens: oidctest.RefreshAlways, Rotation: oidctest.RotateAndRevoke,
	})
	s.idp = httptest.NewServer(s.provider)
	t.Cleanup(s.idp.Close)
	t.Cleanup(s.provider.Close)

	keys, store := []cookie.Key{cookie.NewKey()}, gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{})
	for _, skew := range []time.Duration{0, 30 * time.Second, -30 * time.Second} {
		clock := func() time.Time { return time.Now().Add(skew) }
		var handler http.Handler
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
		t.Cleanup(server.Close)
		if s.base == "" {
			s.base = server.URL
		}
		config := gatehouse.Config{
			Issuer: s.idp.URL, ClientID: "app", ClientSecret: "secret", BaseURL: s.base, SessionKeys: keys,
			Coordinator: &seat{store, clock}, RememberedSessions: 64, HTTPClient: s.gates, Clock: clock,
			Logger: slog.New(slog.NewTextHandler(&s.log, nil)),
		}
		share(&config, store)
		gate, err := gatehouse.New(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = gate.Close() })
		handler = routes(gate)
		s.replicas = append(s.replicas, server)
	}
	for i := range soakPeople {
		name := fmt.Sprintf("person-%d", i)
		s.provider.PutUser(oidctest.User{Subject: name, Claims: map[string]any{"name": name, "roles": []string{"admin"}}})
		s.people = append(s.people, &person{soak: s, name: name, rand: rand.New(rand.NewPCG(1, uint64(i))), cookies: map[string]string{}})
	}
	s.fillRequestLog()
	return s
}

func soakClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fillRequestLog has the provider's memory of requests be as large as it gets, so
// that it isn't taken for growth.
func (s *soak) fillRequestLog() {
	padding := strings.Repeat("x", 2000)
	for _, path := range []string{"/token", "/userinfo", "/jwks", "/authorize", "/revoke", "/end-session", "/.well-known/openid-configuration"} {
		for range 1000 {
			r := httptest.NewRequest(http.MethodPost, s.idp.URL+path, strings.NewReader("padding="+padding))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			s.provider.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
}

func (s *soak) isProvider(target string) bool { return strings.HasPrefix(target, s.idp.URL) }

// run lets the people live for a third of the time, and then for the rest of it,
// and compares what is left.
func (s *soak) run(length time.Duration) {
	s.live(length / 3)
	before := s.rest()
	s.live(length - length/3)
	after := s.rest()

	s.Logf("%d answers, %d served, %d turned away, %d sign-ins, %d sign-outs, %d faults, %d token requests",
		s.answers.Load(), s.served.Load(), s.turnedAway.Load(), s.signIns.Load(), s.signOuts.Load(), s.faults.Load(), s.provider.Calls(oidctest.Token))
	s.Logf("%d goroutines and %d kB in use, %d and %d kB before", after.goroutines, after.heap>>10, before.goroutines, before.heap>>10)
	if reuses := s.provider.Reuses(); reuses > 0 {
		s.Errorf("%d refresh tokens were used twice", reuses)
	}
	if s.served.Load() < s.turnedAway.Load() {
		s.Errorf("%d were served and %d turned away", s.served.Load(), s.turnedAway.Load())
	}
	if after.goroutines > before.goroutines {
		stacks := make([]byte, 1<<20)
		s.Errorf("%d goroutines, %d before:\n%s", after.goroutines, before.goroutines, stacks[:runtime.Stack(stacks, true)])
	}
	if after.heap > before.heap+soakGrowth {
		s.Errorf("%d kB in use, %d kB before", after.heap>>10, before.heap>>10)
	}
}

// live is people and faults at the same time, and then calm, in which everybody is
// served everywhere.
func (s *soak) live(length time.Duration) {
	done := make(chan struct{})
	var all sync.WaitGroup
	for _, p := range s.people {
		all.Go(func() { p.live(done) })
	}
	var weather sync.WaitGroup
	weather.Go(func() { s.flap(done) })
	weather.Go(func() { s.rotate(done) })
	time.Sleep(length)
	close(done)
	weather.Wait()
	all.Wait()
	for _, p := range s.people {
		all.Go(func() {
			if !p.signedIn {
				p.signIn(nil)
			}
			for _, replica := range s.replicas {
				p.insist(replica.URL)
			}
		})
	}
	all.Wait()
}

// flap has the provider fail in all the ways in which nothing has been done yet:
// what it did and nobody heard of, nobody can make good.
func (s *soak) flap(done <-chan struct{}) {
	random := rand.New(rand.NewPCG(2, 3))
	page := oidctest.Body(http.StatusOK, "text/html", "<!doctype html><title>Maintenance</title>")
	for {
		release := make(chan struct{})
		faults := []oidctest.Fault{
			oidctest.Status(http.StatusInternalServerError), oidctest.Status(http.StatusTooManyRequests), oidctest.Status(http.StatusServiceUnavailable),
			oidctest.OAuthError(http.StatusBadRequest, "temporarily_unavailable", "later"),
			oidctest.Drop(), page, oidctest.Hold(release), oidctest.Delay(200 * time.Millisecond),
		}
		endpoints := []oidctest.Endpoint{oidctest.Token, oidctest.Token, oidctest.JWKS, oidctest.Userinfo, oidctest.Revocation, oidctest.Discovery, oidctest.Every}
		remove := s.provider.Intercept(endpoints[random.IntN(len(endpoints))], faults[random.IntN(len(faults))])
		s.faults.Add(1)
		length := time.Duration(50+random.IntN(300)) * time.Millisecond
		if random.IntN(10) == 0 {
			length += 2 * soakLife // until every access token is dead
		}
		over := pause(done, length)
		close(release)
		remove()
		if over || pause(done, time.Duration(random.IntN(500))*time.Millisecond) {
			return
		}
	}
}

// rotate publishes a new key now and then, and retires the old one a while later.
func (s *soak) rotate(done <-chan struct{}) {
	for !pause(done, 500*time.Millisecond) {
		s.provider.RotateKeys()
		if pause(done, 2*time.Second) {
			return
		}
		s.provider.RetireKeys()
	}
}

// pause reports whether it was cut short.
func pause(done <-chan struct{}, length time.Duration) bool {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
	select { // where both are, done counts
	case <-done:
		return true
	default:
		return false
	}
}

// left is what is in use when nobody does anything.
type left struct {
	goroutines int
	heap       uint64
}

// rest waits until all connections are closed, and everything that nobody waits
// for is done.
func (s *soak) rest() left {
	var now left
	for steady, tries := 0, 0; steady < 5 && tries < 300; tries++ {
		for _, client := range []*http.Client{s.client, s.gates} {
			client.CloseIdleConnections()
		}
		time.Sleep(50 * time.Millisecond)
		count := runtime.NumGoroutine()
		if count == now.goroutines {
			steady++
		} else {
			steady = 0
		}
		now.goroutines = count
	}
	var memory runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers and pools let go of
	runtime.ReadMemStats(&memory)
	now.heap = memory.HeapAlloc
	return now
}

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() > 1<<20 {
		l.text.Next(l.text.Len() - 1<<19)
	}
	return l.text.Write(b)
}

// about returns the last lines that say this.
func (l *tail) about(what string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := slices.DeleteFunc(strings.SplitAfter(l.text.String(), "\n"), func(line string) bool { return !strings.Contains(line, what) })
	return strings.Join(lines[max(len(lines)-12, 0):], "")
}
