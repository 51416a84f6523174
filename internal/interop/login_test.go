package interop_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/interop"
)

func TestLogin(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		if page := b.open("/"); page.Body != "hello stranger" {
			t.Fatalf("before: %s", page)
		}
		page := b.signIn("/orders/7?tab=items&x=%2F", interop.Alice)
		who := b.read(page)
		if who.Sub == "" || who.Token == "" || who.Claims["sub"] != who.Sub {
			t.Errorf("the application sees %+v", who)
		}
		for name, want := range map[string]any{"iss": w.server.Issuer, "email": interop.Alice.Email} {
			if who.Claims[name] != want {
				t.Errorf("claim %s: %v, want %v", name, who.Claims[name], want)
			}
		}
		if name, _ := who.Claims["name"].(string); !strings.HasPrefix(name, interop.Alice.Name) {
			t.Errorf("claim name: %v", who.Claims["name"])
		}
		if page := b.open("/"); !strings.HasPrefix(page.Body, "hello Alice") {
			t.Errorf("after: %s", page)
		}
		if requests := w.server.TokenRequests(); len(requests) != 1 {
			t.Errorf("token requests: %+v", requests)
		}
		if cookies := b.Cookies(w.app.URL); len(cookies) != 1 || !strings.HasPrefix(cookies[0].Name, "__Host-") {
			t.Errorf("cookies after sign-in: %v", cookies)
		}
	})
}

// TestTwoPeople: who signs in at the same provider with another browser is
// somebody else.
func TestTwoPeople(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		alice, bob := w.browser(), w.browser()
		first := alice.read(alice.signIn("/me", interop.Alice))
		second := bob.read(bob.signIn("/me", interop.Bob))
		if first.Sub == second.Sub || second.Claims["email"] != interop.Bob.Email {
			t.Errorf("%+v and %+v", first, second)
		}
		if again := alice.me(); again.Sub != first.Sub {
			t.Errorf("the first became %+v", again)
		}
	})
}

func TestRole(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		if p.Traits.RoleClaim == nil {
			t.Skip("has no roles or groups")
		}
		w := newWorld(t, p, func(c *gatehouse.Config) { c.Scopes = p.Traits.Scopes })
		alice, bob := w.browser(), w.browser()
		alice.signIn("/admin", interop.Alice)
		page, err := w.server.SignIn(bob.Browser, bob.open("/admin"), interop.Bob)
		if err != nil {
			t.Fatal(err)
		}
		bob.want(page, http.StatusForbidden, "/admin")
		bob.want(bob.open("/me"), http.StatusOK, "/me")

		w.expire()
		alice.want(alice.open("/admin"), http.StatusOK, "/admin")
		bob.want(bob.open("/admin"), http.StatusForbidden, "/admin")
	})
}

func TestSessionEndpoint(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		b.want(b.fetch("/auth/session"), http.StatusUnauthorized, "/auth/session")
		b.want(b.fetch("/api/me"), http.StatusUnauthorized, "/api/me")
		who := b.read(b.signIn("/me", interop.Alice))
		b.want(b.fetch("/api/me"), http.StatusOK, "/api/me")

		page := b.want(b.fetch("/auth/session"), http.StatusOK, "/auth/session")
		var info struct {
			Sub            string         `json:"sub"`
			Claims         map[string]any `json:"claims"`
			ExpiresIn      float64        `json:"expires_in"`
			TokenExpiresIn float64        `json:"token_expires_in"`
			LogoutURL      string         `json:"logout_url"`
		}
		if err := json.Unmarshal([]byte(page.Body), &info); err != nil {
			t.Fatalf("%v: %s", err, page)
		}
		lifetime := p.Traits.AccessLifetime.Seconds()
		if info.Sub != who.Sub || info.Claims["email"] != interop.Alice.Email || info.LogoutURL != w.app.URL+"/auth/logout" ||
			info.TokenExpiresIn > lifetime || info.TokenExpiresIn < lifetime-20 || info.ExpiresIn < lifetime {
			t.Errorf("%s", page)
		}
		for _, secret := range []string{who.Token, w.server.LastRefreshToken()} {
			if strings.Contains(page.Body, secret) {
				t.Errorf("a token is shown: %s", page)
			}
		}
	})
}

// TestTwoTabs: both are at the provider before the first comes back, and each
// ends at its own page. Where the provider forgets the first for the second, who comes
// back from it is told to try again, and stays signed in.
func TestTwoTabs(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		first := b.wantAsked(b.open("/orders/1"))
		second := b.wantAsked(b.open("/orders/2"))
		b.answer(second, "/orders/2", interop.Alice)
		if p.Traits.OneFlow {
			page, err := w.server.SignIn(b.Browser, first, interop.Alice)
			if err != nil {
				t.Fatal(err)
			}
			again, err := page.Link("Try again")
			if err != nil || again == nil || page.Status != http.StatusBadGateway {
				t.Fatalf("%v: %s", err, page)
			}
			b.me()
			first = b.Follow(page, again.String())
		}
		b.answer(first, "/orders/1", interop.Alice)
		b.me()
	})
}

