package storetest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// Lists is what gatehouse.Directory asks for.
type Lists interface {
	Enter(ctx context.Context, owner, id string, entry []byte, expires time.Time) error
	List(ctx context.Context, owner string) (map[string][]byte, error)
	Leave(ctx context.Context, owner, id string) error
}

// Directory tests an implementation of gatehouse.Directory.
func Directory(t *testing.T, open func(t testing.TB) (here, there Lists)) {
	each(t, nil, open, func(p pair[Lists]) *lists { return &lists{p} }, map[string]func(*lists){
		"nobody":           (*lists).nobody,
		"entered and left": (*lists).enteredAndLeft,
		"in its place":     (*lists).inItsPlace,
		"owners are apart": (*lists).apart,
		"expires":          (*lists).expires,
		"any bytes":        (*lists).anyBytes,
		"many at once":     (*lists).many,
	})
}

type lists struct{ pair[Lists] }

func (p *lists) enter(at Lists, owner, id, entry string, life time.Duration) {
	p.Helper()
	if err := at.Enter(p.ctx, owner, id, []byte(entry), time.Now().Add(life)); err != nil {
		p.Errorf("entering %s: %v", id, err)
	}
}

func (p *lists) leave(at Lists, owner, id string) {
	p.Helper()
	if err := at.Leave(p.ctx, owner, id); err != nil {
		p.Errorf("leaving %s: %v", id, err)
	}
}

// want takes id=entry. Both processes see the same.
func (p *lists) want(owner string, want ...string) {
	p.Helper()
	expected := map[string]bool{}
	for _, one := range want {
		expected[one] = true
	}
	for i, at := range []Lists{p.here, p.there} {
		entries, err := at.List(p.ctx, owner)
		if err != nil || len(entries) != len(expected) {
			p.Errorf("process %d: %q, %v, want %q", i, entries, err, want)
			continue
		}
		for id, entry := range entries {
			if !expected[id+"="+string(entry)] {
				p.Errorf("process %d: %s is %q, want %q", i, id, entry, want)
			}
		}
	}
}

func (p *lists) nobody() {
	p.want("alice")
	p.leave(p.here, "alice", "1")
}

func (p *lists) enteredAndLeft() {
	p.enter(p.here, "alice", "1", "one", time.Hour)
	p.enter(p.there, "alice", "2", "two", time.Hour)
	p.want("alice", "1=one", "2=two")
	p.leave(p.there, "alice", "1")
	p.leave(p.there, "alice", "1")
	p.want("alice", "2=two")
	p.leave(p.here, "alice", "2")
	p.want("alice")
}

func (p *lists) inItsPlace() {
	p.enter(p.here, "alice", "1", "one", short)
	p.enter(p.there, "alice", "1", "another", time.Hour)
	p.want("alice", "1=another")
	time.Sleep(2 * short)
	p.want("alice", "1=another")
}

func (p *lists) apart() {
	p.enter(p.here, "alice", "1", "one", time.Hour)
	p.enter(p.here, "alic", "e1", "two", time.Hour)
	p.enter(p.here, "bob", "1", "three", time.Hour)
	p.leave(p.here, "bob", "1")
	p.want("alice", "1=one")
	p.want("alic", "e1=two")
	p.want("bob")
}

func (p *lists) expires() {
	p.enter(p.here, "alice", "1", "one", short)
	p.enter(p.here, "alice", "2", "two", time.Hour)
	p.enter(p.here, "alice", "3", "three", -time.Second)
	p.enter(p.here, "bob", "1", "one", short)
	time.Sleep(2 * short)
	p.want("alice", "2=two")
	p.want("bob")
}

func (p *lists) anyBytes() {
	entry := everyByte(4096)
	p.enter(p.here, "alice", "1", string(entry), time.Hour)
	entries, err := p.there.List(p.ctx, "alice")
	if err != nil || !bytes.Equal(entries["1"], entry) {
		p.Errorf("%d bytes, %v", len(entries["1"]), err)
	}
}

func (p *lists) many() {
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			p.enter(p.here, "alice", fmt.Sprint(i), "x", time.Hour)
			if i%2 == 1 {
				p.leave(p.there, "alice", fmt.Sprint(i))
			}
		})
	}
	all.Wait()
	if entries, err := p.there.List(p.ctx, "alice"); len(entries) != 20 || err != nil {
		p.Errorf("%d entries, %v, want 20", len(entries), err)
	}
}
