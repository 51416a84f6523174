package interop_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/interop"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// eachKeycloak runs a test with rotation and without.
func eachKeycloak(t *testing.T, test func(*testing.T, interop.Provider)) {
	for _, p := range []interop.Provider{interop.Keycloak(), interop.KeycloakRotating()} {
		t.Run(p.Name, func(t *testing.T) { test(t, p) })
	}
}

// TestKeycloakSingleSignOut: who signs out of one application is signed out of the
// others, which are told.
func TestKeycloakSingleSignOut(t *testing.T) {
	eachKeycloak(t, func(t *testing.T, p interop.Provider) {
		shop := newWorld(t, p, nil)
		desk := shop.second(nil)
		b := shop.browser()
		b.signIn("/me", interop.Alice)
		there := b.at(desk)
		if who := there.me(); who.Claims["acr"] != "0" { // by single sign-on
			t.Errorf("acr is %v", who.Claims["acr"])
		}
		b.logout()
		if len(there.Cookies(desk.app.URL)) == 0 {
			t.Error("the cookie is gone, so that this shows nothing")
		}
		there.want(there.fetch("/api/me"), http.StatusUnauthorized, "/api/me")
		there.wantAsked(there.open("/me"))
	})
}

// TestKeycloakFrontchannel: the same by a frame on Keycloak's page, which carries no
// cookie.
func TestKeycloakFrontchannel(t *testing.T) {
	shop := newWorld(t, interop.Keycloak(), nil)
	desk := shop.second(func(registration map[string]any) {
		registration["frontchannelLogout"] = true
		registration["attributes"] = map[string]string{
			"frontchannel.logout.url":              strings.TrimSuffix(registration["redirectUris"].([]string)[0], "/*") + "/auth/frontchannel-logout",
			"frontchannel.logout.session.required": "true",
		}
	})
	b := shop.browser()
	b.signIn("/me", interop.Alice)
	there := b.at(desk)
	there.want(there.open("/me"), http.StatusOK, "/me")

	action, err := url.Parse(shop.app.URL + "/auth/logout")
	if err != nil {
		t.Fatal(err)
	}
	page := b.wantAsked(b.Submit(b.open("/"), interop.Form{Action: action, Method: http.MethodPost, Values: url.Values{}}))
	there.want(there.fetch("/api/me"), http.StatusOK, "/api/me") // still
	frames, err := b.Load(page)
	if err != nil || len(frames) != 1 || frames[0].Status != http.StatusOK {
		t.Fatalf("%v: %v: %s", err, frames, page)
	}
	there.want(there.fetch("/api/me"), http.StatusUnauthorized, "/api/me")
}

// TestKeycloakAdministratorSignsOut: an administrator ends somebody's sessions, and
// the application is told.
func TestKeycloakAdministratorSignsOut(t *testing.T) {
	eachKeycloak(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		carol := w.newcomer()
		first, second, bob := w.browser(), w.browser(), w.browser()
		first.signIn("/me", carol)
		second.signIn("/me", carol)
		bob.signIn("/me", interop.Bob)
		w.administer(http.MethodPost, w.pathOf(carol)+"/logout", nil, nil)
		first.want(first.fetch("/api/me"), http.StatusUnauthorized, "/api/me")
		second.want(second.fetch("/api/me"), http.StatusUnauthorized, "/api/me")
		bob.me()
	})
}

// TestKeycloakPersonDisabled: whose account is disabled keeps the access token, and
// isn't renewed.
func TestKeycloakPersonDisabled(t *testing.T) {
	eachKeycloak(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, nil)
		carol := w.newcomer()
		b := w.browser()
		b.signIn("/me", carol)
		w.administer(http.MethodPut, w.pathOf(carol), map[string]any{"enabled": false}, nil)
		b.me()
		w.expire()
		b.want(b.fetch("/api/me"), http.StatusUnauthorized, "/api/me")
		if renewals := w.server.Renewals(); len(renewals) != 1 || renewals[0].Error != "invalid_grant" {
			t.Errorf("renewals: %+v", renewals)
		}
		if left := b.Cookies(w.app.URL); len(left) != 0 {
			t.Errorf("cookies left: %v", left)
		}
		b.wantAsked(b.open("/me"))
	})
}

// TestKeycloakSessionIdle: Keycloak's own session ends when nobody uses it, and its
// refresh tokens with it. Those of offline_access go on.
func TestKeycloakSessionIdle(t *testing.T) {
	for name, c := range map[string]struct {
		scopes []string
		status int
	}{
		"bound to the sign-in": {nil, http.StatusUnauthorized},
		"offline_access":       {[]string{"openid", "offline_access"}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			eachKeycloak(t, func(t *testing.T, p interop.Provider) {
				w := newWorld(t, p, func(config *gatehouse.Config) { config.Scopes = c.scopes })
				b := w.browser()
				b.signIn("/me", interop.Alice)
				for range 3 { // in use
					w.clock.Advance(20 * time.Minute)
					b.me()
				}
				w.clock.Advance(45 * time.Minute) // Keycloak allows 30, and the gate 120
				b.want(b.fetch("/api/me"), c.status, "/api/me")
			})
		})
	}
}

