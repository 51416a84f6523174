package redisstore_test

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// BenchmarkSteadyState is what a request pays: a session, and three names that
// nobody revoked, all read before.
func BenchmarkSteadyState(b *testing.B) {
	s := open(b, redisstore.Config{URL: redistest.Start(b).URL()})
	id := name("s", 1)
	save(b, s, id, nil, make([]byte, 2000))
	b.Run("Load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if value, err := s.Load(b.Context(), id); len(value) != 2000 || err != nil {
				b.Fatal(len(value), err)
			}
		}
	})
	names := []string{name("s", 1), name("i", 1), name("u", 1)}
	if _, err := s.Revoked(b.Context(), names...); err != nil {
		b.Fatal(err)
	}
	b.Run("Revoked", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if before, err := s.Revoked(b.Context(), names...); before[2] != (time.Time{}) || err != nil {
				b.Fatal(before, err)
			}
		}
	})
}
