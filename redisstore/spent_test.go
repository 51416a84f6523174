package redisstore_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

func TestSpend(t *testing.T) {
	server := redistest.Start(t)
	replicas := []*redisstore.Store{open(t, redisstore.Config{URL: server.URL()}), open(t, redisstore.Config{URL: server.URL()})}
	until := time.Now().Add(time.Minute)
	for i := range 20 {
		id := fmt.Sprint("proof-", i)
		var fresh atomic.Int32
		var all sync.WaitGroup
		for j := range 20 {
			all.Go(func() {
				unspent, err := replicas[j%2].Spend(t.Context(), id, until)
				if err != nil {
					t.Error(err)
				}
				if unspent {
					fresh.Add(1)
				}
			})
		}
		all.Wait()
		if got := fresh.Load(); got != 1 {
			t.Errorf("%s was spent %d times", id, got)
		}
	}
	if unspent, err := replicas[0].Spend(t.Context(), "old", time.Now().Add(-time.Second)); unspent || err != nil {
		t.Errorf("what has expired: %v, %v", unspent, err)
	}
	if _, err := replicas[0].Spend(t.Context(), "", until); err == nil {
		t.Error("a proof without a name is spent")
	}
	server.Stop()
	if unspent, err := replicas[0].Spend(t.Context(), "another", until); unspent || !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("while Redis is away: %v, %v", unspent, err)
	}
}
