package interop_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/interop"
)

// logout presses the button of the application's that signs out, and answers
// what the provider asks.
func (b *browser) logout() interop.Page {
	b.w.Helper()
	action, err := url.Parse(b.w.app.URL + "/auth/logout")
	if err != nil {
		b.w.Fatal(err)
	}
	from := b.open("/")
	page := b.Submit(from, interop.Form{Action: action, Method: http.MethodPost, Values: url.Values{}})
	page, err = b.w.server.SignIn(b.Browser, page, interop.Person{})
	if err != nil {
		b.w.Fatal(err)
	}
	return page
}

// TestLogout: signed out here and at the provider, and somebody else can sign
// in.
func TestLogout(t *testing.T) {
	for name, renewed := range map[string]bool{"at once": false, "after a renewal": true} {
		t.Run(name, func(t *testing.T) {
			eachProvider(t, func(t *testing.T, p interop.Provider) {
				w := newWorld(t, p, nil)
				b := w.browser()
				b.signIn("/me", interop.Alice)
				if renewed {
					w.expire()
					b.me()
				}
				last := w.server.LastRefreshToken()

				page := b.logout()
				if page.URL.Path != "/" || page.Body != "hello stranger" {
					t.Fatalf("signing out ends at %s", page)
				}
				if cookies := b.Cookies(w.app.URL); len(cookies) != 0 {
					t.Errorf("cookies left: %v", cookies)
				}
				if atProvider := strings.Contains(strings.Join(page.Trail, " "), "id_token_hint="); atProvider != p.Traits.EndSession {
					t.Errorf("signed out at the provider: %v, want %v: %s", atProvider, p.Traits.EndSession, page)
				}
				if p.Traits.Revocation {
					if err := w.server.Renew(t.Context(), last); err == nil {
						t.Error("the refresh token is still good")
					}
				}

				again := b.wantAsked(b.open("/me"))
				who := b.read(b.answer(again, "/me", interop.Bob))
				if who.Claims["email"] != interop.Bob.Email {
					t.Errorf("after Bob signed in: %+v", who)
				}
			})
		})
	}
}

// TestLogoutByScript: a fetch() is told where the page has to go.
func TestLogoutByScript(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		b.signIn("/me", interop.Alice)
		page := b.want(b.Fetch(http.MethodPost, w.app.URL+"/auth/logout"), http.StatusOK, "/auth/logout")
		if told := strings.Contains(page.Body, "id_token_hint"); told != p.Traits.EndSession {
			t.Errorf("%s", page)
		}
		b.want(b.fetch("/auth/session"), http.StatusUnauthorized, "/auth/session")
	})
}
