package redisstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// clients are the two connections that a process has to each server. Redis
// tells the first what has changed of the keys it has read; the second of every
// revocation, read or not, which takes Redis no memory per key.
type clients struct{ sessions, revocations rueidis.Client }

func (c *clients) both() []rueidis.Client { return []rueidis.Client{c.sessions, c.revocations} }

// cluster reports whether some servers may be away while the others go on.
func (c *clients) cluster() bool { return c.sessions.Mode() == rueidis.ClientModeCluster }

// link knows whether Redis can be asked. When a connection breaks nothing is
// asked until both are there again, and it is known whether Redis is still what
// it was: it may have come back empty.
type link struct {
	store  *Store
	option rueidis.ClientOption
	up     atomic.Pointer[clients] // nil while Redis can't be asked
	kick   chan struct{}

	mu      sync.Mutex
	both    *clients      // nil before the first connection
	err     error         // why Redis can't be asked; nil while that is being found out
	since   time.Time     // when it couldn't be asked any more
	breaks  int           // how often a connection broke, or was made
	steady  int           // of those, when Redis was last found to be as it was
	changed chan struct{} // closed when up or err changes
	resumed chan struct{} // closed when Redis may have come back without leases
	epoch   string        // what Redis said it was; keep alone uses it
	runs    map[string]bool
	settled time.Time // no lease is begun before
	missing int       // revocations that are still to be published
	empty   bool      // because Redis came back without them
}

const (
	minRetry, maxRetry = 25 * time.Millisecond, 500 * time.Millisecond
	// blip is how long a broken connection is nobody's concern.
	blip = 250 * time.Millisecond
	// checkEvery is how often a link is looked at that nothing is known against.
	checkEvery = 10 * time.Second
	// epochLife outlives any absence of all processes that matters.
	epochLife = 90 * 24 * time.Hour
)

func newLink(s *Store) *link {
	option, _ := s.config.client() // checked
	l := &link{store: s, since: time.Now(), option: option, kick: make(chan struct{}, 1), changed: make(chan struct{}), resumed: make(chan struct{})}
	l.option.DialCtxFn = l.dialer(option.DialCtxFn)
	return l
}

// dialer lets Close end a dialing that is under way, and notes what came of it: a
// client makes another connection before it says that one broke.
func (l *link) dialer(dial func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error)) func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
	if dial == nil {
		dial = func(ctx context.Context, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
			if config == nil {
				return dialer.DialContext(ctx, "tcp", address)
			}
			return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, "tcp", address)
		}
	}
	return func(ctx context.Context, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(l.store.closing, cancel)()
		conn, err := dial(ctx, address, dialer, config)
		if err == nil {
			l.mu.Lock()
			l.breaks++
			l.mu.Unlock()
			l.lookAgain()
		}
		return conn, err
	}
}

