package gatehouse_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// TestSecretsGoNowhere follows every secret of a session's life through the log
// and through every body: code, state, nonce, tokens, client secret, cookies.
func TestSecretsGoNowhere(t *testing.T) {
	t.Run("cookie", func(t *testing.T) { followSecrets(t, newWorld) })
	t.Run("store", func(t *testing.T) {
		followSecrets(t, func(t testing.TB, s setup) *world {
			w, _ := newStored(t, s)
			return w
		})
	})
}

func followSecrets(t *testing.T, begin func(testing.TB, setup) *world) {
	var printed strings.Builder
	w := begin(t, setup{
		provider: func(c *oidctest.Config) { c.Clients = []oidctest.Client{{ID: "app", Secret: "canary-client-secret"}} },
		gate:     func(c *gatehouse.Config) { c.ClientSecret = "canary-client-secret" },
		routes: func(g *gatehouse.Gate) http.Handler {
			return g.Wrap(g.Require(rbac.SignedIn())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				who, _ := gatehouse.IdentityFrom(r.Context())
				type holder struct {
					who  *gatehouse.Identity
					gate *gatehouse.Gate
				}
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
					fmt.Fprintf(&printed, verb+verb, who, holder{who, g})
				}
			})))
		},
	})
	var bodies strings.Builder
	secrets := map[string]bool{"canary-client-secret": true}
	note := func(texts ...string) {
		for _, text := range texts {
			if len(text) > 20 {
				secrets[text] = true
			}
		}
	}
	w.provider.OnAnswer(oidctest.Token, func(d map[string]any) {
		for _, name := range []string{"access_token", "refresh_token", "id_token"} {
			text, _ := d[name].(string)
			note(text)
			note(strings.Split(text, ".")...)
		}
	})
	b := w.browser()
	go2 := func(res answer) answer {
		bodies.WriteString(res.body)
		for _, c := range res.Cookies() {
			note(c.Value)
		}
		return res
	}
	signIn := func() {
		toProvider := go2(b.get("/me")).location(t)
		asked, err := url.Parse(toProvider)
		if err != nil {
			t.Fatal(err)
		}
		note(asked.Query().Get("state"), asked.Query().Get("nonce"))
		callback, err := url.Parse(b.get(toProvider).location(t))
		if err != nil {
			t.Fatal(err)
		}
		note(callback.Query().Get("code"))
		go2(b.get(callback.String()))
		go2(b.get(callback.String()))
	}
	signIn()
	go2(b.get("/me").want(t, http.StatusOK))
	w.clock.advance(due)
	go2(b.get("/me").want(t, http.StatusOK))
	remove := w.provider.Intercept(oidctest.Token, oidctest.OAuthError(400, "invalid_grant", "canary-description"))
	w.clock.advance(due)
	go2(b.fetch("/me").want(t, http.StatusUnauthorized))
	signIn() // fails
	remove()
	for _, fault := range []oidctest.Fault{
		oidctest.Status(500), oidctest.Body(200, "text/html", "canary-body"), oidctest.Redirect(307, "https://evil.example/"), oidctest.GzipBomb(), oidctest.Drop(),
	} {
		remove := w.provider.Intercept(oidctest.Token, fault)
		signIn()
		remove()
	}
	signIn()
	go2(b.send(http.MethodPost, "/auth/logout", navigation, ""))

	note("canary-description", "canary-body")
	for secret := range secrets {
		for name, text := range map[string]string{"log": w.log.String(), "body": bodies.String(), "fmt": printed.String()} {
			if strings.Contains(text, secret) {
				t.Errorf("a secret (%.40s…) is in a %s", secret, name)
			}
		}
	}
	if len(secrets) < 30 {
		t.Errorf("only %d secrets were followed", len(secrets))
	}
}
