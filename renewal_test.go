package gatehouse_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gorilla/securecookie"
)

// Access tokens live five minutes in these tests and are due a minute before.
const (
	live = 3 * time.Minute
	due  = 4*time.Minute + 30*time.Second
	dead = 6 * time.Minute
)

func TestRenewal(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	first := b.me().Token

	w.clock.advance(live)
	if b.me().Token != first {
		t.Error("renewed early")
	}
	w.clock.advance(due - live)
	res := b.get("/me")
	if strings.Contains(res.body, first) {
		t.Error("the handler saw the old token")
	}
	if len(sessionCookies(res.Cookies())) != 1 || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("cookies %v, Cache-Control %q", res.Cookies(), res.Header.Get("Cache-Control"))
	}
	if res := b.get("/me"); len(res.Cookies()) != 0 || strings.Contains(res.body, first) {
		t.Error("renewed twice")
	}
	w.clock.advance(dead)
	b.get("/me").want(t, http.StatusOK, "alice") // a dead one is renewed too
	if got := w.provider.Calls(oidctest.Token); got != 3 {
		t.Errorf("%d token requests, want 3", got)
	}
}

// TestFiftyAtOnce: one token request, whoever asks, and a straggler with the old
// cookie gets the same session.
func TestFiftyAtOnce(t *testing.T) {
	for name, rotation := range map[string]oidctest.Rotation{
		"family revoked": oidctest.RotateAndRevoke, "refused": oidctest.RotateAndRefuse, "not rotated": oidctest.RotateNever,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{provider: func(c *oidctest.Config) { c.Rotation = rotation }})
			w.provider.Intercept(oidctest.Token, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					time.Sleep(100 * time.Millisecond)
					next.ServeHTTP(rw, r)
				})
			})
			b := w.browser().signIn()
			old := sessionCookies(b.cookies())
			w.clock.advance(dead)

			var all sync.WaitGroup
			var mu sync.Mutex
			values := map[string]bool{}
			for range 50 {
				all.Go(func() {
					tab := w.browser()
					tab.keep(old)
					res := tab.fetch("/me").want(t, http.StatusOK, "alice")
					mu.Lock()
					defer mu.Unlock()
					for _, c := range sessionCookies(res.Cookies()) {
						values[c.Value] = true
					}
				})
			}
			all.Wait()
			if len(values) != 1 {
				t.Errorf("%d different sessions were set", len(values))
			}
			w.clock.advance(2 * time.Minute)
			straggler := w.browser()
			straggler.keep(old)
			straggler.get("/me").want(t, http.StatusOK, "alice")
			if got := w.provider.Calls(oidctest.Token); got != 2 {
				t.Errorf("%d token requests, want 2", got)
			}
			if w.provider.Reuses() != 0 {
				t.Errorf("%d reuses", w.provider.Reuses())
			}
		})
	}
}

// TestLostAnswer: a browser that never got the renewed cookie goes on with the
// old one, while its memory lasts.
func TestLostAnswer(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	old := sessionCookies(b.cookies())
	w.clock.advance(due)
	b.get("/me")
	w.clock.advance(live)
	b.keep(old)
	b.get("/me").want(t, http.StatusOK, "alice")
	b.get("/me").want(t, http.StatusOK, "alice")

	// The renewed one is presented, and lingers for thirty seconds.
	w.clock.advance(20 * time.Second)
	b.keep(old)
	b.get("/me").want(t, http.StatusOK, "alice")
	if w.provider.Reuses() != 0 {
		t.Errorf("%d reuses", w.provider.Reuses())
	}
}

// TestLostAnswerThatIsDueItself: the remembered session is renewed again before
// it is served.
func TestLostAnswerThatIsDueItself(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	old := sessionCookies(b.cookies())
	w.clock.advance(due)
	b.get("/me")
	w.clock.advance(due)
	b.keep(old)
	res := b.get("/me").want(t, http.StatusOK, "alice")
	if got := sessionCookies(res.Cookies()); len(got) != 1 {
		t.Errorf("%d session cookies set", len(got))
	}
	if got := w.provider.Calls(oidctest.Token); got != 3 || w.provider.Reuses() != 0 {
		t.Errorf("%d token requests, %d reuses", got, w.provider.Reuses())
	}
}

