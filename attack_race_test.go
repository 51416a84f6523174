package gatehouse_test

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
)

// TestContextAskedForMeanwhile opens a stream in the middle of a sign-out, at each
// moment at which that looks at the clock: it ends all the same, and doesn't outlive
// the revocation that it just missed.
func TestContextAskedForMeanwhile(t *testing.T) {
	for name, end := range map[string]func(*world, *browser, *gatehouse.Identity){
		"session": func(w *world, _ *browser, who *gatehouse.Identity) {
			_ = w.gate.Revoke(context.Background(), gatehouse.Revocation{Session: who.SessionID()})
		},
		"subject": func(w *world, _ *browser, who *gatehouse.Identity) {
			_ = w.gate.Revoke(context.Background(), gatehouse.Revocation{Subject: who.Subject()})
		},
		"sid": func(w *world, _ *browser, who *gatehouse.Identity) {
			_ = w.gate.Revoke(context.Background(), gatehouse.Revocation{SID: who.String("sid")})
		},
		"front channel": func(w *world, _ *browser, who *gatehouse.Identity) {
			said := url.Values{"iss": {w.idp.URL}, "sid": {who.String("sid")}}
			w.browser().get("/auth/frontchannel-logout?"+said.Encode()).want(w, http.StatusOK)
		},
		"sign-out": func(w *world, b *browser, _ *gatehouse.Identity) { b.get("/auth/logout").want(w, http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			moments := 0
			for ; openedAt(t, moments+1, end); moments++ {
			}
			if moments == 0 {
				t.Error("nothing was opened")
			}
		})
	}
}

// openedAt opens a stream when the clock is looked at for the nth time while end ends
// its session, and reports whether there was such a moment.
func openedAt(t *testing.T, nth int, end func(*world, *browser, *gatehouse.Identity)) bool {
	var counting atomic.Bool
	var looks atomic.Int64
	var who *gatehouse.Identity
	var stream context.Context
	w := newWorld(t, setup{
		gate: func(c *gatehouse.Config) {
			now := c.Clock
			c.Clock = func() time.Time {
				if counting.Load() && looks.Add(1) == int64(nth) {
					counting.Store(false)
					stream, _ = who.Context(t.Context())
				}
				return now()
			}
		},
		routes: func(g *gatehouse.Gate) http.Handler {
			return g.Wrap(g.RequireLogin(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				who, _ = gatehouse.IdentityFrom(r.Context())
			})))
		},
	})
	b := w.browser().signIn()
	counting.Store(true)
	end(w, b, who)
	counting.Store(false)
	if stream == nil {
		return false
	}
	if context.Cause(stream) != gatehouse.ErrSignedOut {
		t.Errorf("opened at moment %d, it lives on: %v", nth, context.Cause(stream))
	}
	return true
}
