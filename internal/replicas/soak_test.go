package replicas

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/soak"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// TestSoakOfProcesses has people use three processes that share one Redis and whose
// clocks are set all the time, while the provider flaps and rotates its keys,
// Redis's connections are killed, Redis stands still, and processes are stopped for
// a while or killed and started again. Nobody is signed out, but where a process
// that was just renewing somebody's session is killed. The environment's SOAK says
// for how long each kind of session is soaked: SOAK=60s.
func TestSoakOfProcesses(t *testing.T) {
	length := 3 * time.Second
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	eachMode(t, func(t *testing.T, m mode) { newHerd(t, m).soak(length) })
}

// herd are the processes, and what they depend on.
type herd struct {
	*testing.T
	redis     *redistest.Server
	provider  *oidctest.Server
	processes []*process
	ledger    *ledger
	outages   outages
	crowd     *soak.Crowd
	random    *rand.Rand
	coming    []trouble
	seen      map[string]int // troubles, by name
}

const (
	soakPeople = 24
	// soakLife is how long access tokens live: a renewal every few requests.
	soakLife = 2 * time.Second
	// soakObeyed is how long a sign-out may take to be obeyed everywhere, Redis and
	// processes being away for a moment included.
	soakObeyed = 10 * time.Second
	// standstill is the most for which Redis or a process stands still, which is
	// shorter than a lease by so much that one isn't lost on a busy machine either.
	standstill = time.Second
	// soakVaries is how much more memory a process may have in use after a soak than
	// after its first third, whatever its length.
	soakVaries = 2 << 20
)

func newHerd(t *testing.T, m mode) *herd {
	h := &herd{T: t, ledger: newLedger(), random: rand.New(rand.NewPCG(5, 6)), seen: map[string]int{}}
	h.redis = redistest.Start(t, "--enable-debug-command", "yes", "--appendonly", "yes", "--appendfsync", "always")
	h.provider = oidctest.NewServer(t, oidctest.Config{
		Algorithm: "ES256", AccessTokenLifetime: soakLife, RefreshTokens: oidctest.RefreshAlways, Rotation: oidctest.RotateAndRevoke,
	})
	h.provider.Intercept(oidctest.Token, h.ledger.watch)
	for i := range soakPeople {
		name := soak.NameOf(i)
		h.provider.PutUser(oidctest.User{Subject: name, Claims: map[string]any{"name": name, "roles": []string{"admin"}}})
	}
	config := soak.Config{
		People: soakPeople, Provider: h.provider.Issuer(), Errorf: t.Errorf, Log: &soak.Tail{},
		Obeyed: soakObeyed, Disturbed: h.outages.since, Excused: h.ledger.excused,
	}
	for range 3 {
		h.processes = append(h.processes, newProcess(t, config.Log))
	}
	keys := cookie.NewKey().Encode()
	for i, ahead := range []time.Duration{0, 30 * time.Second, -30 * time.Second} {
		p := h.processes[i]
		p.orders = orders{
			Name: fmt.Sprint("replica-", i), Issuer: h.provider.Issuer(), Base: h.processes[0].url, Keys: keys,
			Redis: h.redis.URL(), Mode: m, Seed: uint64(100 * i), Ahead: ahead,
		}
		p.start()
		t.Cleanup(p.end)
		config.Replicas = append(config.Replicas, p.url)
	}
	config.Base = h.processes[0].url
	h.crowd = soak.New(config)
	h.ready()
	return h
}

func (h *herd) ready() {
	h.Helper()
	for _, p := range h.processes {
		p.ready()
	}
}

// soak lets the people live for a third of the time, and then for the rest of it,
// and compares what is left in the processes that lived through both.
func (h *herd) soak(length time.Duration) {
	h.live(length / 3)
	names := h.names()
	before := h.left(nil, nil)
	h.live(length - length/3)
	after := h.left(names, before)

	lost, wrong := h.ledger.reuses()
	h.Logf("%v, %d token requests, %d refresh tokens used again after their holder was killed, %d people signed out by that",
		h.crowd, h.provider.Calls(oidctest.Token), lost, h.crowd.Excuses.Load())
	h.Logf("troubles: %v", h.seen)
	for _, text := range wrong {
		h.Error(text)
	}
	if reuses := h.provider.Reuses(); reuses != lost+len(wrong) {
		h.Errorf("the provider counts %d reuses", reuses)
	}
	if served, away := h.crowd.Served.Load(), h.crowd.TurnedAway.Load(); served < away {
		h.Errorf("%d were served and %d turned away", served, away)
	}
	for i, p := range h.processes {
		if p.name() == names[i] {
			h.Logf("%s: %s", p.name(), after[i].Since(before[i]))
			if err := after[i].Grown(before[i], soakVaries); err != nil {
				h.Errorf("%s: %v", p.name(), err)
			}
		}
		p.end()
		if said := p.errors.About(""); said != "" {
			h.Errorf("%s: %s", p.name(), said)
		}
	}
}

