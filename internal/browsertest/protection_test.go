package browsertest

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// cookies are those that the browser would send to an origin.
func (t tab) cookies(origin string) []*network.Cookie {
	t.Helper()
	got, err := chromedp.Call(t.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{origin + "/"}})
	if err != nil {
		t.Fatal(err)
	}
	return got.Cookies
}

// TestCookies: what the browser keeps once somebody is signed in, and that site
// and provider don't share it.
func TestCookies(t *testing.T) {
	t.Parallel()
	tab := open(t)
	tab.goTo("/profile")
	tab.fill("alice", alices)
	tab.at(program.site, "/profile")
	kept := tab.cookies(program.site)
	if len(kept) != 1 {
		t.Errorf("the site keeps %d cookies, want that of the session alone", len(kept))
	}
	for _, c := range kept {
		if !c.HTTPOnly || c.SameSite != network.CookieSameSiteLax || c.Path != "/" || !strings.HasPrefix(c.Name, "gatehouse-") {
			t.Errorf("%s is HttpOnly %t, SameSite=%s, Path=%s", c.Name, c.HTTPOnly, c.SameSite, c.Path)
		}
	}
	theirs := tab.cookies(program.provider)
	if len(theirs) != 1 || theirs[0].Name != "accounts-session" {
		t.Errorf("the provider keeps %d cookies, want its own alone", len(theirs))
	}
	tab.click("#sign-out")
	if left := tab.cookies(program.site); len(left) != 0 {
		t.Errorf("%s is left after signing out", left[0].Name)
	}
}

// TestForeignSignOut: a page of another site signs nobody out, by form or link.
func TestForeignSignOut(t *testing.T) {
	t.Parallel()
	tab := open(t)
	tab.goTo("/profile")
	tab.fill("alice", alices)
	for _, method := range []string{"post", "get"} {
		tab.goTo(program.provider + "/authorize") // a page of another site
		status := tab.load(chromedp.Evaluate[chromedp.Void](`(() => {
			const form = document.createElement("form");
			form.method = "` + method + `";
			form.action = "` + program.site + `/auth/logout";
			document.body.append(form);
			form.submit();
		})()`))
		want := map[string]int{"post": 403, "get": 200}[method]
		if status != want {
			t.Errorf("a foreign form signs out by %s: %d, want %d", method, status, want)
		}
		tab.at(program.site, "/auth/logout")
		tab.picture("foreign-sign-out-" + method)
		if status := tab.goTo("/profile"); status != 200 {
			t.Errorf("after it the profile is a %d", status)
		}
		tab.at(program.site, "/profile")
	}
}

// TestFetch: a script of a page that nobody is signed in at is told so, and not
// sent to a page for people.
func TestFetch(t *testing.T) {
	t.Parallel()
	tab := open(t)
	tab.goTo("/")
	got, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`fetch("/profile").then(async answer =>
		[answer.status, answer.redirected, answer.headers.get("content-type"), (await answer.json()).login_url].join(" "))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if want := "401 false application/problem+json " + program.site + "/auth/login?return_to=%2Fprofile"; got != want {
		t.Errorf("fetch gets %q, want %q", got, want)
	}
	if cookies := tab.cookies(program.site); len(cookies) != 0 {
		t.Errorf("and the cookie %s", cookies[0].Name)
	}
}
