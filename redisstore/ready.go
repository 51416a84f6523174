package redisstore

import (
	"context"
	"fmt"
)

// Ready returns nil when Redis can be asked, takes changes, and has what this
// process knows of revocations; so not when it came back empty, until they are
// published again.
func (s *Store) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	for breaks := -1; !s.link.isSteady(breaks); { // on a connection of which nothing is known it would say nothing
		c, err := s.link.clients(ctx)
		if err == nil {
			breaks, err = s.link.awaitSteady(ctx)
		}
		if err != nil {
			return err
		}
		// One that is full, or that another took the place of, answers a PING.
		if err := c.sessions.Do(ctx, c.sessions.B().Set().Key(s.keys.ready()).Value("1").Ex(epochLife).Build()).Error(); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	switch {
	case s.link.missing == 0:
		return nil
	case s.link.empty:
		return fmt.Errorf("redisstore: Redis came back empty; %d revocations are being published again", s.link.missing)
	}
	return fmt.Errorf("redisstore: %d revocations are being published", s.link.missing)
}