// clients returns what to ask with. It waits while that is being found out, and
// for a moment after Redis went away; later it fails at once.
func (l *link) clients(ctx context.Context) (*clients, error) {
	if c := l.up.Load(); c != nil {
		return c, nil
	}
	for {
		l.mu.Lock()
		c, err, changed, left := l.up.Load(), l.err, l.changed, blip-time.Since(l.since)
		l.mu.Unlock()
		switch {
		case l.store.closing.Err() != nil:
			return nil, ErrClosed
		case c != nil:
			return c, nil
		case err != nil && left <= 0:
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		var over <-chan time.Time // never, while nothing is known
		if err != nil {
			over = time.After(left)
		}
		select {
		case <-changed:
		case <-over:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		case <-l.store.closing.Done():
			return nil, ErrClosed
		}
	}
}

// broken is called when a connection broke, or Redis dropped every key.
func (l *link) broken() {
	l.mu.Lock()
	l.breaks++
	if l.up.Swap(nil) != nil {
		l.err, l.since = nil, time.Now()
		l.change()
	}
	l.mu.Unlock()
	l.lookAgain()
}

// lookAgain has keep check soon.
func (l *link) lookAgain() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// change wakes those who wait. It needs the lock.
func (l *link) change() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// keep connects, and looks after the connections until the store is closed.
func (l *link) keep() {
	retry := minRetry
	for l.store.closing.Err() == nil {
		pause := checkEvery
		if err := l.checkAgain(); err != nil {
			l.fall(err)
			pause, retry = jitter(retry), min(2*retry, maxRetry)
		} else {
			retry = minRetry
			l.republish()
		}
		timer := time.NewTimer(pause)
		if pause == checkEvery {
			select {
			case <-l.kick:
			case <-timer.C:
			case <-l.store.closing.Done():
			}
		} else { // no kick makes Redis come back
			select {
			case <-timer.C:
			case <-l.store.closing.Done():
			}
		}
		timer.Stop()
	}
}

// jitter keeps many processes from asking at the same moments.
func jitter(d time.Duration) time.Duration {
	n, _ := rand.Int(rand.Reader, big.NewInt(int64(d))) // never fails (crypto/rand)
	return d/2 + time.Duration(n.Int64())/2
}

func (l *link) fall(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.up.Swap(nil) != nil {
		l.since = time.Now()
	}
	l.err = err
	l.change()
}

var (
	errUnsteady   = errors.New("the connection broke again")
	errNobody     = errors.New("no server is known")
	errTwoServers = errors.New("the two connections lead to different servers")
)

// checkAgain checks a few times: the first may run into what is broken, and so
// may the second, on the other connection, and one that makes connections shows
// nothing of them. What takes long isn't tried again.
func (l *link) checkAgain() error {
	for began, tries := time.Now(), 0; ; tries++ {
		err := l.check()
		if err == nil || tries == 4 || time.Since(began) > maxRetry || !wait(l.store.closing, minRetry/5) {
			return err
		}
	}
}

// check connects where that is necessary, and finds out what Redis is now.
func (l *link) check() error {
	c, err := l.connect()
	if err != nil {
		return err
	}
	l.mu.Lock()
	breaks := l.breaks
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(l.store.closing, l.store.config.Timeout)
	defer cancel()
	runs, err := l.greet(ctx, c)
	if errors.Is(err, errTwoServers) {
		l.hangUp()
	}
	if err != nil {
		return err
	}
	epoch, err := l.readEpoch(ctx, c)
	if !c.cluster() && (isReadOnly(err) || errors.Is(err, errTwoServers)) {
		l.hangUp()
	}
	if err != nil && (l.epoch == "" || !c.cluster()) {
		return err
	}
	if err != nil {
		epoch = l.epoch // the rest of the cluster goes on
	}
	return l.rise(c, breaks, epoch, runs)
}

func (l *link) connect() (*clients, error) {
	l.mu.Lock()
	c := l.both
	l.mu.Unlock()
	if c != nil {
		return c, nil
	}
	forSessions, forRevocations := l.option, l.option
	forSessions.CacheSizeEachConn = max(l.store.config.CacheBytes/4*3, 1)
	forSessions.OnInvalidations = l.store.invalidated
	forRevocations.CacheSizeEachConn = 1 // answers are in cleared and known
	forRevocations.OnInvalidations = l.store.revokedElsewhere
	forRevocations.ClientTrackingOptions = []string{"BCAST", "PREFIX", l.store.keys.revocations()}
	var revocations rueidis.Client
	var err2 error
	var other sync.WaitGroup
	other.Go(func() { revocations, err2 = rueidis.NewClient(forRevocations) })
	sessions, err1 := rueidis.NewClient(forSessions)
	other.Wait()
	if err := cmp.Or(err1, err2); err != nil { // mostly the same of both
		for _, client := range []rueidis.Client{sessions, revocations} {
			if client != nil {
				client.Close()
			}
		}
		return nil, err
	}
	c = &clients{sessions, revocations}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.both = c
	return c, nil
}

// isReadOnly reports whether a server takes no changes, because another one took
// its place: it answers, and where it was found there is now the other one.
func isReadOnly(err error) bool { return says(err, "READONLY") }

// says reports whether err is an error of Redis's that begins with word.
func says(err error, word string) bool {
	var said *rueidis.RedisError
	return errors.As(err, &said) && strings.HasPrefix(said.Error(), word)
}

// hangUp has the server be looked for anew.
func (l *link) hangUp() {
	l.mu.Lock()
	c := l.both
	l.both = nil
	l.up.Store(nil)
	l.mu.Unlock()
	if c != nil {
		c.sessions.Close()
		c.revocations.Close()
	}
}

// rise lets Redis be asked again.
func (l *link) rise(c *clients, breaks int, epoch string, runs map[string]bool) error {
	l.mu.Lock()
	if l.breaks != breaks {
		l.mu.Unlock()
		return errUnsteady
	}
	anew := l.isNewRun(runs)
	returned := anew || l.up.Load() == nil // or came for the first time: who watched before has missed something
	if anew {                              // of a new server nothing was heard until now
		l.store.takeBack(nil)
	}
	if lost := l.epoch != "" && l.epoch != epoch; lost || anew {
		l.empty = l.empty || lost
		l.missing = l.store.known.forAll()
		l.settled = time.Now().Add(maxRetry + l.store.config.Lease*5/6)
		close(l.resumed)
		l.resumed = make(chan struct{})
	} else {
		l.missing = l.store.known.unpublished()
	}
	l.epoch, l.runs, l.err, l.steady = epoch, runs, nil, breaks
	l.up.Store(c)
	l.change()
	l.mu.Unlock()
	if returned {
		l.store.watch.tell(nil)
	}
	return nil
}

// isNewRun reports whether a server was started anew, which may have cost it the
// last of what it was told. It needs the lock.
func (l *link) isNewRun(runs map[string]bool) bool {
	if l.runs == nil {
		return false
	}
	for run := range runs {
		if !l.runs[run] {
			return true
		}
	}
	return false
}

// mayLead reports whether a lease that isn't there is really free: where Redis
// lost its keys, who leads a renewal needs time to say so again, as long as a living
// process may stand still. It isn't where that is still being found out. Nor is it
// known of a lease that was asked for before such a thing came to light: see isSteady.
func (l *link) mayLead() (free bool, breaks int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.steady == l.breaks && !time.Now().Before(l.settled), l.breaks
}

// isSteady reports whether no connection broke or was made since mayLead.
func (l *link) isSteady(breaks int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.breaks == breaks
}

// awaitSteady returns when what is known of Redis is so of its connections.
func (l *link) awaitSteady(ctx context.Context) (breaks int, err error) {
	for {
		l.mu.Lock()
		steady, breaks, changed := l.steady == l.breaks, l.breaks, l.changed
		l.mu.Unlock()
		if steady {
			return breaks, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		case <-l.store.closing.Done():
			return 0, ErrClosed
		}
	}
}

// resumes returns what is closed when leases may have been lost.
func (l *link) resumes() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.resumed
}