// TestLostAnswerDuringAnOutage: the remembered session is due itself, and can't
// be renewed now. The browser gets it all the same, before it is forgotten.
func TestLostAnswerDuringAnOutage(t *testing.T) {
	for name, later := range map[string]time.Duration{"due": due, "in its last second": dead - time.Minute - time.Second} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			b := w.browser().signIn()
			old := sessionCookies(b.cookies())
			w.clock.advance(due)
			b.get("/me")
			b.keep(old)
			w.clock.advance(later)
			remove := w.provider.Intercept(oidctest.Token, oidctest.Status(http.StatusInternalServerError))
			res := b.get("/me").want(t, http.StatusOK, "alice")
			if got := sessionCookies(res.Cookies()); len(got) != 1 || got[0].Value == old[0].Value {
				t.Errorf("the answer sets %v", got)
			}
			remove()
			w.clock.advance(dead)
			b.get("/me").want(t, http.StatusOK, "alice")
			if w.provider.Reuses() != 0 {
				t.Errorf("%d reuses", w.provider.Reuses())
			}
		})
	}
}

// TestWhoRenews: requests whose answer a browser may throw away leave the
// renewal to others until the token is dead.
func TestWhoRenews(t *testing.T) {
	for name, header := range map[string]http.Header{
		"image":     {"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}},
		"script":    {"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"script"}},
		"prefetch":  with(navigation, "Sec-Purpose", "prefetch"),
		"WebSocket": {"Sec-Fetch-Mode": {"websocket"}, "Upgrade": {"websocket"}, "Connection": {"Upgrade"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			b := w.browser().signIn()
			header := with(header, "Origin", w.app.URL) // a WebSocket needs it
			w.clock.advance(due)
			if res := b.send(http.MethodGet, "/me", header, ""); len(res.Cookies()) != 0 || res.StatusCode != http.StatusOK {
				t.Errorf("%d, renewed %v", res.StatusCode, res.Cookies())
			}
			w.clock.advance(dead - due)
			if res := b.send(http.MethodGet, "/me", header, ""); len(res.Cookies()) != 1 || res.StatusCode != http.StatusOK {
				t.Errorf("dead token: %d, renewed %v", res.StatusCode, res.Cookies())
			}
		})
	}
}

// TestProviderFails: a transient failure signs nobody out.
func TestProviderFails(t *testing.T) {
	for name, fault := range map[string]oidctest.Fault{
		"500":                     oidctest.Status(http.StatusInternalServerError),
		"503":                     oidctest.Status(http.StatusServiceUnavailable),
		"429":                     oidctest.Status(http.StatusTooManyRequests),
		"not JSON":                oidctest.Body(http.StatusOK, "text/html", "<h1>maintenance</h1>"),
		"error without a body":    oidctest.Status(http.StatusBadRequest),
		"temporarily_unavailable": oidctest.Body(http.StatusBadRequest, "application/json", `{"error":"temporarily_unavailable"}`),
		"invalid_client":          oidctest.Body(http.StatusUnauthorized, "application/json", `{"error":"invalid_client"}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.OutageGrace = time.Minute }})
			b := w.browser().signIn()
			w.clock.advance(due)
			remove := w.provider.Intercept(oidctest.Token, fault)

			b.get("/me").want(t, http.StatusOK, "alice") // the token is still good
			calls := w.provider.Calls(oidctest.Token)
			for range 20 {
				b.fetch("/me").want(t, http.StatusOK)
			}
			if got := w.provider.Calls(oidctest.Token); got != calls {
				t.Errorf("%d requests within the same second", got-calls)
			}
			w.clock.advance(time.Minute)
			b.get("/me").want(t, http.StatusOK, "alice") // within OutageGrace
			w.clock.advance(time.Minute)
			res := b.get("/me").want(t, http.StatusServiceUnavailable, "still signed in")
			if len(res.Cookies()) != 0 || res.Header.Get("Retry-After") == "" {
				t.Errorf("cookies %v, Retry-After %q", res.Cookies(), res.Header.Get("Retry-After"))
			}
			res = b.send(http.MethodPost, "/me", with(navigation, "Origin", w.app.URL), "a=b").want(t, http.StatusServiceUnavailable)
			if strings.Contains(res.body, "Try again") {
				t.Error("a page that answers a form links to the page without what was sent")
			}
			b.fetch("/me").want(t, http.StatusServiceUnavailable, `"status":503`)
			b.get("/").want(t, http.StatusOK, "stranger") // a public page is served

			remove()
			w.clock.advance(2 * time.Second)
			b.get("/me").want(t, http.StatusOK, "alice")
		})
	}
}

// TestHangingProviderAtTheEnd: one that comes while its token is good is answered
// while it is.
func TestHangingProviderAtTheEnd(t *testing.T) {
	for _, left := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w, b := newStillWorld(t)
			first := b.signIn().me().Token
			release := make(chan struct{})
			w.provider.Intercept(oidctest.Token, oidctest.Hold(release))
			time.Sleep(5*time.Minute - left)
			if b.me().Token != first {
				t.Errorf("%v before its end: not the old token", left)
			}
			time.Sleep(4 * time.Second)
			b.fetch("/me").want(t, http.StatusServiceUnavailable)
			close(release)
			time.Sleep(2 * time.Second) // as failures are remembered
			if b.me().Token == first {
				t.Error("the old token")
			}
		})
	}
}

// TestHangingProvider: a request whose token is good doesn't wait for long, and
// the renewal isn't lost.
func TestHangingProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newStillWorld(t)
		first := b.signIn().me().Token
		release := make(chan struct{})
		w.provider.Intercept(oidctest.Token, oidctest.Hold(release))
		time.Sleep(due)
		began := time.Now()
		if b.me().Token != first {
			t.Error("not the old token")
		}
		if waited := time.Since(began); waited > 5*time.Second {
			t.Errorf("waited %v", waited)
		}
		close(release)
		synctest.Wait()
		if b.me().Token == first {
			t.Error("the renewal was lost")
		}
	})
}

// TestClientLeaves: whoever disconnects doesn't take the renewal along.
func TestClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newStillWorld(t)
		b.signIn()
		release := make(chan struct{})
		w.provider.Intercept(oidctest.Token, oidctest.Hold(release))
		time.Sleep(dead)
		ctx, leave := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.app.URL+"/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		left := make(chan error)
		go func() {
			res, err := b.client.Do(r)
			if err == nil {
				res.Body.Close()
			}
			left <- err
		}()
		synctest.Wait() // for the renewal to be under way
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the client didn't leave: %v", err)
		}
		close(release)
		b.get("/me").want(t, http.StatusOK, "alice")
		if got := w.provider.Calls(oidctest.Token); got != 2 || w.provider.Reuses() != 0 {
			t.Errorf("%d token requests, %d reuses", got, w.provider.Reuses())
		}
	})
}

// TestSessionEnds: the provider's word is final.
func TestSessionEnds(t *testing.T) {
	for name, fault := range map[string]oidctest.Fault{
		"invalid_grant":   oidctest.Body(http.StatusBadRequest, "application/json", `{"error":"invalid_grant"}`),
		"invalid_request": oidctest.Body(http.StatusBadRequest, "application/json", `{"error":"invalid_request"}`), // dex
		"as text":         oidctest.Body(http.StatusBadRequest, "text/plain; charset=utf-8", ` {"error":"invalid_grant"}`),
		"by a 200":        oidctest.Body(http.StatusOK, "application/json", `{"error":"invalid_grant"}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			b := w.browser().signIn()
			w.clock.advance(due)
			remove := w.provider.Intercept(oidctest.Token, fault)
			b.fetch("/me").want(t, http.StatusUnauthorized, "login_url")
			if left := sessionCookies(b.cookies()); len(left) != 0 {
				t.Errorf("left %v", left)
			}
			remove()
			b.visit("/me").want(t, http.StatusOK, "alice")
		})
	}
	t.Run("navigation", func(t *testing.T) {
		w := newWorld(t, setup{})
		b := w.browser().signIn()
		w.clock.advance(due)
		w.provider.RevokeUser("alice")
		res := b.get("/me").want(t, http.StatusFound)
		gone, begun := sessionCookies(res.Cookies()), flowCookies(res.Cookies())
		if len(gone) != 1 || gone[0].MaxAge >= 0 || len(begun) != 1 || begun[0].MaxAge <= 0 || !strings.HasPrefix(res.location(t), w.idp.URL) {
			t.Errorf("to %s with %v", res.location(t), res.Header["Set-Cookie"])
		}
		b.visit("/me").want(t, http.StatusOK, "alice")
	})
}

// TestRefreshedIDToken is held against the one of the sign-in (OpenID Connect
// Core §12.2).
func TestRefreshedIDToken(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*oidctest.JWT)
		ends   bool
	}{
		{"the same", func(*oidctest.JWT) {}, false},
		{"no nonce", func(j *oidctest.JWT) { delete(j.Claims, "nonce") }, false},
		{"no auth_time", func(j *oidctest.JWT) { delete(j.Claims, "auth_time") }, false},
		{"another sub", func(j *oidctest.JWT) { j.Claims["sub"] = "mallory" }, true},
		{"another iss", func(j *oidctest.JWT) { j.Claims["iss"] = "https://evil.example" }, true},
		{"another aud", func(j *oidctest.JWT) { j.Claims["aud"] = "other" }, true},
		{"one more aud", func(j *oidctest.JWT) { j.Claims["aud"] = []string{"app", "other"}; j.Claims["azp"] = "app" }, true},
		{"an azp", func(j *oidctest.JWT) { j.Claims["azp"] = "app" }, true},
		{"another nonce", func(j *oidctest.JWT) { j.Claims["nonce"] = "other" }, true},
		{"another auth_time", func(j *oidctest.JWT) { j.Claims["auth_time"] = 1 }, true},
		{"unsigned", func(j *oidctest.JWT) { j.Unsigned() }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.MaxAge = time.Hour }})
			b := w.browser().signIn()
			w.clock.advance(due)
			w.provider.OnIDToken(c.change)
			res := b.fetch("/me")
			if c.ends {
				res.want(t, http.StatusUnauthorized)
				if len(sessionCookies(b.cookies())) != 0 {
					t.Error("the session is still there")
				}
				return
			}
			res.want(t, http.StatusOK, "alice")
			for _, claim := range []string{"nonce", "auth_time", "sid"} {
				if b.me().Claims[claim] == nil {
					t.Errorf("%s was forgotten", claim)
				}
			}
		})
	}
}

