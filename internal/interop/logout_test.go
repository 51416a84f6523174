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
				if told := strings.Contains(w.log.String(), `event="back-channel logout" outcome=ok`); told != p.Traits.Echo {
					t.Errorf("told of it by the provider: %v, want %v", told, p.Traits.Echo)
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

// TestLogoutElsewhere: somebody signs out at the provider itself, which tells the
// application, and the session here is over though its cookie is still there.
func TestLogoutElsewhere(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		if !p.Traits.Backchannel {
			t.Skip("tells nobody")
		}
		w := newWorld(t, p, nil)
		b, other := w.browser(), w.browser()
		b.signIn("/me", interop.Alice)
		other.signIn("/me", interop.Alice)

		end, err := w.server.Endpoint(t.Context(), "end_session_endpoint")
		if err != nil {
			t.Fatal(err)
		}
		page := b.Open(end)
		forms, err := b.wantAsked(page).Forms()
		if err != nil || len(forms) == 0 {
			t.Fatalf("%v: %s", err, page)
		}
		b.Submit(page, forms[0])
		if len(b.Cookies(w.app.URL)) == 0 {
			t.Error("the cookie is gone, so that this shows nothing")
		}
		b.want(b.fetch("/api/me"), http.StatusUnauthorized, "/api/me")
		other.want(other.fetch("/api/me"), http.StatusOK, "/api/me") // another session there
		b.answer(b.wantAsked(b.open("/me")), "/me", interop.Alice)
		b.me()
	})
}
