package redisstore

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

// Spend reports whether id was still unspent, and spends it until expires, for
// all processes. A gate that has the store uses it for DPoP proofs, so that none
// is taken twice at any of several replicas (RFC 9449 §11.1). What has expired
// already can't be spent.
func (s *Store) Spend(ctx context.Context, id string, expires time.Time) (unspent bool, err error) {
	life := expires.Sub(s.config.Clock()).Milliseconds()
	if life <= 0 {
		return false, nil
	}
	err = s.ask(ctx, id, func(ctx context.Context, c *clients, _ int) error {
		set := c.sessions.B().Set().Key(s.keys.spent(id)).Value("1").Nx().PxMilliseconds(life).Build()
		err := c.sessions.Do(ctx, set).Error()
		unspent = err == nil
		if rueidis.IsRedisNil(err) { // somebody was first, or we were, and never heard of it
			return nil
		}
		return err
	})
	return unspent && err == nil, err
}
