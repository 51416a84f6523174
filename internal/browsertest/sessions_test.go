package browsertest

import (
	"strings"
	"testing"
)

// TestSessions: a person sees the browsers they are signed in with, ends one of
// them, and then all. Nobody else signs in as bob meanwhile.
func TestSessions(t *testing.T) {
	earlier := open(t)
	earlier.goTo("/profile")
	earlier.fill("bob", bobs)
	earlier.goTo("/auth/sessions")
	earlier.click("button[name=all]") // those of other tests too
	desk, phone := open(t), open(t)
	for _, tab := range []tab{desk, phone} {
		tab.goTo("/profile")
		tab.fill("bob", bobs)
		tab.at(program.site, "/profile")
	}
	phone.goTo("/auth/sessions")
	phone.says("Where you are signed in")
	list, _ := phone.evaluate("document.querySelector('.sessions').innerText").(string)
	for _, text := range []string{"Chrome on Linux", "this browser", "just now"} {
		if !strings.Contains(list, text) {
			t.Errorf("the list doesn't say %q: %s", text, list)
		}
	}
	phone.picture("sessions")

	phone.click("li:not(:has(.tag)) button")
	phone.at(program.site, "/auth/sessions")
	if status := desk.goTo("/auth/session"); status != 401 {
		t.Errorf("the session of the other browser is a %d", status)
	}
	phone.goTo("/profile")
	phone.at(program.site, "/profile")

	phone.goTo("/auth/sessions")
	phone.click("button[name=all]")
	phone.at(program.site, "/")
	phone.goTo("/profile")
	phone.at(program.provider, "/authorize")
}
