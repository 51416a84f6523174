package gatehouse_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestWithoutRefreshToken(t *testing.T) {
	for name, outlive := range map[string]bool{"ends with the access token": false, "lives to its own end": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{
				provider: func(c *oidctest.Config) { c.RefreshTokens = oidctest.RefreshNever },
				gate:     func(c *gatehouse.Config) { c.OutliveAccessToken = outlive },
			})
			b := w.browser().signIn()
			left, lasts, want, listed := 300, 300*time.Second, http.StatusUnauthorized, 0
			if outlive {
				left, lasts, want, listed = 7200, 12*time.Hour, http.StatusOK, 1
			}
			b.fetch("/auth/session").want(t, http.StatusOK, fmt.Sprintf(`"expires_in":%d,`, left))
			live, err := w.gate.Sessions(t.Context(), "alice")
			if err != nil || len(live) != 1 || live[0].Ends.Sub(live[0].Began).Round(time.Second) != lasts {
				t.Errorf("listed as %+v, %v; want one that lasts %v", live, err, lasts)
			}
			w.clock.advance(due)
			b.get("/me").want(t, http.StatusOK)
			w.clock.advance(dead - due)
			if live, err := w.gate.Sessions(t.Context(), "alice"); err != nil || len(live) != listed {
				t.Errorf("then listed as %+v, %v; want %d", live, err, listed)
			}
			b.fetch("/me").want(t, want)
			if got := w.provider.Calls(oidctest.Token); got != 1 {
				t.Errorf("%d token requests", got)
			}
		})
	}
}

// TestExpiresIn: whatever a provider says, the session works and isn't renewed
// at every request.
func TestExpiresIn(t *testing.T) {
	for name, value := range map[string]any{
		"string": "300", "absent": nil, "negative": -300, "zero": 0, "huge": 600000000000, "float": 300.0,
		"fraction": 299.5, "fraction in a string": "299.5", "beyond every integer": 1e30, "empty string": "", "words": "soon",
		"true": true, "list": []int{300}, "object": map[string]any{"seconds": 300}, "negative fraction": -0.5,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.provider.OnAnswer(oidctest.Token, func(d map[string]any) {
				if d["expires_in"] = value; value == nil {
					delete(d, "expires_in")
				}
			})
			b := w.browser().signIn()
			for range 3 {
				b.get("/me").want(t, http.StatusOK)
			}
			if got := w.provider.Calls(oidctest.Token); got != 1 {
				t.Errorf("%d token requests", got)
			}
			b = w.browser().signIn()
			before := b.me().Token
			w.clock.advance(63 * time.Minute)
			b.get("/me").want(t, http.StatusOK, "alice")
			renewed := b.me().Token != before
			if lives := strings.HasPrefix(name, "huge") || strings.HasPrefix(name, "beyond"); renewed == lives {
				t.Errorf("renewed after an hour: %v", renewed)
			}
		})
	}
}

// TestTokensAsText: media types that are wrong lose nobody's tokens.
func TestTokensAsText(t *testing.T) {
	for _, media := range []string{"text/plain; charset=utf-8", "text/html", "application/x-www-form-urlencoded", "", "application/json;charset=UTF-8", "nonsense"} {
		t.Run(media, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.provider.Intercept(oidctest.Token, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					honest := httptest.NewRecorder()
					next.ServeHTTP(honest, r)
					rw.Header().Set("Content-Type", media)
					rw.WriteHeader(honest.Code)
					_, _ = rw.Write(honest.Body.Bytes())
				})
			})
			b := w.browser().signIn()
			w.clock.advance(due)
			b.get("/me").want(t, http.StatusOK, "alice")
			if got := w.provider.Calls(oidctest.Token); got != 2 {
				t.Errorf("%d token requests", got)
			}
		})
	}
}

func TestLifetimes(t *testing.T) {
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.SessionLifetime, c.IdleTimeout = time.Hour, 20*time.Minute }})
	t.Run("idle", func(t *testing.T) {
		b := w.browser().signIn()
		w.clock.advance(21 * time.Minute)
		b.fetch("/me").want(t, http.StatusUnauthorized)
	})
	t.Run("use slides, up to the absolute end", func(t *testing.T) {
		b := w.browser().signIn()
		for range 5 {
			w.clock.advance(11 * time.Minute)
			b.fetch("/me").want(t, http.StatusOK)
		}
		w.clock.advance(6 * time.Minute)
		b.fetch("/me").want(t, http.StatusUnauthorized)
	})
	t.Run("asking for the session is no use", func(t *testing.T) {
		b := w.browser().signIn()
		for range 2 {
			w.clock.advance(9 * time.Minute)
			b.fetch("/auth/session").want(t, http.StatusOK)
		}
		w.clock.advance(3 * time.Minute)
		b.fetch("/auth/session").want(t, http.StatusUnauthorized)
	})
	t.Run("the provider's end", func(t *testing.T) {
		remove := w.provider.OnIDToken(func(j *oidctest.JWT) { j.Claims["session_expiry"] = w.clock.Now().Add(10 * time.Minute).Unix() })
		b := w.browser().signIn()
		remove()
		w.clock.advance(9 * time.Minute) // renewed meanwhile, without the claim
		b.fetch("/me").want(t, http.StatusOK)
		w.clock.advance(2 * time.Minute)
		b.fetch("/me").want(t, http.StatusUnauthorized)
	})
	t.Run("its last half second", func(t *testing.T) {
		w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.SessionLifetime, c.IdleTimeout = time.Hour, -1 }})
		b := w.browser().signIn()
		w.clock.advance(time.Hour - 500*time.Millisecond)
		b.fetch("/me").want(t, http.StatusOK, "alice") // renewed, and no cookie lives that short
		w.clock.advance(500 * time.Millisecond)
		b.fetch("/me").want(t, http.StatusUnauthorized)
		w.provider.OnIDToken(func(j *oidctest.JWT) { j.Claims["session_expiry"] = w.clock.Now().Unix() + 1 })
		w.clock.advance(500 * time.Millisecond)
		w.browser().visit("/me").want(t, http.StatusForbidden, "already over")
	})
	t.Run("the provider ends it at a renewal", func(t *testing.T) {
		b := w.browser().signIn()
		defer w.provider.OnIDToken(func(j *oidctest.JWT) { j.Claims["session_expiry"] = w.clock.Now().Add(-time.Minute).Unix() })()
		w.clock.advance(due)
		b.fetch("/me").want(t, http.StatusUnauthorized)
		if left := sessionCookies(b.cookies()); len(left) != 0 {
			t.Errorf("left %v", left)
		}
	})
	t.Run("slides without renewal", func(t *testing.T) {
		w := newWorld(t, setup{
			provider: func(c *oidctest.Config) { c.AccessTokenLifetime = 10 * time.Hour },
			gate:     func(c *gatehouse.Config) { c.IdleTimeout = 20 * time.Minute },
		})
		b := w.browser().signIn()
		old := sessionCookies(b.cookies())
		w.clock.advance(15 * time.Minute)
		values := map[string]bool{}
		for range 3 { // at the same time, with the same cookie
			b.keep(old)
			for _, c := range sessionCookies(b.fetch("/me").want(t, http.StatusOK).Cookies()) {
				values[c.Value] = true
			}
		}
		if len(values) != 1 {
			t.Errorf("%d different cookies", len(values))
		}
		w.clock.advance(15 * time.Minute)
		b.fetch("/me").want(t, http.StatusOK)
		if got := w.provider.Calls(oidctest.Token); got != 1 {
			t.Errorf("%d token requests", got)
		}
	})
}
