package gatehouse_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-go/gatehouse"
)

func TestAdmit(t *testing.T) {
	type call struct {
		renewal bool
		own     any
	}
	var mu sync.Mutex
	var calls []call
	var answer func(*gatehouse.Admission) error
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		c.Admit = func(_ context.Context, a *gatehouse.Admission) error {
			mu.Lock()
			defer mu.Unlock()
			calls = append(calls, call{a.Renewal, a.Own["level"]})
			if a.AccessToken == "" || a.Claims["sub"] != "alice" || a.Claims["name"] != "Alice" || a.Claims["level"] != nil {
				return errors.New("not the provider's claims")
			}
			return answer(a)
		}
	}})
	answer = func(a *gatehouse.Admission) error {
		if !a.Renewal {
			a.Own["level"], a.Own["name"] = 7, "Dr. Alice"
		}
		return nil
	}
	b := w.browser().signIn()
	if claims := b.me().Claims; claims["level"] != 7.0 || claims["name"] != "Dr. Alice" {
		t.Errorf("claims %v", claims)
	}
	w.clock.advance(due)
	if claims := b.me().Claims; claims["level"] != 7.0 || claims["name"] != "Dr. Alice" {
		t.Errorf("after renewal: claims %v", claims)
	}
	if len(calls) != 2 || calls[0].renewal || !calls[1].renewal || calls[1].own != 7.0 {
		t.Errorf("calls %v", calls)
	}

	answer = func(*gatehouse.Admission) error { return errors.New("database away: canary") }
	w.clock.advance(due)
	if claims := b.me().Claims; claims["level"] != 7.0 {
		t.Errorf("a failure at renewal lost %v", claims)
	}
	res := w.browser().visit("/me").want(t, http.StatusInternalServerError, "You could not be signed in")
	if strings.Contains(res.body, "canary") {
		t.Error("the cause reached the page")
	}

	answer = func(*gatehouse.Admission) error {
		return &gatehouse.Error{Status: http.StatusForbidden, Message: "You have left the company."}
	}
	w.clock.advance(due)
	b.get("/me").want(t, http.StatusForbidden, "You have left the company.")
	if len(sessionCookies(b.cookies())) != 0 {
		t.Error("a refused session is still there")
	}
	refused := w.browser()
	refused.visit("/me").want(t, http.StatusForbidden, "You have left the company.")
	if len(sessionCookies(refused.cookies())) != 0 {
		t.Error("a refused sign-in began a session")
	}

	for name, bad := range map[string]func(*gatehouse.Admission) error{
		"sub":           func(a *gatehouse.Admission) error { a.Own["sub"] = "mallory"; return nil },
		"not encodable": func(a *gatehouse.Admission) error { a.Own["f"] = func() {}; return nil },
		"panic":         func(*gatehouse.Admission) error { panic("oops") },
	} {
		answer = bad
		if res := w.browser().visit("/me"); res.StatusCode != http.StatusInternalServerError {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

// TestRefusedCopies: whom Admit refuses at a renewal isn't served for what is left of
// their access token, as a part of a page, which doesn't renew it, or at another replica.
func TestRefusedCopies(t *testing.T) {
	part := with(navigation, "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image")
	var refuses atomic.Bool
	both(t, setup{gate: func(c *gatehouse.Config) {
		if c.Store == nil {
			c.Revocations = newList(c.Clock)
		}
		refuses.Store(false)
		c.Admit = func(context.Context, *gatehouse.Admission) error {
			if refuses.Load() {
				return &gatehouse.Error{Status: http.StatusForbidden, Message: "You have left the company."}
			}
			return nil
		}
	}}, func(t *testing.T, w *world) {
		b, thief, other := w.browser().signIn(), w.browser(), w.replica(nil)
		thief.keep(sessionCookies(b.cookies()))
		w.clock.advance(due)
		refuses.Store(true)
		thief.send(http.MethodGet, "/me", part, "").want(t, http.StatusOK)
		b.get("/me").want(t, http.StatusForbidden, "You have left the company.")
		thief.at(other).send(http.MethodGet, "/me", part, "").want(t, http.StatusUnauthorized)
		thief.send(http.MethodGet, "/me", part, "").want(t, http.StatusUnauthorized)
		refuses.Store(false)
		b.signIn()
	})
}
