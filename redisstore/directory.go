package redisstore

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// Enter lists entry under owner and id until expires, in place of an earlier
// one. An owner has at most [Config.MaxPerOwner]; the one that was entered first
// makes room.
func (s *Store) Enter(ctx context.Context, owner, id string, entry []byte, expires time.Time) error {
	return s.ask(ctx, owner, func(ctx context.Context, c *clients, _ int) error {
		return enterScript.run(ctx, c.sessions, s.keys.directory(owner), id, rueidis.BinaryString(entry),
			strconv.FormatInt(expires.UnixMilli(), 10),
			strconv.FormatInt(s.config.Clock().UnixMilli(), 10),
			strconv.Itoa(s.config.MaxPerOwner)).Error()
	})
}

// fieldHead are the digits before an entry: when it expires, when it was entered.
const fieldHead, expiryDigits = 40, 20

// List returns the entries of owner, by id. It asks Redis every time.
func (s *Store) List(ctx context.Context, owner string) (map[string][]byte, error) {
	entries := map[string][]byte{}
	err := s.ask(ctx, owner, func(ctx context.Context, c *clients, _ int) error {
		all, err := c.sessions.Do(ctx, c.sessions.B().Hgetall().Key(s.keys.directory(owner)).Build()).AsStrMap()
		now := s.config.Clock().UnixMilli()
		for id, field := range all {
			if entry, ok := parseField(field, now); ok {
				entries[id] = entry
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// parseField reads a field. What isn't one, or has expired, is no entry.
func parseField(field string, now int64) (entry []byte, ok bool) {
	if len(field) < fieldHead {
		return nil, false
	}
	expires, err := strconv.ParseInt(field[:expiryDigits], 10, 64)
	if err != nil || expires <= now {
		return nil, false
	}
	return []byte(field[fieldHead:]), true
}

// Leave removes an entry.
func (s *Store) Leave(ctx context.Context, owner, id string) error {
	return s.ask(ctx, owner, func(ctx context.Context, c *clients, _ int) error {
		return c.sessions.Do(ctx, c.sessions.B().Hdel().Key(s.keys.directory(owner)).Field(id).Build()).Error()
	})
}
