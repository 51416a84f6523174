package redisstore_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

// TestClockSetWhileRedisIsSlow: how long something is kept is known when the call
// is made. A clock that is set forward while Redis takes its time doesn't end it.
func TestClockSetWhileRedisIsSlow(t *testing.T) {
	proxy := redistest.NewProxy(t, redistest.Start(t).Addr())
	var ahead atomic.Int64
	read := make(chan struct{}, 100)
	clock := func() time.Time {
		select {
		case read <- struct{}{}:
		default:
		}
		return time.Now().Add(time.Duration(ahead.Load())).Round(0)
	}
	s := open(t, redisstore.Config{URL: proxy.URL(), Clock: clock})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, finish, err := s.Join(ctx, "old")
	if err != nil {
		t.Fatal(err)
	}
	if err := finish(ctx, []byte("result"), "new", clock().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	until := clock().Add(30 * time.Second)
	for len(read) > 0 {
		<-read
	}
	proxy.Hold(true)
	shortened := make(chan error, 1)
	go func() { shortened <- s.Shorten(ctx, "new", until) }()
	select {
	case <-read:
	case <-ctx.Done():
		t.Fatal("the clock isn't read before Redis has answered")
	}
	ahead.Store(int64(time.Minute))
	proxy.Hold(false)
	if err := <-shortened; err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // Redis forgets at its own pace
	if kept, finish, err := s.Join(ctx, "old"); string(kept) != "result" || finish != nil || err != nil {
		t.Errorf("afterwards there is %q, %v", kept, err)
	}
}
