package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// firstLook and lastLook are how long somebody waits, at first and later,
	// before looking whether another one's renewal is done.
	firstLook, lastLook = 10 * time.Millisecond, 100 * time.Millisecond
	// patience is how long Join puts up with a Redis that doesn't answer, and
	// leaderPatience how long where it is known that another process leads.
	patience, leaderPatience = 300 * time.Millisecond, 4 * time.Second
	// maxHops bounds how many renewals before one Forget looks for.
	maxHops = 8
)

var errLost = errors.New("redisstore: another process took over")

// Join returns the result that is kept under name, or the lease to make one:
// finish is not nil then, and is called once. While another process leads, it
// waits for that one's result, failure or death.
//
// finish keeps result until until, and lets [Store.Shorten] and [Store.Forget]
// find it by next; a nil result is a failure, and the next one's turn, or an error
// where another process has had its turn already. It repeats itself until ctx ends,
// because what was renewed is lost otherwise.
func (s *Store) Join(ctx context.Context, name string) ([]byte, func(ctx context.Context, result []byte, next string, until time.Time) error, error) {
	whose, patience := rand.Text(), patience
	for look := firstLook; ; look = min(look*3/2, lastLook) {
		verdict, result, err := s.join(ctx, patience, name, whose)
		switch {
		case err != nil:
			return nil, nil, err
		case verdict == "result":
			return result, nil, nil
		case verdict == "lease":
			return nil, s.lead(name, whose), nil
		}
		patience = leaderPatience
		if !wait(ctx, look) {
			return nil, nil, ctx.Err()
		}
	}
}

// join asks once. It may repeat itself: the lease is known by whose it is.
func (s *Store) join(ctx context.Context, patience time.Duration, name, whose string) (verdict string, result []byte, err error) {
	err = s.persist(ctx, patience, name, func(ctx context.Context, c *clients, _ int) error {
		free, breaks := s.link.mayLead()
		reply, err := joinScript.run(ctx, c.sessions, s.keys.renewal(name), whose, s.lease(), flag(free)).AsStrSlice()
		if err != nil {
			return err
		}
		verdict, result, err = readVerdict(reply)
		if verdict == "lease" && !s.link.isSteady(breaks) {
			verdict = "wait" // and ask what becomes of it, by then knowing whether Redis had lost another's
		}
		return err
	})
	return verdict, result, err
}

var errVerdict = errors.New("redisstore: Redis replied what joinScript doesn't")

// readVerdict reads what joinScript replies.
func readVerdict(reply []string) (verdict string, result []byte, err error) {
	switch {
	case len(reply) == 1 && (reply[0] == "lease" || reply[0] == "wait"):
		return reply[0], nil, nil
	case len(reply) == 2 && reply[0] == "result":
		return reply[0], []byte(reply[1]), nil
	}
	return "", nil, errVerdict
}

func (s *Store) lease() string { return strconv.FormatInt(s.config.Lease.Milliseconds(), 10) }

// persist asks until Redis answers, or hasn't for a while.
func (s *Store) persist(ctx context.Context, patience time.Duration, name string, do func(ctx context.Context, c *clients, attempt int) error) error {
	began := time.Now()
	for {
		err := s.ask(ctx, name, do)
		if err == nil || errors.Is(err, errName) || errors.Is(err, ErrClosed) || time.Since(began) >= patience || !wait(ctx, lastLook) {
			return err
		}
	}
}

// lead keeps the lease until finish is called.
func (s *Store) lead(name, whose string) func(ctx context.Context, result []byte, next string, until time.Time) error {
	leading, stop := context.WithCancel(s.closing)
	var keeping sync.WaitGroup
	keeping.Go(func() { s.keepLease(leading, name, whose) })
	return func(ctx context.Context, result []byte, next string, until time.Time) error {
		stop()
		keeping.Wait()
		return s.finish(ctx, name, whose, result, next, until)
	}
}

// keepLease lets it live on while Redis can be asked, and says so at once where Redis
// may have lost it.
func (s *Store) keepLease(ctx context.Context, name, whose string) {
	tick := time.NewTicker(s.config.Lease / 6)
	defer tick.Stop()
	resumed := s.link.resumes()
	for {
		select {
		case <-tick.C:
		case <-resumed:
		case <-ctx.Done():
			return
		}
		resumed = s.link.resumes()
		_ = s.ask(ctx, name, func(ctx context.Context, c *clients, _ int) error {
			return keepScript.run(ctx, c.sessions, s.keys.renewal(name), whose, s.lease()).Error()
		})
	}
}

func (s *Store) finish(ctx context.Context, name, whose string, result []byte, next string, until time.Time) error {
	const untilCtxEnds = time.Hour
	lost := false
	err := s.persist(ctx, untilCtxEnds, name, func(ctx context.Context, c *clients, _ int) error {
		life := s.lifetime(until)
		n, err := finishScript.run(ctx, c.sessions, s.keys.renewal(name), whose, flag(result != nil), rueidis.BinaryString(result), life).AsInt64()
		if err != nil {
			return err
		}
		lost = n == 0
		if result == nil || next == "" || !s.config.Clock().Before(until) {
			return nil
		}
		return c.sessions.Do(ctx, c.sessions.B().Set().Key(s.keys.origin(next)).Value(name).Px(until.Sub(s.config.Clock())).Build()).Error()
	})
	if lost && err == nil {
		return errLost
	}
	return err
}

// Shorten keeps the result that led to next no longer than until.
func (s *Store) Shorten(ctx context.Context, next string, until time.Time) error {
	// Known before Redis is waited for: the clock may be set meanwhile.
	life := max(until.Sub(s.config.Clock()).Milliseconds(), 1)
	return s.ask(ctx, next, func(ctx context.Context, c *clients, _ int) error {
		b, origin := c.sessions.B, s.keys.origin(next)
		name, err := c.sessions.Do(ctx, b().Get().Key(origin).Build()).ToString()
		if err != nil {
			return unlessNil(err)
		}
		for _, reply := range c.sessions.DoMulti(ctx,
			b().Pexpire().Key(s.keys.renewal(name)).Milliseconds(life).Lt().Build(),
			b().Pexpire().Key(origin).Milliseconds(life).Lt().Build()) {
			err = errors.Join(err, reply.Error())
		}
		return err
	})
}

// Forget drops the result under name and those that led to it, eight in all, and
// lets a renewal under way have none. It is an error where there are more.
func (s *Store) Forget(ctx context.Context, name string) error {
	return s.ask(ctx, name, func(ctx context.Context, c *clients, _ int) error {
		for range maxHops {
			if err := forgetScript.run(ctx, c.sessions, s.keys.renewal(name)).Error(); err != nil {
				return err
			}
			before, err := c.sessions.Do(ctx, c.sessions.B().Getdel().Key(s.keys.origin(name)).Build()).ToString()
			if err != nil {
				return unlessNil(err)
			}
			name = before
		}
		return fmt.Errorf("redisstore: more than %d renewals in a row", maxHops)
	})
}
