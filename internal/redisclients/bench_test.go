package redisclients

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

const sessions = 1000

// client is what a store needs of one.
type client struct {
	cached func(ctx context.Context, key string) (int, error)
	asked  func(ctx context.Context, key string) (int, error)
	set    func(ctx context.Context, key, value string) error
	close  func()
}

func withRueidis(b testing.TB, addr string) client {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, PipelineMultiplex: -1})
	if err != nil {
		b.Fatal(err)
	}
	return client{
		cached: func(ctx context.Context, key string) (int, error) {
			value, err := c.DoCache(ctx, c.B().Get().Key(key).Cache(), time.Hour).AsBytes()
			return len(value), err
		},
		asked: func(ctx context.Context, key string) (int, error) {
			value, err := c.Do(ctx, c.B().Get().Key(key).Build()).AsBytes()
			return len(value), err
		},
		set: func(ctx context.Context, key, value string) error {
			return c.Do(ctx, c.B().Set().Key(key).Value(value).Build()).Error()
		},
		close: c.Close,
	}
}

func withGoRedis(b testing.TB, addr string) client {
	c := redis.NewClient(&redis.Options{
		Addr: addr, Protocol: 3,
		ClientSideCacheConfig: &redis.ClientSideCacheConfig{MaxMemoryBytes: 128 << 20},
	})
	plain := redis.NewClient(&redis.Options{Addr: addr})
	return client{
		cached: func(ctx context.Context, key string) (int, error) {
			value, err := c.Get(ctx, key).Bytes()
			return len(value), err
		},
		asked: func(ctx context.Context, key string) (int, error) {
			value, err := plain.Get(ctx, key).Bytes()
			return len(value), err
		},
		set:   func(ctx context.Context, key, value string) error { return plain.Set(ctx, key, value, 0).Err() },
		close: func() { _, _ = c.Close(), plain.Close() },
	}
}

var clients = []struct {
	name string
	open func(b testing.TB, addr string) client
}{
	{"rueidis", withRueidis},
	{"go-redis", withGoRedis},
}

func key(i int) string { return "session:{" + strconv.Itoa(i%sessions) + "}" }

func fill(b testing.TB, c client) {
	b.Helper()
	for i := range sessions {
		if err := c.set(b.Context(), key(i), string(make([]byte, 2000))); err != nil {
			b.Fatal(err)
		}
	}
}

// read runs reads by many at once.
func read(b *testing.B, get func(ctx context.Context, key string) (int, error)) {
	b.Helper()
	ctx := b.Context()
	for i := range sessions {
		if n, err := get(ctx, key(i)); n != 2000 || err != nil {
			b.Fatal(n, err)
		}
	}
	b.ReportAllocs()
	b.SetParallelism(32)
	var next atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := int(next.Add(1)) * 31; pb.Next(); i++ {
			if n, err := get(ctx, key(i)); n != 2000 || err != nil {
				b.Error(n, err)
			}
		}
	})
}

func BenchmarkCached(b *testing.B) {
	addr := redistest.Start(b).Addr()
	for _, one := range clients {
		b.Run(one.name, func(b *testing.B) {
			c := one.open(b, addr)
			defer c.close()
			fill(b, c)
			read(b, c.cached)
		})
	}
}

func BenchmarkAsked(b *testing.B) {
	addr := redistest.Start(b).Addr()
	for _, one := range clients {
		b.Run(one.name, func(b *testing.B) {
			c := one.open(b, addr)
			defer c.close()
			fill(b, c)
			read(b, c.asked)
		})
	}
}

// BenchmarkChangeElsewhere is how long a cached value outlives its change by
// another process.
func BenchmarkChangeElsewhere(b *testing.B) {
	addr := redistest.Start(b).Addr()
	for _, one := range clients {
		b.Run(one.name, func(b *testing.B) {
			here, there := one.open(b, addr), one.open(b, addr)
			defer here.close()
			defer there.close()
			ctx := b.Context()
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				size := 1000 + i%2
				if err := there.set(ctx, "a", fmt.Sprintf("%*s", size, "x")); err != nil {
					b.Fatal(err)
				}
				for began := time.Now(); ; {
					n, err := here.cached(ctx, "a")
					if err != nil {
						b.Fatal(err)
					}
					if n == size {
						took = append(took, time.Since(began))
						break
					}
					if time.Since(began) > time.Minute {
						b.Fatal("never seen")
					}
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}
