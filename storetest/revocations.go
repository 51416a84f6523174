package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// Denials is what gatehouse.Revocations asks for. One with a Watch method is
// tested as a gatehouse.Watcher too.
type Denials interface {
	Revoke(ctx context.Context, name string, before, until time.Time) error
	Revoked(ctx context.Context, names ...string) (before []time.Time, err error)
}

type watcher interface {
	Watch(changed func(names []string)) (stop func())
}

// Revocations tests an implementation of gatehouse.Revocations.
func Revocations(t *testing.T, open func(t testing.TB) (here, there Denials)) {
	each(t, nil, open, func(p pair[Denials]) *denials { return &denials{p, time.Now()} }, map[string]func(*denials){
		"nobody":               (*denials).nobody,
		"one of several":       (*denials).oneOfSeveral,
		"later times count":    (*denials).laterTimes,
		"kept until":           (*denials).keptUntil,
		"over already":         (*denials).over,
		"seen by another":      (*denials).seenByAnother,
		"many at once":         (*denials).many,
		"watched":              (*denials).watched,
		"watched until stop":   (*denials).watchedUntilStop,
		"before in the future": (*denials).future,
	})
}

type denials struct {
	pair[Denials]
	now time.Time
}

func (p *denials) revoke(at Denials, name string, before, until time.Time) {
	p.Helper()
	if err := at.Revoke(p.ctx, name, before, until); err != nil {
		p.Errorf("revoking %s: %v", name, err)
	}
}

// is compares to the millisecond. The zero time stands for not revoked.
func (p *denials) is(at Denials, name string, want time.Time) bool {
	before, err := at.Revoked(p.ctx, name)
	return err == nil && len(before) == 1 && before[0].IsZero() == want.IsZero() && before[0].UnixMilli() == want.UnixMilli()
}

func (p *denials) want(at Denials, name string, want time.Time) {
	p.Helper()
	if !p.is(at, name, want) {
		before, err := at.Revoked(p.ctx, name)
		p.Errorf("%s is revoked before %v, %v, want %v", name, before, err, want)
	}
}

func (p *denials) comes(at Denials, name string, want time.Time) {
	p.Helper()
	eventually(p, soon, fmt.Sprintf("%s is revoked before %v", name, want), func() bool { return p.is(at, name, want) })
}

func (p *denials) nobody() {
	p.want(p.here, "a", time.Time{})
	if before, err := p.here.Revoked(p.ctx); len(before) != 0 || err != nil {
		p.Errorf("no names: %v, %v", before, err)
	}
}

func (p *denials) oneOfSeveral() {
	p.revoke(p.here, "b", p.now, p.now.Add(time.Hour))
	before, err := p.here.Revoked(p.ctx, "a", "b", "c", "b")
	if err != nil || len(before) != 4 {
		p.Fatalf("%v, %v", before, err)
	}
	for i, revoked := range []bool{false, true, false, true} {
		if before[i].IsZero() == revoked {
			p.Errorf("name %d is revoked before %v", i, before[i])
		}
	}
}

func (p *denials) laterTimes() {
	name := soonOver(p, func(name string, over time.Time) string {
		p.revoke(p.here, name, p.now, p.now.Add(time.Hour))
		p.revoke(p.here, name, p.now.Add(-time.Minute), over) // earlier, and shorter
		p.want(p.here, name, p.now)
		p.revoke(p.there, name, p.now.Add(time.Minute), over)
		return "" // what is late revokes nothing
	})
	p.comes(p.here, name, p.now.Add(time.Minute))
	p.comes(p.there, name, p.now.Add(time.Minute))
}

func (p *denials) keptUntil() {
	p.revoke(p.here, "a", p.now, p.now.Add(short))
	p.revoke(p.here, "b", p.now, p.now.Add(time.Hour))
	p.comes(p.there, "b", p.now)
	p.comes(p.here, "a", time.Time{})
	p.comes(p.there, "a", time.Time{})
	p.want(p.here, "b", p.now)
}

func (p *denials) over() {
	p.revoke(p.here, "a", p.now, p.now.Add(-time.Second))
	p.want(p.here, "a", time.Time{})
}

// seenByAnother: that nobody was revoked may be cached, but not for long.
func (p *denials) seenByAnother() {
	p.want(p.there, "a", time.Time{})
	p.revoke(p.here, "a", p.now, p.now.Add(time.Hour))
	p.want(p.here, "a", p.now)
	p.comes(p.there, "a", p.now)
	p.revoke(p.there, "a", p.now.Add(time.Minute), p.now.Add(time.Hour))
	p.comes(p.here, "a", p.now.Add(time.Minute))
}

func (p *denials) many() {
	var all sync.WaitGroup
	for i := range 200 {
		at := p.here
		if i%2 == 1 {
			at = p.there
		}
		all.Go(func() {
			p.revoke(at, fmt.Sprint("n", i%50), p.now.Add(time.Duration(i)*time.Second), p.now.Add(time.Hour))
			if _, err := at.Revoked(p.ctx, fmt.Sprint("n", (i+1)%50), "x"); err != nil {
				p.Error(err)
			}
		})
	}
	all.Wait()
	for i := range 50 {
		p.comes(p.here, fmt.Sprint("n", i), p.now.Add(time.Duration(150+i)*time.Second))
		p.comes(p.there, fmt.Sprint("n", i), p.now.Add(time.Duration(150+i)*time.Second))
	}
}

func (p *denials) future() {
	p.revoke(p.here, "a", p.now.Add(24*time.Hour), p.now.Add(24*time.Hour))
	p.want(p.here, "a", p.now.Add(24*time.Hour))
}

// heard collects names. One that changed must be found revoked when it is heard.
type heard struct {
	mu    sync.Mutex
	names []string
	any   bool
}

func (h *heard) changed(names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.names = append(h.names, names...)
	h.any = h.any || names == nil
}

func (h *heard) of(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.any || slices.Contains(h.names, name)
}

func (p *denials) watched() {
	watching, ok := p.there.(watcher)
	if !ok {
		return
	}
	p.want(p.there, "x", time.Time{}) // it is connected
	told := &heard{}
	defer watching.Watch(told.changed)()
	p.revoke(p.here, "a", p.now, p.now.Add(time.Hour)) // which nobody asked for before
	p.revoke(p.here, "x", p.now, p.now.Add(time.Hour))
	for _, name := range []string{"a", "x"} {
		eventually(p, soon, name+" is heard of", func() bool { return told.of(name) })
		p.want(p.there, name, p.now)
	}
}

func (p *denials) watchedUntilStop() {
	watching, ok := p.there.(watcher)
	if !ok {
		return
	}
	stopped, going := &heard{}, &heard{}
	watching.Watch(stopped.changed)()
	defer watching.Watch(going.changed)()
	p.revoke(p.here, "a", p.now, p.now.Add(time.Hour))
	eventually(p, soon, "a is heard of", func() bool { return going.of("a") })
	if stopped.of("a") {
		p.Error("heard after stop")
	}
}
