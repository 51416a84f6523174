package gatehouse_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestRememberedSessions: however few sessions the process remembers, everybody
// stays who they are, and nobody longer than their session lasts.
func TestRememberedSessions(t *testing.T) {
	for _, remembered := range []int{-1, 1, 16, 0} {
		t.Run(fmt.Sprint(remembered), func(t *testing.T) {
			w := newWorld(t, setup{gate: func(c *gatehouse.Config) { c.RememberedSessions = remembered }})
			var people []*browser
			for i := range 40 {
				w.provider.SignIn(oidctest.User{Subject: fmt.Sprint("person-", i)})
				people = append(people, w.browser().signIn())
			}
			var all sync.WaitGroup
			for i, b := range people {
				all.Go(func() {
					for range 3 {
						if got := b.get("/me"); !strings.Contains(got.body, fmt.Sprintf("\"person-%d\"", i)) {
							t.Errorf("person %d is %s", i, got.body)
						}
					}
				})
			}
			all.Wait()
			w.clock.advance(13 * time.Hour)
			for _, b := range people {
				b.fetch("/me").want(t, http.StatusUnauthorized)
			}
		})
	}
}