// TestClaimsAreRenewed: roles that come or go take effect at once.
func TestClaimsAreRenewed(t *testing.T) {
	bob := func(role string) oidctest.User {
		return oidctest.User{Subject: "bob", Claims: map[string]any{"roles": []string{role}}, UserinfoClaims: map[string]any{"team": role + " team"}}
	}
	for _, c := range []struct {
		name    string
		idToken oidctest.RefreshedIDToken
		fault   oidctest.Fault // of userinfo
		role    int            // what /admin answers once the role is gone
		team    string
	}{
		{"new ID token", oidctest.WithNonce, nil, http.StatusForbidden, "user team"},
		{"userinfo alone", oidctest.NoIDToken, nil, http.StatusForbidden, "user team"},
		{"userinfo fails", oidctest.WithNonce, oidctest.Status(500), http.StatusForbidden, "admin team"},
		{"neither", oidctest.NoIDToken, oidctest.Status(500), http.StatusOK, "admin team"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, setup{provider: func(p *oidctest.Config) { p.RefreshedIDToken = c.idToken }})
			w.provider.SignIn(bob("admin"))
			b := w.browser().signIn()
			b.get("/admin").want(t, http.StatusOK)
			w.provider.PutUser(bob("user"))
			if c.fault != nil {
				w.provider.Intercept(oidctest.Userinfo, c.fault)
			}
			b.get("/admin").want(t, http.StatusOK) // not renewed yet
			w.clock.advance(due)
			b.get("/admin").want(t, c.role)
			if got := b.me().Claims["team"]; got != c.team {
				t.Errorf("team %v, want %v", got, c.team)
			}
		})
	}
	t.Run("another person's userinfo", func(t *testing.T) {
		w := newWorld(t, setup{})
		b := w.browser().signIn()
		w.provider.OnAnswer(oidctest.Userinfo, func(d map[string]any) { d["sub"] = "mallory" })
		w.clock.advance(due)
		b.fetch("/me").want(t, http.StatusUnauthorized)
	})
}

