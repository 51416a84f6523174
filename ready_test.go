package gatehouse_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// probed is a store that says when it is asked whether it is ready.
type probed struct {
	*shelf
	once  sync.Once
	asked chan struct{}
}

func (p *probed) Ready(context.Context) error {
	p.once.Do(func() { close(p.asked) })
	return nil
}

// TestReadyAsksAllAtOnce: a provider that doesn't answer takes no time of the store's,
// which would seem to be away as well.
func TestReadyAsksAllAtOnce(t *testing.T) {
	asked := make(chan struct{})
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		c.Store = &probed{shelf: newShelf(c.Clock), asked: asked}
	}})
	w.provider.Intercept(oidctest.Discovery, oidctest.Hold(asked))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := w.gate.Ready(ctx); err != nil {
		t.Error(err)
	}
}
