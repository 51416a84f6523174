package gatehouse_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestScopesThatGoWithoutSaying: scopes that a token answer leaves out are those that
// were asked for (RFC 6749 §5.1), and at a renewal those that there were (§6). What it
// says, however oddly, counts.
func TestScopesThatGoWithoutSaying(t *testing.T) {
	type said map[string]any // in the place of what the provider would say
	asked, fewer, nothing := "openid profile", "openid", said{}
	says := func(scope any) said { return said{"scope": scope} }
	for name, c := range map[string]struct {
		signIn, renewal said
		want            [2]int // after the sign-in, after the renewal
	}{
		"never said":          {nothing, nothing, [2]int{200, 200}},
		"said at the sign-in": {says(asked), nothing, [2]int{200, 200}},
		"fewer granted":       {says(fewer), nothing, [2]int{403, 403}},
		"more at the renewal": {says(fewer), says(asked), [2]int{403, 200}},
		"fewer then":          {nothing, says(fewer), [2]int{200, 403}},
		"none":                {says(""), nothing, [2]int{403, 403}},
		"none then":           {nothing, says(""), [2]int{200, 403}},
		"a number":            {says(7), nothing, [2]int{403, 403}},
		"null":                {says(nil), says(nil), [2]int{200, 200}},
		"a list":              {says([]string{"openid", "profile"}), says([]string{"openid", "profile"}), [2]int{403, 403}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{routes: stepUpRoutes, gate: func(c *gatehouse.Config) { c.Scopes = []string{"profile"} }})
			answer := c.signIn
			w.provider.OnAnswer(oidctest.Token, func(d map[string]any) {
				delete(d, "scope")
				for name, value := range answer {
					d[name] = value
				}
			})
			b := w.browser().signIn()
			b.fetch("/profile").want(t, c.want[0])
			b.fetch("/orders").want(t, http.StatusForbidden)
			answer = c.renewal
			w.clock.advance(5 * time.Minute)
			b.fetch("/profile").want(t, c.want[1])
			if n := w.provider.Calls(oidctest.Token); n != 2 {
				t.Errorf("%d token requests", n)
			}
			b.fetch("/orders").want(t, http.StatusForbidden)
		})
	}
}
