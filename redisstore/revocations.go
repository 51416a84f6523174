package redisstore

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Revoke denies what name stands for to whatever began before the time before,
// and keeps that until until. Of several revocations of one name the latest
// times count. Times are kept to the millisecond.
//
// This process obeys at once, whatever comes of it, and publishes it when Redis
// is there again.
func (s *Store) Revoke(ctx context.Context, name string, before, until time.Time) error {
	d := denial{before: before.UnixMilli(), until: until.UnixMilli(), publish: true}
	if len(name) > 0 && s.config.Clock().Before(until) {
		s.known.note(name, d, hearsay)
	}
	err := s.ask(ctx, name, func(ctx context.Context, c *clients, _ int) error {
		return revokeScript.run(ctx, c.revocations, s.keys.revocation(name), s.revocationArgs(d)...).Error()
	})
	if err == nil {
		s.known.published(name, d)
	}
	return err
}

func (s *Store) revocationArgs(d denial) []string {
	return []string{
		strconv.FormatInt(d.before, 10),
		strconv.FormatInt(d.until, 10),
		strconv.FormatInt(s.config.Clock().UnixMilli(), 10),
	}
}

// Revoked returns the before of each name, zero where it is not revoked. Answers
// that were given before, also that there is nothing, take no round trip until
// Redis takes them back. With an error it returns what this process knows itself.
func (s *Store) Revoked(ctx context.Context, names ...string) ([]time.Time, error) {
	before := make([]time.Time, len(names))
	if s.recall(names, before) && s.link.up.Load() != nil {
		return before, nil
	}
	found, err := s.look(ctx, names)
	s.recall(names, before) // what was learned meanwhile, look didn't ask for
	for i, name := range names {
		if d, ok := found[name]; ok && d.before > before[i].UnixMilli() {
			before[i] = time.UnixMilli(d.before)
		}
	}
	return before, err
}

// recall answers from memory, and reports whether it could.
func (s *Store) recall(names []string, before []time.Time) bool {
	all := true
	for i, name := range names {
		at, sure := s.known.before(name)
		if at != 0 {
			before[i] = time.UnixMilli(at)
		}
		all = all && (sure || s.cleared.has(name))
	}
	return all
}

// look asks Redis for those names that it must be asked for, all at once, and
// remembers the answers. It returns those that are revoked.
func (s *Store) look(ctx context.Context, names []string) (map[string]denial, error) {
	found := map[string]denial{}
	err := s.read(ctx, names, func(ctx context.Context, c *clients) error {
		var open []string
		var commands rueidis.Commands
		asked, now := s.cleared.now(), s.config.Clock().UnixMilli()
		current := func() bool { return s.cleared.now() == asked }
		for _, name := range names {
			if _, sure := s.known.before(name); !sure && !s.cleared.has(name) {
				open = append(open, name)
				commands = append(commands, c.revocations.B().Get().Key(s.keys.revocation(name)).Build())
			}
		}
		for i, reply := range c.revocations.DoMulti(ctx, commands...) {
			text, err := reply.ToString()
			if unlessNil(err) != nil {
				return err
			}
			if d := parseDenial(text); d.until > now {
				found[open[i]] = d
				s.known.note(open[i], d, current)
			} else {
				s.cleared.add(open[i], asked)
			}
		}
		return nil
	})
	return found, err
}

// parseDenial reads before:until. What isn't that revokes nothing: only somebody
// with a key to Redis writes it, and could have deleted it.
func parseDenial(text string) denial {
	before, until, _ := strings.Cut(text, ":")
	b, err1 := strconv.ParseInt(before, 10, 64)
	u, err2 := strconv.ParseInt(until, 10, 64)
	if err1 != nil || err2 != nil {
		return denial{}
	}
	return denial{before: b, until: u}
}

// invalidated is told by Redis, on the connection of the sessions.
func (s *Store) invalidated(messages []rueidis.RedisMessage) {
	if messages == nil {
		s.link.broken()
		return
	}
	if names := s.namesOf(messages); len(names) > 0 {
		s.watch.tell(names)
	}
}

// revokedElsewhere is told by Redis, on the connection of the revocations.
func (s *Store) revokedElsewhere(messages []rueidis.RedisMessage) {
	if messages == nil {
		s.takeBack(nil)
		s.link.broken()
		return
	}
	if names := s.namesOf(messages); len(names) > 0 {
		s.takeBack(names)
		s.news.add(names)
		s.watch.tell(names)
	}
}

// takeBack forgets what Redis has said of names, nil for all.
func (s *Store) takeBack(names []string) {
	s.cleared.takeBack(names)
	s.known.doubt(names)
}

func (s *Store) namesOf(messages []rueidis.RedisMessage) []string {
	names := make([]string, 0, len(messages))
	for _, message := range messages {
		if key, err := message.ToString(); err == nil {
			if name, ok := s.keys.name(key); ok {
				names = append(names, name)
			}
		}
	}
	return names
}