// TestUsedCallback: who goes back to a callback goes on to the page, without
// asking the provider again; a stranger with that address gets nothing.
func TestUsedCallback(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		page := b.signIn("/orders/7", interop.Alice)
		i := slices.IndexFunc(page.Trail, func(address string) bool {
			return strings.HasPrefix(address, w.server.Client.RedirectURI)
		})
		if i < 0 {
			t.Fatalf("no callback on the way: %s", page)
		}
		callback := page.Trail[i]
		b.want(b.Open(callback), http.StatusOK, "/orders/7")
		stranger := w.browser()
		if page := stranger.Open(callback); page.Status != http.StatusBadRequest || !strings.Contains(page.Body, "/auth/login") {
			t.Errorf("a stranger at a used callback: %s", page)
		}
		if requests := w.server.TokenRequests(); len(requests) != 1 {
			t.Errorf("token requests: %+v", requests)
		}
	})
}

// TestFormPost: the callback is a POST from another site, without Lax cookies.
func TestFormPost(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		if !p.Traits.FormPost {
			t.Skip("has no response_mode=form_post")
		}
		w := newWorld(t, p, func(c *gatehouse.Config) { c.ResponseMode = "form_post" })
		b := w.browser()
		page := b.signIn("/orders/7", interop.Alice)
		if !slices.Contains(page.Trail, w.server.Client.RedirectURI) {
			t.Errorf("the callback was no POST: %s", page)
		}
		b.me()
	})
}

// TestPromptNone: where nobody is signed in at the provider, it says so, or asks
// all the same; there is no loop.
func TestPromptNone(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		page := b.open("/auth/login?prompt=none&return_to=/me")
		if w.server.At(page) {
			if p.Traits.Session {
				t.Fatalf("asks although it must not: %s", page)
			}
			b.answer(page, "/me", interop.Alice)
			return
		}
		if page.Status != http.StatusUnauthorized || !strings.Contains(page.Body, "/auth/login?return_to=%2Fme") {
			t.Errorf("%s", page)
		}
	})
}

// TestPromptNoneSignedIn: who is signed in at the provider signs in here without
// a page of the provider's.
func TestPromptNoneSignedIn(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		if !p.Traits.Session {
			t.Skip("remembers nobody")
		}
		w := newWorld(t, p, nil)
		b := w.browser()
		before := b.read(b.signIn("/me", interop.Alice))
		page := b.want(b.open("/auth/login?prompt=none&return_to=/me"), http.StatusOK, "/me")
		if after := b.read(page); after.Token == before.Token || after.Sub != before.Sub {
			t.Errorf("%+v, was %+v", after, before)
		}
	})
}

// TestSkipConsent: where that leaves the session without a refresh token, it ends
// with the access token, and the person signs in again.
func TestSkipConsent(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, func(c *gatehouse.Config) { c.SkipConsent = true })
		b := w.browser()
		b.signIn("/me", interop.Alice)
		w.expire()
		if !p.Traits.ConsentFirst {
			b.me()
			w.wantRenewals(1)
			return
		}
		b.want(b.fetch("/api/me"), http.StatusUnauthorized, "/api/me")
		b.signIn("/me", interop.Alice)
		w.wantRenewals(0)
	})
}

// TestRekeys: the provider changes its keys twice within seconds (as the
// certification of relying parties does), and neither renewal nor sign-in fails.
func TestRekeys(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		if !p.Traits.Rekeys {
			t.Skip("has its keys from its start to its end")
		}
		w := newWorld(t, p, nil)
		b := w.browser()
		b.signIn("/me", interop.Alice)
		w.server.Rekey(t)
		w.expire()
		b.me()
		w.server.Rekey(t)
		w.browser().signIn("/me", interop.Bob)
		b.me()
		w.wantRenewals(1)
	})
}

// TestCancel: the provider's error answer becomes a page of ours, with none of
// its words.
func TestCancel(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		if !p.Traits.Cancel {
			t.Skip("has no way to cancel that leads back")
		}
		w := newWorld(t, p, nil)
		b := w.browser()
		page, err := w.server.Cancel(b.Browser, b.wantAsked(b.open("/orders/7")))
		if err != nil {
			t.Fatal(err)
		}
		description := page.URL.Query().Get("error_description")
		if page.Status != http.StatusForbidden || description == "" || strings.Contains(page.Body, description) ||
			!strings.Contains(page.Body, "/auth/login?return_to=%2Forders%2F7") {
			t.Errorf("%s", page)
		}
		if log := w.log.String(); strings.Contains(log, description) {
			t.Errorf("the log shows %q", description)
		}
		b.signIn("/orders/7", interop.Alice)
	})
}

