// Package probe lets a test find out whether a request comes to a gate, without
// running what is behind it.
package probe

import "context"

// Probe is what a request came to.
type Probe struct {
	stopped bool
}

type key struct{}

// With returns a context for a request that is a probe.
func With(ctx context.Context) (context.Context, *Probe) {
	p := &Probe{}
	return context.WithValue(ctx, key{}, p), p
}

// Stop reports whether a request is a probe, which has then come to something
// that decides about it, and goes no further.
func Stop(ctx context.Context) bool {
	p, ok := ctx.Value(key{}).(*Probe)
	if ok {
		p.stopped = true
	}
	return ok
}

// Stopped reports whether there was something that decides.
func (p *Probe) Stopped() bool { return p.stopped }
