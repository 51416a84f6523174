package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// Store keeps in Redis what several processes share: sessions, revocations, each
// person's list of sessions, and the renewals under way. Make one with [New] for
// each process; it is safe for concurrent use.
//
// Names and ids have 1 to 256 bytes; others are an error. So is a lease that was
// lost, and everything after [Store.Close], with [ErrClosed]. Every other error but
// those of ctx says that Redis can't be asked now: it Is [ErrUnavailable], and
// nothing is known of what was asked.
type Store struct {
	config  Config
	keys    keys
	link    *link
	known   *known
	cleared *cleared
	news    *news
	watch   watchers

	closing context.Context
	close   context.CancelFunc
	running sync.WaitGroup
}

var (
	// ErrUnavailable is the error of whatever Redis doesn't answer.
	ErrUnavailable = errors.New("redisstore: Redis does not answer")
	// ErrClosed is the error of everything after [Store.Close].
	ErrClosed = errors.New("redisstore: closed")
	errName   = errors.New("redisstore: a name has 1 to 256 bytes")
)

// New returns a Store. The error joins every mistake in the configuration. It
// doesn't wait for Redis, which may come later; [Store.Ready] says whether it is
// there.
func New(config Config) (*Store, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	config.setDefaults()
	s := &Store{config: config, keys: keys(config.Prefix), known: newKnown(config.MaxRevocations, config.Clock), news: newNews(), cleared: newCleared(config.CacheBytes / 4)}
	s.closing, s.close = context.WithCancel(context.Background())
	s.link = newLink(s)
	s.running.Go(s.link.keep)
	s.running.Go(s.learn)
	return s, nil
}

// Close ends the connections. Renewals that this process leads are somebody
// else's after [Config.Lease]; so close what uses the store first.
func (s *Store) Close() error {
	s.close()
	s.running.Wait()
	s.link.hangUp()
	return nil
}

// Format prints where it keeps things, without its secrets, whatever the verb.
func (s *Store) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "redisstore.Store(%s)", s.config.String())
}

// LogValue logs where it keeps things, without its secrets.
func (s *Store) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// cacheFor is how long an answer is believed that Redis doesn't take back.
const cacheFor = 10 * time.Minute

// Load returns what is kept under id, nil when nothing is. An answer that was
// given before, and that Redis hasn't taken back since, takes no round trip. The
// value must not be modified.
func (s *Store) Load(ctx context.Context, id string) (value []byte, err error) {
	err = s.read(ctx, []string{id}, func(ctx context.Context, c *clients) error {
		key := s.keys.session(id)
		value, err = c.sessions.DoCache(ctx, c.sessions.B().Get().Key(key).Cache(), cacheFor).AsBytes()
		if says(err, "OOM") { // a full one runs no transaction, which caching takes, but still reads
			value, err = c.sessions.Do(ctx, c.sessions.B().Get().Key(key).Build()).AsBytes()
		}
		return unlessNil(err)
	})
	return value, err
}

// Save keeps value under id until expires, provided that previous is kept there;
// nil stands for nothing. Otherwise it changes nothing and returns false. What it
// saved, Load on this process returns from then on.
func (s *Store) Save(ctx context.Context, id string, previous, value []byte, expires time.Time) (saved bool, err error) {
	life := s.lifetime(expires)
	err = s.ask(ctx, id, func(ctx context.Context, c *clients, attempt int) error {
		n, err := saveScript.runSettled(ctx, c.sessions, s.keys.session(id), flag(previous != nil), rueidis.BinaryString(previous),
			rueidis.BinaryString(value), life, flag(attempt > 0))
		saved = n == 1
		return err
	})
	return saved && err == nil, err
}

// Delete keeps nothing under id.
func (s *Store) Delete(ctx context.Context, id string) error {
	return s.ask(ctx, id, func(ctx context.Context, c *clients, _ int) error {
		key := s.keys.session(id)
		replies := c.sessions.DoMulti(ctx, c.sessions.B().Del().Key(key).Build(), settle(c.sessions, key))
		return errors.Join(replies[0].Error(), replies[1].Error())
	})
}

// lifetime returns for how many milliseconds Redis keeps something; none that
// are positive stand for not at all.
func (s *Store) lifetime(until time.Time) string {
	return strconv.FormatInt(until.Sub(s.config.Clock()).Milliseconds(), 10)
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// unlessNil takes "there is nothing" for an answer.
func unlessNil(err error) error {
	if rueidis.IsRedisNil(err) {
		return nil
	}
	return err
}

// ask runs what asks Redis, again where that is of use: attempt counts from 0.
func (s *Store) ask(ctx context.Context, name string, do func(ctx context.Context, c *clients, attempt int) error) error {
	if !isName(name) {
		return errName
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	return s.attempt(ctx, do)
}

// read is ask for what is answered from memory, mostly, and so makes no context
// of its own: the connection has a deadline.
func (s *Store) read(ctx context.Context, names []string, do func(ctx context.Context, c *clients) error) error {
	for _, name := range names {
		if !isName(name) {
			return errName
		}
	}
	if c := s.link.up.Load(); c != nil {
		if do(ctx, c) == nil {
			return nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	return s.attempt(ctx, func(ctx context.Context, c *clients, _ int) error { return do(ctx, c) })
}

func isName(name string) bool { return len(name) > 0 && len(name) <= 256 }

func (s *Store) attempt(ctx context.Context, do func(ctx context.Context, c *clients, attempt int) error) error {
	for attempt := 0; ; attempt++ {
		c, err := s.link.clients(ctx)
		if err != nil {
			return err
		}
		if err = do(ctx, c, attempt); isReadOnly(err) {
			s.link.broken()
		}
		switch {
		case err == nil:
			return nil
		case s.closing.Err() != nil:
			return ErrClosed
		case attempt >= maxAttempts || !wait(ctx, time.Duration(attempt+1)*attemptGap):
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

const (
	maxAttempts = 2 // after the first
	attemptGap  = 10 * time.Millisecond
)

// retryDelay lets the client itself repeat nothing: ask does.
func retryDelay(int, rueidis.Completed, error) time.Duration { return -1 }

// wait returns false where ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