// TestPromptLogin: who asks to sign in again is asked by the provider, and the
// new session can be renewed like any other.
func TestPromptLogin(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		b.signIn("/me", interop.Alice)
		next := interop.Bob
		if p.Traits.SamePerson {
			next = interop.Alice
		}
		b.answer(b.wantAsked(b.open("/auth/login?prompt=login&return_to=/me")), "/me", next)
		w.expire()
		if who := b.me(); who.Claims["email"] != next.Email {
			t.Errorf("%+v", who)
		}
	})
}

// TestMaxAge: a provider that doesn't say when somebody signed in can't show
// that it was just now, so its answer is refused.
func TestMaxAge(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		b.signIn("/me", interop.Alice)
		w.clock.Advance(2 * time.Second) // to some a sign-in of this second is recent enough
		page := b.wantAsked(b.open("/auth/login?max_age=0&return_to=/me"))
		if p.Traits.AuthTime {
			if who := b.read(b.answer(page, "/me", interop.Alice)); who.Claims["auth_time"] == nil {
				t.Errorf("no auth_time: %+v", who)
			}
			return
		}
		page, err := w.server.SignIn(b.Browser, page, interop.Alice)
		if err != nil {
			t.Fatal(err)
		}
		if page.Status != http.StatusBadGateway {
			t.Errorf("%s", page)
		}
	})
}

// TestThirdPartyLogin: the provider, or a portal, begins a sign-in here (OpenID
// Connect Core 1.0 §4).
func TestThirdPartyLogin(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		page := b.open("/auth/login?" + url.Values{
			"iss":             {w.server.Issuer},
			"login_hint":      {interop.Alice.Login},
			"target_link_uri": {w.app.URL + "/orders/7"},
		}.Encode())
		b.answer(b.wantAsked(page), "/orders/7", interop.Alice)
	})
}

// TestThirdPartyLoginByPost: the same by a form at another site; whose issuer is
// none of ours gets nowhere.
func TestThirdPartyLoginByPost(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		b := w.browser()
		portal := interop.Page{URL: &url.URL{Scheme: "https", Host: "portal.example", Path: "/"}}
		action, err := url.Parse(w.app.URL + "/auth/login")
		if err != nil {
			t.Fatal(err)
		}
		start := func(issuer string) interop.Page {
			return b.Submit(portal, interop.Form{Action: action, Method: http.MethodPost, Values: url.Values{
				"iss":             {issuer},
				"target_link_uri": {w.app.URL + "/orders/7"},
			}})
		}
		if page := start("https://another.example"); page.Status != http.StatusBadRequest {
			t.Errorf("another issuer: %s", page)
		}
		b.answer(b.wantAsked(start(w.server.Issuer)), "/orders/7", interop.Alice)
	})
}

// TestClientAuth: every way to authenticate at the token endpoint works there, at
// renewal and at revocation too. A public client needs no setting.
func TestClientAuth(t *testing.T) {
	for method, setting := range map[string]string{interop.AuthPost: interop.AuthPost, interop.AuthNone: ""} {
		t.Run(method, func(t *testing.T) {
			eachProvider(t, func(t *testing.T, p interop.Provider) {
				w := newWorld(t, p.Authenticating(method), func(c *gatehouse.Config) { c.ClientAuth = setting })
				b := w.browser()
				b.signIn("/me", interop.Alice)
				w.expire()
				b.me()
				w.wantRenewals(1)
				last := w.server.LastRefreshToken()
				if page := b.logout(); page.Body != "hello stranger" {
					t.Errorf("%s", page)
				}
				if p.Traits.Revocation {
					if err := w.server.Renew(t.Context(), last); err == nil {
						t.Error("the refresh token is still good")
					}
				}
			})
		})
	}
}

// TestWrongSecret: the provider refuses the application, not the person.
func TestWrongSecret(t *testing.T) {
	eachProvider(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, func(c *gatehouse.Config) { c.ClientSecret = "wrong" })
		b := w.browser()
		page, err := w.server.SignIn(b.Browser, b.open("/me"), interop.Alice)
		if err != nil {
			t.Fatal(err)
		}
		if page.Status != http.StatusBadGateway || !strings.Contains(page.Body, "refuses this site") {
			t.Errorf("%s", page)
		}
		if requests := w.server.TokenRequests(); len(requests) != 1 || requests[0].Error != p.Traits.ClientCode {
			t.Errorf("token requests: %+v", requests)
		}
	})
}