func (h *herd) names() (names []string) {
	for _, p := range h.processes {
		names = append(names, p.name())
	}
	return names
}

// left is what each has in use, of those who had a name then compared with before.
func (h *herd) left(names []string, before []soak.Left) (left []soak.Left) {
	h.crowd.Leave()
	for i, p := range h.processes {
		var then soak.Left
		if names != nil && p.name() == names[i] {
			then = before[i]
		}
		left = append(left, p.left(then))
	}
	return left
}

func (h *herd) live(length time.Duration) {
	h.crowd.Live(length, h.storm, h.crowd.Flap(2*soakLife, h.fault), soak.Rotate(h.provider.RotateKeys, h.provider.RetireKeys))
	h.ready()
	h.crowd.Calm()
}

// trouble is something that happens to Redis or to a process. One is over before
// the next one comes.
type trouble struct {
	name   string
	happen func()
}

// storm has one trouble after another, each kind once before any comes again.
func (h *herd) storm(done <-chan struct{}) {
	for !soak.Pause(done, time.Duration(200+h.random.IntN(600))*time.Millisecond) {
		if len(h.coming) == 0 {
			h.coming = []trouble{
				{"connections killed", h.killConnections},
				{"Redis paused", func() { h.redis.Do("CLIENT", "PAUSE", fmt.Sprint(h.moment().Milliseconds()), "ALL") }},
				{"Redis asleep", func() { h.redis.Do("DEBUG", "SLEEP", fmt.Sprint(h.moment().Seconds())) }},
				{"process stopped", h.stopProcess},
				{"process killed", h.killProcess},
				{"process killed in mid-renewal", func() { h.killInMidRenewal(done) }},
				{"Redis restarted", h.restartRedis},
			}
			h.random.Shuffle(len(h.coming), func(i, j int) { h.coming[i], h.coming[j] = h.coming[j], h.coming[i] })
		}
		h.coming[0].happen()
		h.seen[h.coming[0].name]++
		h.coming = h.coming[1:]
		h.ready() // also, everything that was revoked meanwhile is published
	}
}

// moment is for how long something stands still.
func (h *herd) moment() time.Duration {
	return standstill/4 + time.Duration(h.random.Int64N(int64(standstill*3/4)))
}

func (h *herd) killConnections() { h.redis.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") }

// stopProcess has one process stand still.
func (h *herd) stopProcess() {
	p := h.processes[h.random.IntN(len(h.processes))]
	p.signal(syscall.SIGSTOP)
	time.Sleep(h.moment())
	p.signal(syscall.SIGCONT)
}

func (h *herd) restartRedis() {
	h.redis.Stop()
	h.redis.Restart()
}

// killProcess kills always the same one, so that the others can be seen to grow
// or not.
func (h *herd) killProcess() {
	p := h.processes[2]
	h.outages.begin()
	defer h.outages.end()
	p.kill()
	h.ledger.kill(p.name())
	time.Sleep(time.Duration(h.random.IntN(500)) * time.Millisecond)
	p.start()
	p.ready()
}

// killInMidRenewal kills it once the provider has renewed for it, and it doesn't
// know yet.
func (h *herd) killInMidRenewal(done <-chan struct{}) {
	select {
	case <-h.ledger.catch(h.processes[2].name()):
	case <-done: // nobody renews any more
	}
	h.killProcess()
}

// fault has the provider fail in one of the ways in which nothing has been done
// yet: what it did and nobody heard of, nobody can make good.
func (h *herd) fault(random *rand.Rand) (end func()) {
	faults := []oidctest.Fault{
		oidctest.Status(http.StatusInternalServerError), oidctest.Status(http.StatusServiceUnavailable),
		oidctest.OAuthError(http.StatusBadRequest, "temporarily_unavailable", "later"),
		oidctest.Drop(), oidctest.Delay(200 * time.Millisecond), oidctest.Delay(600 * time.Millisecond),
	}
	endpoints := []oidctest.Endpoint{oidctest.Token, oidctest.Token, oidctest.JWKS, oidctest.Userinfo, oidctest.Revocation, oidctest.Discovery, oidctest.Every}
	return h.provider.Intercept(endpoints[random.IntN(len(endpoints))], faults[random.IntN(len(faults))])
}
