package interop_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/interop"
)

// wantRenewals fails the test unless there were so many renewals, none with a
// refresh token that was used before where the provider rotates them.
func (w *world) wantRenewals(want int) {
	w.Helper()
	renewals := w.server.Renewals()
	if len(renewals) != want {
		w.Errorf("%d renewals, want %d: %+v", len(renewals), want, renewals)
	}
	used := map[string]bool{}
	for _, r := range renewals {
		if w.server.Traits.Rotates && used[r.RefreshToken] {
			w.Errorf("a refresh token was used twice: %+v", renewals)
		}
		used[r.RefreshToken] = true
	}
}

// TestRenewal: again and again, in the request that needs it, before the access
// token expires.
func TestRenewal(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		before := b.read(b.signIn("/me", interop.Alice))
		for round := range 4 {
			w.clock.Advance(p.Traits.AccessLifetime * 9 / 10)
			after := b.renewed(before)
			w.wantRenewals(round + 1)
			if after.Token == before.Token || after.Sub != before.Sub {
				t.Errorf("round %d: %+v, was %+v", round, after, before)
			}
			if left := after.Expires.Sub(w.clock.Now()); left <= p.Traits.AccessLifetime/2 || left > p.Traits.AccessLifetime+time.Second {
				t.Errorf("round %d: the access token lives for %v", round, left)
			}
			for _, name := range []string{"name", "email", "auth_time"} {
				if after.Claims[name] != before.Claims[name] {
					t.Errorf("round %d: %s is %v, was %v", round, name, after.Claims[name], before.Claims[name])
				}
			}
			if again := b.me(); again.Token != after.Token {
				t.Errorf("round %d: another access token at once", round)
			}
			if _, err := w.server.Userinfo(t.Context(), after.Token); err != nil {
				t.Errorf("round %d: the provider doesn't accept the access token: %v", round, err)
			}
			before = after
		}
		w.wantRenewals(4)
	})
}

// TestManyAtOnce: fifty requests with an access token that has expired, and one
// that comes later with the old cookie, are one renewal.
func TestManyAtOnce(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		b.signIn("/me", interop.Alice)
		w.expire()
		tokens := map[string]bool{}
		resume := w.clock.Stop()
		for _, got := range w.manyAtOnce(50, b.Cookies(w.app.URL)) {
			if got.err != nil {
				t.Fatal(got.err)
			}
			tokens[got.seen.Token] = true
		}
		for token := range tokens {
			if _, err := w.server.Userinfo(t.Context(), token); err != nil {
				t.Errorf("the provider doesn't accept the access token: %v", err)
			}
		}
		if len(tokens) != 1 {
			t.Errorf("the application saw %d access tokens", len(tokens))
		}
		w.wantRenewals(1)
		if straggler := b.me(); !tokens[straggler.Token] {
			t.Error("the straggler has another access token")
		}
		w.wantRenewals(1)
		resume()

		w.expire()
		b.me()
		w.wantRenewals(2)
	})
}

// TestManyAtOnceTooLate: the refresh token is dead, and the provider hears of it
// once, not fifty times.
func TestManyAtOnceTooLate(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		for name, end := range waysToDie(p.Traits) {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, p, nil)
				b := w.browser()
				b.signIn("/me", interop.Alice)
				end(w)
				earlier := len(w.server.Renewals())
				w.expire()
				resume := w.clock.Stop() // a failure is remembered for a second
				for _, got := range w.manyAtOnce(50, b.Cookies(w.app.URL)) {
					if got.err == nil {
						t.Errorf("still signed in: %+v", got.seen)
					}
				}
				resume()
				if renewals := w.server.Renewals()[earlier:]; len(renewals) != 1 {
					t.Errorf("%d renewals: %+v", len(renewals), renewals)
				}
			})
		}
	})
}

