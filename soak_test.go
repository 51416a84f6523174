package gatehouse_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/soak"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestSoak has people use three replicas whose clocks are up to thirty seconds off
// and are set again all the time, while the provider flaps and its keys rotate, by
// the wall's clock. The environment's SOAK says for how long each kind of session
// is soaked: SOAK=60s.
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
		t.Run(name, func(t *testing.T) { newBasin(t, share).soak(length) })
	}
}

// basin is what is soaked: the replicas and their provider.
type basin struct {
	*testing.T
	provider *oidctest.Provider
	idp      *httptest.Server
	gates    *http.Client // by which the replicas reach the provider
	clocks   []*soak.Clock
	crowd    *soak.Crowd
	told     atomic.Int64 // sign-outs at the provider
}

const (
	soakPeople = 24
	// soakLife is how long access tokens live: a renewal every few requests.
	soakLife = 2 * time.Second
	// soakVaries is how much more memory may be in use after a soak than after its
	// first third, whatever its length, but for what the provider keeps of every
	// request for a sign-in.
	soakVaries, soakKept = 4 << 20, 1 << 10
)

func newBasin(t *testing.T, share func(*gatehouse.Config, *gatehouse.MemoryStore)) *basin {
	b := &basin{T: t, gates: soak.Client()}
	b.provider = oidctest.NewProvider(oidctest.Config{
		Algorithm: "ES256", AccessTokenLifetime: soakLife, RefreshTokens: oidctest.RefreshAlways, Rotation: oidctest.RotateAndRevoke,
	})
	b.idp = httptest.NewServer(b.provider)
	t.Cleanup(b.idp.Close)
	t.Cleanup(b.provider.Close)
	for i := range soakPeople {
		name := soak.NameOf(i)
		b.provider.PutUser(oidctest.User{Subject: name, Claims: map[string]any{"name": name, "roles": []string{"admin"}}})
	}

	config := soak.Config{People: soakPeople, Provider: b.idp.URL, Errorf: t.Errorf, Log: &soak.Tail{}}
	keys, store := []cookie.Key{cookie.NewKey()}, gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{})
	for i, ahead := range []time.Duration{0, 30 * time.Second, -30 * time.Second} {
		clock := soak.NewClock(uint64(i), ahead)
		b.clocks = append(b.clocks, clock)
		var handler http.Handler
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
		t.Cleanup(server.Close)
		config.Replicas = append(config.Replicas, server.URL)
		config.Base = config.Replicas[0]
		replica := gatehouse.Config{
			Issuer: b.idp.URL, ClientID: "app", ClientSecret: "secret", BaseURL: config.Base, SessionKeys: keys,
			Coordinator: &seat{store, clock.Now}, RememberedSessions: 64, HTTPClient: b.gates, Clock: clock.Now,
			Logger: slog.New(slog.NewTextHandler(config.Log, nil)),
		}
		share(&replica, store)
		gate, err := gatehouse.New(replica)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = gate.Close() })
		handler = routes(gate)
	}
	config.SignOutElsewhere = b.signOut
	b.crowd = soak.New(config)
	b.fillRequestLog()
	return b
}

// fillRequestLog has the provider's memory of requests be as large as it gets, so
// that it isn't taken for growth.
func (b *basin) fillRequestLog() {
	padding := strings.Repeat("x", 2000)
	for _, path := range []string{"/token", "/userinfo", "/jwks", "/authorize", "/revoke", "/end-session", "/.well-known/openid-configuration"} {
		for range 1000 {
			r := httptest.NewRequest(http.MethodPost, b.idp.URL+path, strings.NewReader("padding="+padding))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			b.provider.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
}

// soak lets the people live for a third of the time, and then for the rest of it,
// and compares what is left.
func (b *basin) soak(length time.Duration) {
	b.live(length / 3)
	before, asked := b.rest(soak.Left{}), b.provider.Calls(oidctest.Authorize)
	b.live(length - length/3)
	after := b.rest(before)

	b.Logf("%v, %d sign-outs by the provider, %d token requests, %s", b.crowd, b.told.Load(), b.provider.Calls(oidctest.Token), b.settings())
	b.Logf("%v; the provider was asked for %d sign-ins meanwhile", after.Since(before), b.provider.Calls(oidctest.Authorize)-asked)
	if reuses := b.provider.Reuses(); reuses > 0 {
		b.Errorf("%d refresh tokens were used twice", reuses)
	}
	if served, away := b.crowd.Served.Load(), b.crowd.TurnedAway.Load(); served < away {
		b.Errorf("%d were served and %d turned away", served, away)
	}
	kept := uint64(b.provider.Calls(oidctest.Authorize)-asked) * soakKept
	if err := after.Grown(before, soakVaries+kept); err != nil {
		b.Errorf("%v:\n%s", err, soak.Stacks())
	}
}

// settings says how often clocks were set.
func (b *basin) settings() string {
	all, back := 0, 0
	for _, clock := range b.clocks {
		set, setBack := clock.Steps()
		all, back = all+set, back+setBack
	}
	return fmt.Sprintf("clocks set %d times, %d times back", all, back)
}

func (b *basin) live(length time.Duration) {
	b.crowd.Live(length, b.crowd.Flap(2*soakLife, b.trouble), soak.Rotate(b.provider.RotateKeys, b.provider.RetireKeys))
	b.crowd.Calm()
}

func (b *basin) rest(before soak.Left) soak.Left {
	return soak.Rest(func() {
		b.crowd.Leave()
		b.gates.CloseIdleConnections()
	}, before)
}

// signOut has the provider tell a replica that somebody has signed out there. What
// the replica makes of it goes by its clock, so that nobody knows which sessions are
// meant where that was set in the middle of it.
func (b *basin) signOut(name string, replica int) bool {
	before, _ := b.clocks[replica].Steps()
	form := url.Values{"logout_token": {b.provider.LogoutToken("app", name, "").Sign()}}
	res, err := b.gates.PostForm(b.crowd.Replicas[replica]+"/auth/backchannel-logout", form)
	if err != nil {
		b.Errorf("%s: back-channel logout: %v", name, err)
		return false
	}
	res.Body.Close()
	after, _ := b.clocks[replica].Steps()
	obeyed := res.StatusCode == http.StatusOK && before == after
	if obeyed {
		b.told.Add(1)
	}
	return obeyed
}

// trouble has the provider fail in one of the ways in which nothing has been done
// yet: what it did and nobody heard of, nobody can make good.
func (b *basin) trouble(random *rand.Rand) (end func()) {
	release := make(chan struct{})
	faults := []oidctest.Fault{
		oidctest.Status(http.StatusInternalServerError), oidctest.Status(http.StatusTooManyRequests), oidctest.Status(http.StatusServiceUnavailable),
		oidctest.OAuthError(http.StatusBadRequest, "temporarily_unavailable", "later"),
		oidctest.Body(http.StatusOK, "text/html", "<!doctype html><title>Maintenance</title>"),
		oidctest.Drop(), oidctest.Hold(release), oidctest.Delay(200 * time.Millisecond),
	}
	endpoints := []oidctest.Endpoint{oidctest.Token, oidctest.Token, oidctest.JWKS, oidctest.Userinfo, oidctest.Revocation, oidctest.Discovery, oidctest.Every}
	remove := b.provider.Intercept(endpoints[random.IntN(len(endpoints))], faults[random.IntN(len(faults))])
	return func() {
		close(release)
		remove()
	}
}