// TestKeycloakOffline: with offline_access nobody is signed in at Keycloak, and a
// sign-out ends the refresh token all the same.
func TestKeycloakOffline(t *testing.T) {
	eachKeycloak(t, func(t *testing.T, p interop.Provider) {
		w := newWorld(t, p, func(c *gatehouse.Config) { c.Scopes = []string{"openid", "offline_access"} })
		b := w.browser()
		page := b.signIn("/me", interop.Alice)
		if slices.ContainsFunc(page.Trail, func(address string) bool { return strings.Contains(address, "prompt=") }) {
			t.Errorf("asks for consent: %s", page)
		}
		again := b.open("/auth/login?prompt=none&return_to=/me")
		if again.Status != http.StatusUnauthorized {
			t.Errorf("single sign-on: %s", again)
		}
		b.me()
		last := w.server.LastRefreshToken()
		b.logout()
		if err := w.server.Renew(t.Context(), last); err == nil {
			t.Error("the refresh token is still good")
		}
	})
}

// TestKeycloakRoles: those of the realm and of a client, where the policy says that
// they are; those of a client with a mapper alone. A role that is taken away is gone
// with the next renewal.
func TestKeycloakRoles(t *testing.T) {
	policy := rbac.Policy{Roles: []rbac.Path{{"realm_access", "roles"}}}
	w := newWorld(t, interop.Keycloak(), func(c *gatehouse.Config) {
		policy.Roles = append(policy.Roles, rbac.Path{"resource_access", c.ClientID, "roles"})
		c.Policy = policy
	})
	for _, role := range []string{"admin", "editor"} {
		w.pages.Handle("/"+role, w.gate.Wrap(w.gate.Require(rbac.Role(role))(http.HandlerFunc(me))))
	}
	carol := w.newcomer()
	path, role := w.grant(w.server.Client.ID, "editor", carol)
	w.administer(http.MethodPost, path, role, nil)

	b := w.browser()
	b.signIn("/me", carol)
	b.want(b.open("/editor"), http.StatusForbidden, "/editor") // it is in the access token alone
	w.mapper("oidc-usermodel-client-role-mapper", map[string]string{
		"usermodel.clientRoleMapping.clientId": w.server.Client.ID, "claim.name": "resource_access.${client_id}.roles",
		"jsonType.label": "String", "multivalued": "true", "id.token.claim": "true", "userinfo.token.claim": "false", "access.token.claim": "false",
	})
	w.expire()
	b.want(b.open("/editor"), http.StatusOK, "/editor")
	b.want(b.open("/admin"), http.StatusForbidden, "/admin")

	w.administer(http.MethodDelete, path, role, nil)
	b.want(b.open("/editor"), http.StatusOK, "/editor")
	w.expire()
	b.want(b.open("/editor"), http.StatusForbidden, "/editor")

	alice := w.browser()
	alice.signIn("/admin", interop.Alice)
}

// TestKeycloakFetchesKeys: the client's key is known by the address where the
// application publishes it, and the next one is found there.
func TestKeycloakFetchesKeys(t *testing.T) {
	var published http.Handler
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { published.ServeHTTP(w, r) }))
	t.Cleanup(keys.Close)
	publish := func(key oidc.SigningKey) {
		minter, err := oidc.NewMinter(oidc.MinterConfig{Issuer: "https://shop.example.com", Keys: []oidc.SigningKey{key}})
		if err != nil {
			t.Fatal(err)
		}
		published = minter
	}
	w := newWorld(t, interop.Keycloak().Authenticating(interop.AuthKey), nil)
	w.set(map[string]any{"attributes": map[string]string{"use.jwks.string": "false", "use.jwks.url": "true", "jwks.url": keys.URL}})

	publish(oidc.NewSigningKey())
	b := w.browser()
	page, err := w.server.SignIn(b.Browser, b.open("/me"), interop.Alice)
	if err != nil {
		t.Fatal(err)
	}
	b.want(page, http.StatusBadGateway, "/auth/callback?"+page.URL.RawQuery) // another's key
	publish(w.server.Client.Key)
	w.clock.Advance(time.Minute) // Keycloak doesn't ask for keys again at once
	b.open("/me")
	b.me()
	w.expire()
	b.me()
	w.wantRenewals(1)
}
