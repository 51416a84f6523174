package replicas

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/canary"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// fleet is an application in three processes' worth of gates, each with
// connections of its own to one Redis, and a provider that rotates refresh tokens
// and ends the session when one is used twice.
type fleet struct {
	testing.TB
	redis    *redistest.Server
	proxy    *redistest.Proxy // in front of Redis
	provider *oidctest.Server
	ahead    atomic.Int64 // how far all clocks but Redis's are
	gates    []*gatehouse.Gate
	sites    []*httptest.Server
}

// mode says where sessions are.
type mode string

const (
	stored  mode = "sessions in Redis"
	cookies mode = "sessions in cookies"
)

func eachMode(t *testing.T, test func(t *testing.T, m mode)) {
	for _, m := range []mode{stored, cookies} {
		t.Run(string(m), func(t *testing.T) { test(t, m) })
	}
}

func (f *fleet) now() time.Time { return time.Now().Add(time.Duration(f.ahead.Load())) }

// advance lets time pass, but for Redis.
func (f *fleet) advance(d time.Duration) { f.ahead.Add(int64(d)) }

func newFleet(t testing.TB, m mode) *fleet {
	t.Helper()
	return newFleetWith(t, m, redisstore.Config{Timeout: busy})
}

// newFleetWith is newFleet with stores of one's own, and a redis-server that is started
// with these arguments.
func newFleetWith(t testing.TB, m mode, stores redisstore.Config, redisArgs ...string) *fleet {
	t.Helper()
	f := &fleet{TB: t, redis: redistest.Start(t, redisArgs...)}
	watch := canary.New(t)
	watch.Secret(canary.Password, redistest.Password)
	f.proxy = redistest.NewProxy(t, f.redis.Addr())
	f.provider = oidctest.NewServer(t, oidctest.Config{Algorithm: "ES256", RefreshTokens: oidctest.RefreshAlways, Clock: f.now})
	f.provider.SignIn(oidctest.User{Subject: "alice"})
	f.provider.OnSecret(func(kind, secret string) { watch.Secret(canary.Kind(kind), secret) })
	key := cookie.NewKey()
	watch.Secret(canary.SessionKey, key.Encode())
	for range 3 {
		var handler http.Handler
		site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
		t.Cleanup(site.Close)
		f.sites = append(f.sites, site)
		stores.URL, stores.Clock = f.proxy.URL(), f.now
		redis, err := redisstore.New(stores)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = redis.Close() })
		config := gatehouse.Config{
			Issuer: f.provider.Issuer(), ClientID: "app", ClientSecret: "secret",
			BaseURL: f.sites[0].URL, SessionKeys: []cookie.Key{key}, Clock: f.now, Logger: watch.Logger(io.Discard),
		}
		if m == stored {
			config.Store = redis
		} else {
			config.Revocations = redis
		}
		gate, err := gatehouse.New(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = gate.Close() })
		f.gates = append(f.gates, gate)
		handler = routes(gate)
	}
	return f
}

func routes(gate *gatehouse.Gate) http.Handler {
	mux := gate.Mux()
	mux.HandleFunc("/me", rbac.SignedIn(), func(w http.ResponseWriter, r *http.Request) {
		who, _ := gatehouse.IdentityFrom(r.Context())
		fmt.Fprint(w, who.Subject())
	})
	mux.HandleFunc("/{$}", rbac.Public(), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "home") })
	mux.HandleFunc("/stream", rbac.SignedIn(), func(w http.ResponseWriter, r *http.Request) {
		who, _ := gatehouse.IdentityFrom(r.Context())
		ctx, stop := who.Context(r.Context())
		defer stop()
		fmt.Fprintln(w, "open")
		_ = http.NewResponseController(w).Flush()
		<-ctx.Done()
	})
	return gate.Wrap(mux)
}

// transport keeps enough connections for hundreds of requests at once.
var transport = &http.Transport{MaxIdleConns: 2000, MaxIdleConnsPerHost: 700}

// person is a browser, at whichever replica.
type person struct {
	f   *fleet
	jar *cookiejar.Jar
}

func (f *fleet) person() *person {
	f.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		f.Fatal(err)
	}
	return &person{f, jar}
}

func (p *person) client() *http.Client {
	return &http.Client{Transport: transport, Jar: p.jar, Timeout: time.Minute}
}

// signIn signs in at the first replica.
func (f *fleet) signIn() *person {
	f.Helper()
	return f.signInAs("alice")
}

func (f *fleet) signInAs(name string) *person {
	f.Helper()
	p := f.person()
	r, err := http.NewRequest(http.MethodGet, f.sites[0].URL+"/me", nil)
	if err != nil {
		f.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	res, err := p.client().Do(r)
	if err != nil {
		f.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK || string(body) != name {
		f.Fatalf("signing in: %d %s", res.StatusCode, body)
	}
	return p
}

// do sends a request as a script does, and returns the status and whether the
// session's cookie was changed.
func (p *person) do(at int, method, path string) (status int, set bool) {
	p.f.Helper()
	r, err := http.NewRequest(method, p.f.sites[at].URL+path, nil)
	if err != nil {
		p.f.Fatal(err)
	}
	res, err := p.client().Do(r)
	if err != nil {
		p.f.Error(err)
		return 0, false
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, len(res.Header.Values("Set-Cookie")) > 0
}

func (p *person) status(at int) int {
	p.f.Helper()
	status, _ := p.do(at, http.MethodGet, "/me")
	return status
}

func (p *person) want(at, status int) {
	p.f.Helper()
	if got := p.status(at); got != status {
		p.f.Errorf("replica %d: %d, want %d", at, got, status)
	}
}

// comes waits until the status is that.
func (p *person) comes(at, status int) {
	p.f.Helper()
	for deadline := time.Now().Add(time.Minute); p.status(at) != status; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.f.Fatalf("replica %d never answers %d", at, status)
		}
	}
}

// copied is somebody with the same cookies.
func (p *person) copied() *person {
	p.f.Helper()
	site, err := url.Parse(p.f.sites[0].URL)
	if err != nil {
		p.f.Fatal(err)
	}
	other := p.f.person()
	other.jar.SetCookies(site, p.jar.Cookies(site))
	return other
}

// deliver posts a logout token.
func (f *fleet) deliver(at int, token string) int {
	f.Helper()
	res, err := http.Post(f.sites[at].URL+"/auth/backchannel-logout", "application/x-www-form-urlencoded",
		strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	if err != nil {
		f.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// crowd sends n requests with the same cookies to each replica at once, and
// returns how often each status was answered, and how long all of it took.
func (p *person) crowd(n int) (statuses map[int]int, took time.Duration) {
	p.f.Helper()
	old := p.copied()
	var mu sync.Mutex
	var all sync.WaitGroup
	statuses = map[int]int{}
	began := time.Now()
	for at := range p.f.sites {
		for range n {
			all.Go(func() {
				status := old.copied().status(at)
				mu.Lock()
				defer mu.Unlock()
				statuses[status]++
			})
		}
	}
	all.Wait()
	return statuses, time.Since(began)
}
