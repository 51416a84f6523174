package redisstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// greet makes sure that there are connections, because nothing is taken back on
// one that isn't, and returns which runs of which servers they lead to. Of a
// cluster some may be away. Elsewhere both lead to the same: while one server takes
// another's place, they may not.
func (l *link) greet(ctx context.Context, c *clients) (map[string]bool, error) {
	var all sync.WaitGroup
	var found [2]map[string]bool
	var failed [2]error
	for i, client := range c.both() {
		all.Go(func() { found[i], failed[i] = runsOf(ctx, client) })
	}
	all.Wait()
	if err := cmp.Or(failed[:]...); err != nil {
		return nil, err
	}
	if !c.cluster() && !maps.Equal(found[0], found[1]) {
		return nil, errTwoServers
	}
	maps.Copy(found[0], found[1])
	return found[0], nil
}

// runsOf returns the runs of the servers that answer, none of those that don't say
// theirs: not everybody may ask.
func runsOf(ctx context.Context, client rueidis.Client) (map[string]bool, error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	var failed error
	runs, answered := map[string]bool{}, 0
	for _, node := range client.Nodes() {
		all.Go(func() {
			replies := node.DoMulti(ctx, node.B().Ping().Build(), node.B().Info().Section("server").Build())
			err := replies[0].Error()
			info, _ := replies[1].ToString()
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			answered++
			if _, rest, ok := strings.Cut(info, "run_id:"); ok {
				run, _, _ := strings.Cut(rest, "\r\n")
				runs[run] = true
			}
		})
	}
	all.Wait()
	if answered == 0 || (failed != nil && client.Mode() != rueidis.ClientModeCluster) {
		return nil, cmp.Or(failed, ctx.Err(), errNobody)
	}
	return runs, nil
}

// readEpoch returns a random text that stays the same until Redis loses its
// keys. It is written on each connection, for one that leads to a server that
// takes no changes any more is of no use.
func (l *link) readEpoch(ctx context.Context, c *clients) (string, error) {
	var epochs [2]string
	for i, client := range c.both() {
		key, b := l.store.keys.epoch(), client.B
		replies := client.DoMulti(ctx,
			b().Set().Key(key).Value(rand.Text()).Nx().Ex(epochLife).Build(),
			b().Get().Key(key).Build(),
			b().Expire().Key(key).Seconds(int64(epochLife/time.Second)).Build())
		if err := replies[0].Error(); isReadOnly(err) {
			return "", err
		}
		var err error
		if epochs[i], err = replies[1].ToString(); err != nil {
			return "", err
		}
	}
	if epochs[0] != epochs[1] {
		return "", errTwoServers
	}
	return epochs[0], nil
}
