package storetest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Sessions is what gatehouse.Store asks for.
type Sessions interface {
	Load(ctx context.Context, id string) (value []byte, err error)
	Save(ctx context.Context, id string, previous, value []byte, expires time.Time) (saved bool, err error)
	Delete(ctx context.Context, id string) error
}

// Store tests an implementation of gatehouse.Store.
func Store(t *testing.T, open func(t testing.TB) (here, there Sessions)) {
	each(t, nil, open, func(p pair[Sessions]) *sessions { return &sessions{p} }, map[string]func(*sessions){
		"nothing there":         (*sessions).nothing,
		"compare and set":       (*sessions).compareAndSet,
		"one of many":           (*sessions).oneOfMany,
		"any bytes":             (*sessions).anyBytes,
		"ids are apart":         (*sessions).apart,
		"expires":               (*sessions).expires,
		"lives on":              (*sessions).livesOn,
		"has expired already":   (*sessions).expired,
		"changed by another":    (*sessions).changedByAnother,
		"deleted stays deleted": (*sessions).deletedStaysDeleted,
		"own changes are seen":  (*sessions).ownChanges,
	})
}

type sessions struct{ pair[Sessions] }

func (p *sessions) save(at Sessions, id string, previous, value []byte, life time.Duration, want bool) {
	p.Helper()
	if saved, err := at.Save(p.ctx, id, previous, value, time.Now().Add(life)); saved != want || err != nil {
		p.Errorf("saving %.20q over %.20q: %v, %v, want %v", value, previous, saved, err, want)
	}
}

func (p *sessions) load(at Sessions, id string, want []byte) {
	p.Helper()
	if value, err := at.Load(p.ctx, id); !bytes.Equal(value, want) || err != nil {
		p.Errorf("%s is %.20q, %v, want %.20q", id, value, err, want)
	}
}

// comes waits until a change arrives.
func (p *sessions) comes(at Sessions, id string, want []byte) {
	p.Helper()
	eventually(p, soon, fmt.Sprintf("%s is %.20q", id, want), func() bool {
		value, err := at.Load(p.ctx, id)
		return err == nil && bytes.Equal(value, want)
	})
}

func (p *sessions) nothing() {
	if value, err := p.here.Load(p.ctx, "a"); value != nil || err != nil {
		p.Errorf("Load = %q, %v, want nil and no error", value, err)
	}
	if err := p.here.Delete(p.ctx, "a"); err != nil {
		p.Errorf("Delete: %v", err)
	}
}

func (p *sessions) compareAndSet() {
	one, two, three := []byte("one"), []byte("two"), []byte("three")
	p.save(p.here, "a", one, two, time.Hour, false) // nothing is kept
	p.load(p.here, "a", nil)
	p.save(p.here, "a", nil, one, time.Hour, true)
	p.save(p.there, "a", nil, two, time.Hour, false) // something is
	p.save(p.there, "a", []byte("on"), two, time.Hour, false)
	p.save(p.there, "a", []byte("one "), two, time.Hour, false)
	p.save(p.there, "a", []byte("ONE"), two, time.Hour, false)
	p.load(p.here, "a", one)
	p.save(p.there, "a", one, two, time.Hour, true)
	p.save(p.here, "a", one, three, time.Hour, false)
	p.save(p.here, "a", two, three, time.Hour, true)
	p.load(p.here, "a", three)
	p.comes(p.there, "a", three)
}