// TestLostAnswer: the browser never got the cookie of a renewal, and comes back
// with the old one while the new access token lives.
func TestLostAnswer(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		b.signIn("/me", interop.Alice)
		w.expire()
		lost := w.get(b.Cookies(w.app.URL))
		if lost.err != nil {
			t.Fatal(lost.err)
		}
		w.clock.Advance(p.Traits.AccessLifetime * 2 / 3)
		if found := b.me(); found.Token != lost.seen.Token {
			t.Error("another access token")
		}
		w.wantRenewals(1)

		w.expire()
		b.me()
		w.wantRenewals(2)
	})
}

// outcome is that of one request.
type outcome struct {
	seen seen
	err  error
}

// manyAtOnce sends n requests with the same cookies.
func (w *world) manyAtOnce(n int, cookies []*http.Cookie) []outcome {
	outcomes := make([]outcome, n)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range outcomes {
		done.Go(func() {
			start.Wait()
			outcomes[i] = w.get(cookies)
		})
	}
	start.Done()
	done.Wait()
	return outcomes
}

// get asks for /me with these cookies, and stores none.
func (w *world) get(cookies []*http.Cookie) outcome {
	r, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.app.URL+"/me", nil)
	if err != nil {
		return outcome{err: err}
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	res, err := w.app.Client().Do(r)
	if err != nil {
		return outcome{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return outcome{err: err}
	}
	if res.StatusCode != http.StatusOK {
		return outcome{err: fmt.Errorf("%s: %s", res.Status, body)}
	}
	var got outcome
	got.err = json.Unmarshal(body, &got.seen)
	return got
}

// TestTwoBrowsers: one person with two sessions, renewed independently.
func TestTwoBrowsers(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		if p.Traits.OneGrant {
			t.Skip("has one refresh token for each person, see TestDeadRefreshToken")
		}
		w := newWorld(t, p, nil)
		first, second := w.browser(), w.browser()
		first.signIn("/me", interop.Alice)
		second.signIn("/me", interop.Alice)
		for range 2 {
			w.expire()
			first.me()
			second.me()
		}
		w.wantRenewals(4)
	})
}

// waysToDie are how a refresh token becomes a dead one.
func waysToDie(traits interop.Traits) map[string]func(*world) {
	ways := map[string]func(*world){}
	if traits.Revocation {
		ways["revoked"] = func(w *world) {
			if err := w.server.Revoke(w.Context(), w.server.LastRefreshToken()); err != nil {
				w.Fatal(err)
			}
		}
	}
	if traits.Rotates {
		ways["used by somebody else"] = func(w *world) {
			if err := w.server.Renew(w.Context(), w.server.LastRefreshToken()); err != nil {
				w.Fatal(err)
			}
		}
	}
	if traits.OneGrant {
		ways["signed in elsewhere"] = func(w *world) { w.browser().signIn("/me", interop.Alice) }
	}
	return ways
}

// TestDeadRefreshToken: the session is over. Programs are told, and people sign
// in again.
func TestDeadRefreshToken(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		for name, end := range waysToDie(p.Traits) {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, p, nil)
				b := w.browser()
				b.signIn("/me", interop.Alice)
				cookies := b.Cookies(w.app.URL)
				end(w)
				b.me() // the access token is as good as before
				earlier := len(w.server.Renewals())

				w.expire()
				page := b.want(b.fetch("/api/me"), http.StatusUnauthorized, "/api/me")
				if kind := page.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/problem+json") {
					t.Errorf("Content-Type %s: %s", kind, page)
				}
				if left := b.Cookies(w.app.URL); len(left) != 0 {
					t.Errorf("cookies left: %v", left)
				}
				renewals := w.server.Renewals()[earlier:]
				if len(renewals) != 1 || renewals[0].Error != p.Traits.DeadCode {
					t.Errorf("renewals: %+v, want one refused as %s", renewals, p.Traits.DeadCode)
				}

				b.Restore(w.app.URL, cookies)
				b.answer(b.open("/orders/7"), "/orders/7", interop.Alice)
				w.expire()
				b.me()
			})
		}
	})
}
