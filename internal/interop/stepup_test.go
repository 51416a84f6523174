package interop_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/interop"
)

// TestRecentSignIn: who wants a page that needs a recent sign-in is sent for one
// with max_age, and comes back to it. A provider that doesn't say when somebody
// signed in can't vouch for it: the sign-in fails, there is no loop, and the session
// that was there stays.
func TestRecentSignIn(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		b.signIn("/me", interop.Alice)
		page, err := w.server.SignIn(b.Browser, b.open("/recent?a=b"), interop.Alice)
		if err != nil {
			t.Fatal(err)
		}
		if p.Traits.AuthTime {
			b.want(page, http.StatusOK, "/recent?a=b")
			w.clock.Advance(4 * time.Minute)
			b.want(b.open("/recent"), http.StatusOK, "/recent")
			return
		}
		if page.Status != http.StatusBadGateway {
			t.Errorf("without auth_time: %s", page)
		}
		b.me()
	})
}

// TestStrongerSignIn: a class that the provider doesn't have is asked for once,
// whether it is ignored or refused, and whoever was signed in stays so.
func TestStrongerSignIn(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		b.signIn("/me", interop.Alice)
		page, err := w.server.SignIn(b.Browser, b.open("/secure"), interop.Alice)
		if err != nil {
			t.Fatal(err)
		}
		switch requests := len(w.server.TokenRequests()); {
		case requests == 1 && page.Status == http.StatusBadGateway: // refused: there was no sign-in
		case requests == 2:
			b.want(page, http.StatusForbidden, "/secure")
			if page = b.want(b.open("/secure"), http.StatusForbidden, "/secure"); !strings.Contains(page.Body, "did not confirm") {
				t.Errorf("the reason is missing: %s", page)
			}
		default:
			t.Errorf("%d token requests, and in the end %s", requests, page)
		}
		b.me()
	})
}