// oneOfMany: of all who saw the same value, one replaces it.
func (p *sessions) oneOfMany() {
	kept := []byte("0")
	p.save(p.here, "a", nil, kept, time.Hour, true)
	for round := range 5 {
		var won atomic.Int32
		var winner atomic.Value
		var all sync.WaitGroup
		for i := range 40 {
			at := p.here
			if i%2 == 1 {
				at = p.there
			}
			all.Go(func() {
				value := fmt.Appendf(nil, "%d by %d", round, i)
				saved, err := at.Save(p.ctx, "a", kept, value, time.Now().Add(time.Hour))
				if err != nil {
					p.Error(err)
				}
				if saved {
					won.Add(1)
					winner.Store(value)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			p.Fatalf("round %d: %d saved, want 1", round, won.Load())
		}
		kept = winner.Load().([]byte)
		p.comes(p.here, "a", kept)
		p.comes(p.there, "a", kept)
	}
}

func (p *sessions) anyBytes() {
	var kept []byte
	for _, size := range []int{1, 256, 2000, 64 << 10, 1 << 20} {
		value := everyByte(size)
		p.save(p.here, "a", kept, value, time.Hour, true)
		p.load(p.here, "a", value)
		p.comes(p.there, "a", value)
		kept = value
	}
}

func (p *sessions) apart() {
	for _, id := range []string{"a", "ab", "A", "a:b", "s0123456789_-abcdefghijklmnopqrstu"} {
		p.save(p.here, id, nil, []byte(id), time.Hour, true)
	}
	for _, id := range []string{"a", "ab", "A", "a:b", "s0123456789_-abcdefghijklmnopqrstu"} {
		p.load(p.here, id, []byte(id))
	}
	if err := p.here.Delete(p.ctx, "a"); err != nil {
		p.Error(err)
	}
	p.load(p.here, "ab", []byte("ab"))
	p.load(p.here, "A", []byte("A"))
}

func (p *sessions) expires() {
	p.save(p.here, "a", nil, []byte("one"), short, true)
	_, _ = p.here.Load(p.ctx, "a") // and may be cached
	_, _ = p.there.Load(p.ctx, "a")
	p.comes(p.here, "a", nil)
	p.comes(p.there, "a", nil)
	p.save(p.here, "a", []byte("one"), []byte("two"), time.Hour, false)
	p.save(p.here, "a", nil, []byte("three"), time.Hour, true)
}

// livesOn: the last expiry counts, be it later or earlier.
func (p *sessions) livesOn() {
	later := soonOver(p, func(id string, over time.Time) string {
		saved, err := p.here.Save(p.ctx, id, nil, []byte("one"), over)
		replaced, err2 := p.here.Save(p.ctx, id, []byte("one"), []byte("two"), time.Now().Add(time.Hour))
		if !saved || !replaced || err != nil || err2 != nil {
			return fmt.Sprintf("saved %v, %v; replaced %v, %v", saved, err, replaced, err2)
		}
		return ""
	})
	p.load(p.here, later, []byte("two"))
	p.save(p.here, "a", nil, []byte("one"), time.Hour, true)
	p.save(p.here, "a", []byte("one"), []byte("two"), short, true)
	p.comes(p.there, "a", nil)
}

func (p *sessions) expired() {
	if _, err := p.here.Save(p.ctx, "a", nil, []byte("one"), time.Now().Add(-time.Second)); err != nil {
		p.Error(err)
	}
	p.load(p.here, "a", nil)
	p.save(p.here, "a", nil, []byte("two"), time.Hour, true)
	if _, err := p.here.Save(p.ctx, "a", []byte("two"), []byte("three"), time.Now().Add(-time.Second)); err != nil {
		p.Error(err)
	}
	p.load(p.here, "a", nil)
}

func (p *sessions) changedByAnother() {
	p.load(p.there, "a", nil) // that nothing is there may be cached too
	p.save(p.here, "a", nil, []byte("one"), time.Hour, true)
	p.comes(p.there, "a", []byte("one"))
	for i := range 20 {
		old, value := fmt.Append(nil, i), fmt.Append(nil, i+1)
		if i == 0 {
			old = []byte("one")
		}
		p.save(p.here, "a", old, value, time.Hour, true)
		p.comes(p.there, "a", value)
	}
	if err := p.here.Delete(p.ctx, "a"); err != nil {
		p.Error(err)
	}
	p.comes(p.there, "a", nil)
}

// deletedStaysDeleted: a renewal that ends after a sign-out brings nothing back.
func (p *sessions) deletedStaysDeleted() {
	p.save(p.here, "a", nil, []byte("one"), time.Hour, true)
	p.comes(p.there, "a", []byte("one"))
	if err := p.here.Delete(p.ctx, "a"); err != nil {
		p.Error(err)
	}
	p.save(p.there, "a", []byte("one"), []byte("two"), time.Hour, false)
	p.load(p.here, "a", nil)
}

// ownChanges are seen at once by who made them, however often it has read.
func (p *sessions) ownChanges() {
	var kept []byte
	for i := range 200 {
		value := fmt.Append(nil, i)
		p.save(p.here, "a", kept, value, time.Hour, true)
		p.load(p.here, "a", value)
		if kept = value; i%10 == 9 {
			if err := p.here.Delete(p.ctx, "a"); err != nil {
				p.Error(err)
			}
			p.load(p.here, "a", nil)
			kept = nil
		}
	}
}
