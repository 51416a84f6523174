package gatehouse

import (
	"hash/maphash"
	"sync"
)

// opened remembers whose session a sealed text is, so that a cookie seen before
// costs a hash and a look-up. It is bounded: what hasn't been asked for lately
// makes room.
type opened struct {
	seed   maphash.Seed
	shards [openedShards]openedShard
}

// openedShards keeps clients that come at the same time out of each other's way.
const openedShards = 16

// openedName stands for a sealed text: a hash of it under a seed that nobody
// outside this process knows or sees the effect of, and its end, which is the seal
// itself. Only who knows the end of another text could make one that is taken for
// it, and guessing that is guessing the seal.
type openedName struct {
	hash uint64
	end  [22]byte // 128 bits in base64url
}

// openedShard is a clock: a ring of places and a hand that goes round, and
// spares once whoever was asked for since it last came by.
type openedShard struct {
	mu     sync.Mutex
	places map[openedName]*openedPlace
	ring   []*openedPlace
	hand   int
	size   int
}

type openedPlace struct {
	name openedName
	who  *Identity
	used bool
}

// newOpened remembers about size sessions; none when size is negative.
func newOpened(size int) *opened {
	if size < 0 {
		return nil
	}
	o := &opened{seed: maphash.MakeSeed()}
	for i := range o.shards {
		o.shards[i].size = (size + openedShards - 1) / openedShards
		o.shards[i].places = map[openedName]*openedPlace{}
	}
	return o
}

func (o *opened) name(text string) openedName {
	if o == nil {
		return openedName{}
	}
	name := openedName{hash: maphash.String(o.seed, text)}
	copy(name.end[:], text[max(len(text)-len(name.end), 0):])
	return name
}

func (o *opened) shard(name openedName) *openedShard { return &o.shards[name.hash%openedShards] }

// get returns whose session it is, or nil.
func (o *opened) get(name openedName) *Identity {
	if o == nil {
		return nil
	}
	shard := o.shard(name)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	place := shard.places[name]
	if place == nil {
		return nil
	}
	place.used = true
	return place.who
}

// put remembers it, in place of what was known of the same text.
func (o *opened) put(name openedName, who *Identity) {
	if o == nil {
		return
	}
	shard := o.shard(name)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if place := shard.places[name]; place != nil {
		place.who = who
		return
	}
	place := shard.vacate()
	place.name, place.who = name, who
	shard.places[name] = place
}

// vacate returns a place that nobody has.
func (s *openedShard) vacate() *openedPlace {
	if len(s.ring) < s.size {
		place := new(openedPlace)
		s.ring = append(s.ring, place)
		return place
	}
	for {
		place := s.ring[s.hand]
		s.hand = (s.hand + 1) % len(s.ring)
		if !place.used {
			delete(s.places, place.name)
			return place
		}
		place.used = false
	}
}
