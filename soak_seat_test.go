package gatehouse_test

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse"
)

// seat is a replica's place at a coordinator that all of them share, and that
// goes by the wall's clock: what the replica says about times, by a clock of its
// own, is taken as durations, as an adapter takes it.
type seat struct {
	*gatehouse.MemoryStore
	clock func() time.Time
}

func (s *seat) at(until time.Time) time.Time { return time.Now().Add(until.Sub(s.clock())) }

func (s *seat) Join(ctx context.Context, name string) ([]byte, func(context.Context, []byte, string, time.Time) error, error) {
	result, finish, err := s.MemoryStore.Join(ctx, name)
	if finish == nil {
		return result, nil, err
	}
	return result, func(ctx context.Context, result []byte, next string, until time.Time) error {
		return finish(ctx, result, next, s.at(until))
	}, err
}

func (s *seat) Shorten(ctx context.Context, next string, until time.Time) error {
	return s.MemoryStore.Shorten(ctx, next, s.at(until))
}
