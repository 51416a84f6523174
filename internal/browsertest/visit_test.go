package browsertest

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// Passwords of the quickstart.
const alices, bobs = "wonderland", "builder"

func TestVisit(t *testing.T) {
	t.Parallel()
	tab := open(t)
	tab.goTo("/")
	tab.says("One gate in front of your handlers.")
	tab.picture("home")
	if status := tab.goTo("/nothing"); status != 404 {
		t.Errorf("a page that isn't there is a %d", status)
	}
	tab.picture("not-found")
	tab.click("a.button")
	tab.at(program.site, "/")

	tab.click("a[href='/profile'].door")
	tab.at(program.provider, "/authorize")
	tab.picture("sign-in")
	tab.fill("alice", "a wrong one")
	tab.at(program.provider, "/authorize")
	tab.picture("sign-in-wrong")

	tab.fill("alice", alices)
	tab.at(program.site, "/profile")
	tab.says("Alice Example")
	if cookies := tab.evaluate("document.cookie"); cookies != "" {
		t.Errorf("scripts see cookies: %s", cookies)
	}
	tab.picture("profile")

	// The tokens live for seconds. The page stays, and its person too.
	tab.until("Number(document.getElementById('count').textContent) >= 2")
	tab.at(program.site, "/profile")
	tab.picture("profile-renewed")
	if status := tab.goTo("/profile"); status != 200 {
		t.Errorf("after renewals the profile is a %d", status)
	}
	tab.at(program.site, "/profile")

	if status := tab.click("a[href='/admin']"); status != 200 {
		t.Errorf("alice gets a %d at the admin page", status)
	}
	tab.says("You have the key.")
	tab.picture("admin")
	tab.click("a[href='/']")
	tab.says("Welcome, Alice Example.")
	tab.picture("home-signed-in")

	tab.click("#sign-out")
	tab.at(program.site, "/")
	tab.says("One gate in front of your handlers.")
	tab.click("#sign-in")
	tab.at(program.provider, "/authorize") // which forgot her too
	tab.fill("alice", alices)
	tab.says("Alice Example")
}

func TestRefused(t *testing.T) {
	t.Parallel()
	tab := open(t)
	tab.goTo("/admin")
	if status := tab.fill("bob", bobs); status != 403 {
		t.Errorf("bob gets a %d at the admin page", status)
	}
	tab.at(program.site, "/admin")
	tab.says("Not allowed")
	tab.picture("not-allowed")
	tab.goTo("/")
	tab.says("Welcome, Bob Example.") // refused, and signed in all the same
	tab.picture("home-refused")

	tab.goTo("/admin")
	tab.click("a.button") // to sign in as somebody else
	if status := tab.fill("alice", alices); status != 200 {
		t.Errorf("alice gets a %d at the admin page", status)
	}
	tab.says("You have the key.")
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	tab := open(t)
	tab.goTo("/profile")
	if status := tab.click("button[name=cancel]"); status != 403 {
		t.Errorf("a cancelled sign-in is a %d", status)
	}
	tab.at(program.site, "/auth/callback")
	tab.picture("cancelled")
	tab.click("a.button") // which begins again
	tab.fill("bob", bobs)
	tab.at(program.site, "/profile")
}

func TestUsedCallback(t *testing.T) {
	t.Parallel()
	tab := open(t)
	tab.goTo("/profile")
	tab.fill("alice", alices)
	tab.at(program.site, "/profile")
	used := tab.callback()

	tab.load(chromedp.NavigateBack()) // to the form, whose sign-in is done
	tab.at(program.site, "/profile")
	if tab.callback() == used {
		t.Error("going back led through no callback")
	}
	tab.goTo("/")
	tab.goTo(used)
	tab.at(program.site, "/profile")

	tab.click("#sign-out")
	tab.at(program.site, "/")
	if status := tab.goTo(used); status != 400 {
		t.Errorf("a used callback is a %d for nobody", status)
	}
	tab.picture("callback-used")
	tab.click("a.button")
	tab.fill("bob", bobs)
	tab.at(program.site, "/profile")
	tab.says("Bob Example")
}

func TestTwoTabs(t *testing.T) {
	t.Parallel()
	first := open(t)
	second := first.another()
	first.goTo("/profile")
	second.goTo("/admin")
	second.fill("alice", alices)
	second.at(program.site, "/admin")
	first.fill("alice", alices)
	first.at(program.site, "/profile")
}

func TestSignOutByLink(t *testing.T) {
	t.Parallel()
	tab := open(t)
	tab.goTo("/profile")
	tab.fill("alice", alices)
	tab.goTo("/auth/logout")
	tab.says("Sign out?")
	tab.picture("sign-out")
	tab.goTo("/profile")
	tab.at(program.site, "/profile") // nothing happened yet
	tab.goTo("/auth/logout")
	tab.click("button")
	tab.at(program.site, "/")
	tab.says("One gate in front of your handlers.")
}

func TestProviderPages(t *testing.T) {
	t.Parallel()
	tab := open(t)
	tab.goTo("/profile")
	tab.fill("alice", alices)
	tab.goTo(program.provider + "/logout")
	tab.says("Sign out, Alice Example?")
	tab.picture("provider-sign-out")
	tab.click("button")
	tab.says("You are signed out")
	tab.picture("provider-signed-out")
	if status := tab.goTo(program.provider + "/authorize?client_id=nobody"); status != 400 {
		t.Errorf("a request without a client is a %d", status)
	}
	tab.says("This can't go on")
	tab.picture("provider-error")
}
