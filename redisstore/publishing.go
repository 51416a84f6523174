package redisstore

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/redis/rueidis"
)

// batch is how many revocations are read or published together.
const batch = 256

// maxNews bounds the names that are to be read. Those that come when it is full
// are read when somebody asks for them, and not published again from here.
const maxNews = 1 << 16

// news are names of which Redis says that their revocation changed.
type news struct {
	wake chan struct{}

	mu    sync.Mutex
	names map[string]struct{}
}

func newNews() *news { return &news{wake: make(chan struct{}, 1), names: map[string]struct{}{}} }

func (n *news) add(names []string) {
	n.mu.Lock()
	for _, name := range names {
		if len(n.names) < maxNews {
			n.names[name] = struct{}{}
		}
	}
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *news) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	names := make([]string, 0, min(len(n.names), batch))
	for name := range n.names {
		if len(names) == batch {
			break
		}
		names = append(names, name)
		delete(n.names, name)
	}
	return names
}

// learn reads what others revoked, so that this process can publish it again.
func (s *Store) learn() {
	for {
		select {
		case <-s.news.wake:
		case <-s.closing.Done():
			return
		}
		for names := s.news.take(); len(names) > 0; names = s.news.take() {
			s.learnOf(names)
		}
	}
}

func (s *Store) learnOf(names []string) {
	ctx, cancel := context.WithTimeout(s.closing, s.config.Timeout)
	defer cancel()
	_, _ = s.look(ctx, names) // whoever asks for one that wasn't read looks again
}

// republish gives Redis the revocations that it may not have, until it has them
// all or breaks down again.
func (l *link) republish() {
	s := l.store
	for {
		some := s.known.some(batch)
		if len(some) == 0 {
			break
		}
		c := l.up.Load()
		if c == nil || s.closing.Err() != nil || !s.publish(c, some) {
			return
		}
		l.mu.Lock()
		l.missing = max(l.missing-len(some), 0)
		l.mu.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.missing, l.empty = 0, false
}

// publish reads before it writes, which is less work: of many processes that
// publish the same, in no order, most come too late.
func (s *Store) publish(c *clients, some map[string]denial) bool {
	ctx, cancel := context.WithTimeout(s.closing, s.config.Timeout)
	defer cancel()
	names := slices.Collect(maps.Keys(some))
	commands := make(rueidis.Commands, len(names))
	for i, name := range names {
		commands[i] = c.revocations.B().Get().Key(s.keys.revocation(name)).Build()
	}
	var missing []string
	var steps []rueidis.LuaExec
	for i, reply := range c.revocations.DoMulti(ctx, commands...) {
		text, err := reply.ToString()
		if unlessNil(err) != nil {
			return false
		}
		name := names[i]
		d := some[name]
		if kept := parseDenial(text); kept.before >= d.before && kept.until >= d.until {
			s.known.published(name, d)
			continue
		}
		missing = append(missing, name)
		steps = append(steps, rueidis.LuaExec{Keys: []string{s.keys.revocation(name)}, Args: s.revocationArgs(d)})
	}
	if len(steps) == 0 {
		return true
	}
	for i, reply := range revokeScript.lua.ExecMulti(ctx, c.revocations, steps...) {
		if reply.Error() != nil {
			return false
		}
		s.known.published(missing[i], some[missing[i]])
	}
	return true
}
