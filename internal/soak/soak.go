// Package soak has people use the replicas of an application for a while, in bad
// weather, and tells a test what any of them would complain about. The replicas may
// be of this process or of others.
//
// An application that is soaked serves, to the person named NAME,
//
//	/        hello NAME, and hello stranger to others
//	/me      {"sub": "NAME"}, to browsers
//	/api/me  the same, to scripts
//
// and its provider signs in whoever is posted as subject.
package soak

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says where everything is, and who wants to know.
type Config struct {
	People   int
	Base     string   // the origin of the application, as its pages have it
	Replicas []string // the addresses of those who serve it
	Provider string   // the address of the provider
	// Obeyed is how long a sign-out may take to be obeyed by all replicas that
	// answer. Zero stands for at once.
	Obeyed time.Duration
	// SignOutElsewhere, where set, has the provider tell one of the replicas that a
	// person has signed out, and reports whether all of them are to obey.
	SignOutElsewhere func(name string, replica int) bool
	// Errorf is told what people complain about.
	Errorf func(format string, values ...any)
	// Log is what the replicas log.
	Log *Tail
	// Disturbed, where set, reports whether requests sent since then may have got
	// no answer because of what was done to a replica.
	Disturbed func(since time.Time) bool
	// Excused, where set, reports whether the provider had a reason to end the
	// session of this person that began at that time.
	Excused func(name string, since time.Time) bool
}

// Crowd are the people, and what has happened to them.
type Crowd struct {
	Config
	People []*Person
	client *http.Client

	Answers, Served, TurnedAway, SignIns, SignOuts, Faults, Excuses atomic.Int64

	mu      sync.Mutex
	slowest time.Duration // until a sign-out was obeyed everywhere
}

// New returns a crowd. What people do is the same each time, but for when.
func New(config Config) *Crowd {
	c := &Crowd{Config: config, client: Client()}
	for i := range config.People {
		c.People = append(c.People, &Person{
			crowd: c, name: NameOf(i), rand: rand.New(rand.NewPCG(1, uint64(i))), cookies: map[string]string{},
		})
	}
	return c
}

// NameOf is the subject of the i-th person.
func NameOf(i int) string { return fmt.Sprintf("person-%d", i) }

// Client returns one that follows no redirects and keeps enough connections.
func Client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       30 * time.Second,
	}
}

// Live is people and weather at the same time, until length has passed. Weather
// ends when it is told, storm on the goroutine of the caller, who may so end a test.
func (c *Crowd) Live(length time.Duration, storm func(done <-chan struct{}), weather ...func(done <-chan struct{})) {
	done := make(chan struct{})
	timer := time.AfterFunc(length, func() { close(done) })
	defer timer.Stop()
	var all sync.WaitGroup
	for _, p := range c.People {
		all.Go(func() { p.live(done) })
	}
	for _, w := range weather {
		all.Go(func() { w(done) })
	}
	storm(done)
	all.Wait()
}

// Calm is after the weather: everybody is served everywhere.
func (c *Crowd) Calm() {
	var all sync.WaitGroup
	late := make(chan struct{})
	timer := time.AfterFunc(time.Minute, func() { close(late) })
	defer timer.Stop()
	for _, p := range c.People {
		all.Go(func() {
			if !p.isSignedIn() {
				p.signIn(late)
			}
			if !p.isSignedIn() {
				p.complain("not signed in when all is calm")
				return
			}
			for _, replica := range c.Replicas {
				p.insist(replica)
			}
		})
	}
	all.Wait()
}

// Leave closes the connections that nobody uses.
func (c *Crowd) Leave() { c.client.CloseIdleConnections() }

// Flap has one of troubles begin and end, and another one, until done is closed.
// Most last for moments, and some for long.
func (c *Crowd) Flap(long time.Duration, troubles func(*rand.Rand) (end func())) func(done <-chan struct{}) {
	random := rand.New(rand.NewPCG(2, 3))
	return func(done <-chan struct{}) {
		for {
			end := troubles(random)
			c.Faults.Add(1)
			length := time.Duration(50+random.IntN(300)) * time.Millisecond
			if random.IntN(10) == 0 {
				length += long
			}
			over := Pause(done, length)
			end()
			if over || Pause(done, time.Duration(random.IntN(500))*time.Millisecond) {
				return
			}
		}
	}
}

// Rotate publishes a new key now and then, and retires the old ones a while later.
func Rotate(publish, retire func()) func(done <-chan struct{}) {
	return func(done <-chan struct{}) {
		for !Pause(done, 500*time.Millisecond) {
			publish()
			if Pause(done, 2*time.Second) {
				return
			}
			retire()
		}
	}
}

// Pause reports whether it was cut short.
func Pause(done <-chan struct{}, length time.Duration) bool {
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

// String is what has happened, in a line.
func (c *Crowd) String() string {
	parts := []string{
		fmt.Sprintf("%d answers, %d served, %d turned away, %d sign-ins, %d sign-outs, %d faults",
			c.Answers.Load(), c.Served.Load(), c.TurnedAway.Load(), c.SignIns.Load(), c.SignOuts.Load(), c.Faults.Load()),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Obeyed > 0 {
		parts = append(parts, fmt.Sprintf("copies of signed-out cookies dead everywhere within %v", c.slowest.Round(time.Millisecond)))
	}
	return strings.Join(parts, ", ")
}

func (c *Crowd) disturbed(since time.Time) bool { return c.Disturbed != nil && c.Disturbed(since) }

func (c *Crowd) obeyedAfter(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slowest = max(c.slowest, took)
}
