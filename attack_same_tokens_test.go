package gatehouse_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// whereKept are the places of sessions, by what a test says of them.
var whereKept = map[string]func(*gatehouse.Config){
	"in cookies": func(*gatehouse.Config) {},
	"in a store": func(c *gatehouse.Config) {
		c.Store = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})
	},
}

// TestSameTokens: a provider that people only sign in at may give all of them the same
// access token. They stay who they are when they come at the same moment, also where
// one of them has come just before and the idle timeout starts over.
func TestSameTokens(t *testing.T) {
	for name, kept := range whereKept {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{
				provider: func(c *oidctest.Config) { c.RefreshTokens = oidctest.RefreshNever },
				gate: func(c *gatehouse.Config) {
					c.SkipUserinfo, c.OutliveAccessToken = true, true
					kept(c)
				},
			})
			w.provider.OnIDToken(func(token *oidctest.JWT) { delete(token.Claims, "at_hash") })
			w.provider.OnAnswer(oidctest.Token, func(answer map[string]any) { answer["access_token"] = "of-no-use" })
			hers := w.browser().signIn()
			w.provider.SignIn(bob)
			his := w.browser().signIn()
			w.clock.advance(10 * time.Minute)
			for range 2 {
				hers.get("/me").want(t, http.StatusOK, `"alice"`)
				his.get("/me").want(t, http.StatusOK, `"bob"`)
			}
		})
	}
}

// TestSameTokensInTwoBrowsers: where a provider gives one person the same tokens again,
// each of their sessions is renewed for itself, and ends by itself.
func TestSameTokensInTwoBrowsers(t *testing.T) {
	for name, kept := range whereKept {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{
				provider: func(c *oidctest.Config) { c.Rotation, c.RefreshedIDToken = oidctest.RotateNever, oidctest.NoIDToken },
				gate: func(c *gatehouse.Config) {
					c.SkipUserinfo = true
					kept(c)
				},
			})
			w.provider.OnIDToken(func(token *oidctest.JWT) { delete(token.Claims, "at_hash") })
			var refreshToken any
			w.provider.OnAnswer(oidctest.Token, func(answer map[string]any) {
				answer["access_token"] = "as-ever"
				if refreshToken == nil {
					refreshToken = answer["refresh_token"]
				}
				answer["refresh_token"] = refreshToken
			})
			one, other := w.browser().signIn(), w.browser().signIn()
			w.clock.advance(due)
			one.get("/me").want(t, http.StatusOK, `"alice"`)
			other.get("/me").want(t, http.StatusOK, `"alice"`)
			one.get("/auth/logout").want(t, http.StatusFound)
			one.fetch("/me").want(t, http.StatusUnauthorized)
			other.fetch("/me").want(t, http.StatusOK, `"alice"`)
		})
	}
}