func TestUserinfoIsUnderTheIDToken(t *testing.T) {
	w := newWorld(t, setup{})
	w.provider.OnAnswer(oidctest.Userinfo, func(d map[string]any) {
		d["name"], d["team"], d["acr"], d["exp"], d["sid"] = "Mallory", "blue", "gold", 1, "other"
	})
	claims := w.browser().signIn().me().Claims
	if claims["name"] != "Alice" || claims["team"] != "blue" || claims["acr"] != nil || claims["exp"] == 1.0 || claims["sid"] == "other" {
		t.Errorf("claims %v", claims)
	}
	w = newWorld(t, setup{gate: func(c *gatehouse.Config) { c.SkipUserinfo = true }})
	w.browser().signIn()
	if got := w.provider.Calls(oidctest.Userinfo); got != 0 {
		t.Errorf("userinfo was asked %d times", got)
	}
}

// TestGorillaCodec seals the session as applications on gorilla/securecookie do.
func TestGorillaCodec(t *testing.T) {
	codec := securecookie.New(securecookie.GenerateRandomKey(32), securecookie.GenerateRandomKey(32)).
		SetSerializer(securecookie.NopEncoder{}).MaxLength(0)
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.CookieName, c.CookieCodec = "gatehouse-shared", codec }})
	b := w.browser().signIn()
	w.clock.advance(due)
	b.get("/me").want(t, http.StatusOK, "alice")
	if got := sessionCookies(b.cookies()); len(got) == 0 || got[0].Name != "gatehouse-shared" {
		t.Errorf("cookies %v", got)
	}
}
