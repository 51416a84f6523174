package interop_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/interop"
)

// What Keycloak has and others don't.

// keycloakClient is a client as the admin API shows it.
type keycloakClient struct {
	ID       string `json:"id"`
	ClientID string `json:"clientId"`
}

// client returns the one that the application is.
func (w *world) client() keycloakClient { return w.clientCalled(w.server.Client.ID) }

func (w *world) clientCalled(id string) keycloakClient {
	w.Helper()
	var clients []keycloakClient
	w.administer(http.MethodGet, "/clients?clientId="+url.QueryEscape(id), nil, &clients)
	if len(clients) != 1 {
		w.Fatalf("%d clients called %s", len(clients), id)
	}
	return clients[0]
}

// administer asks the admin API for something of the realm's.
func (w *world) administer(method, path string, body, into any) {
	w.Helper()
	answer := w.server.Administer(w, method, path, body)
	if into == nil {
		return
	}
	if err := json.Unmarshal(answer, into); err != nil {
		w.Fatalf("%s %s: %v: %s", method, path, err, answer)
	}
}

// set changes the client that the application is.
func (w *world) set(change map[string]any) {
	w.Helper()
	w.administer(http.MethodPut, "/clients/"+w.client().ID, change, nil)
}

// second is another application at the same provider, with a client of its own.
func (w *world) second(change func(registration map[string]any)) *world {
	w.Helper()
	var handler http.Handler
	app := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))
	w.Cleanup(app.Close)
	registration := map[string]any{
		"clientId": w.secondID(), "secret": secondSecret, "redirectUris": []string{app.URL + "/*"},
		"attributes": map[string]string{
			"post.logout.redirect.uris": "+",
			"backchannel.logout.url":    app.URL + "/auth/backchannel-logout",
		},
	}
	if change != nil {
		change(registration)
	}
	w.administer(http.MethodPost, "/clients", registration, nil)
	other := &world{T: w.T, server: w.server, clock: w.clock, app: app, log: w.log}
	gate, err := gatehouse.New(gatehouse.Config{
		Issuer: w.server.Issuer, ClientID: w.secondID(), ClientSecret: secondSecret,
		BaseURL: app.URL, SessionKeys: []cookie.Key{cookie.NewKey()}, Clock: w.clock.Now,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = gate.Close() })
	other.gate, other.pages = gate, application(gate, nil)
	handler = other.pages
	return other
}

// secondID and secondSecret are the client of the second application.
func (w *world) secondID() string { return w.server.Client.ID + "-second" }

const secondSecret = "another secret"

// at is the same browser, at another application.
func (b *browser) at(w *world) *browser { return &browser{b.Browser, w} }

// newcomer is somebody whom the administrator adds, with the roles that everybody
// has by default.
func (w *world) newcomer() interop.Person {
	w.Helper()
	login := strings.ToLower(rand.Text()) + "@example.com"
	who := interop.Person{Login: login, Email: login, Password: rand.Text(), Name: "Carol"}
	w.administer(http.MethodPost, "/users", map[string]any{
		"username": who.Login, "email": who.Email, "emailVerified": true, "firstName": who.Name, "lastName": "Example", "enabled": true,
		"credentials": []any{map[string]any{"type": "password", "value": who.Password}},
	}, nil)
	return who
}

// pathOf is where the admin API has a person.
func (w *world) pathOf(who interop.Person) string {
	w.Helper()
	var users []struct {
		ID string `json:"id"`
	}
	w.administer(http.MethodGet, "/users?exact=true&username="+url.QueryEscape(who.Login), nil, &users)
	if len(users) != 1 {
		w.Fatalf("%d people called %s", len(users), who.Login)
	}
	return "/users/" + users[0].ID
}

// grant makes a role of a client's, and returns the path and what is sent there to
// give it to somebody, or to take it away.
func (w *world) grant(clientID, role string, who interop.Person) (string, any) {
	w.Helper()
	client := w.clientCalled(clientID)
	w.administer(http.MethodPost, "/clients/"+client.ID+"/roles", map[string]any{"name": role}, nil)
	var made map[string]any
	w.administer(http.MethodGet, "/clients/"+client.ID+"/roles/"+role, nil, &made)
	return w.pathOf(who) + "/role-mappings/clients/" + client.ID, []any{made}
}

// mapper adds a protocol mapper to the application's client.
func (w *world) mapper(kind string, config map[string]string) {
	w.Helper()
	w.administer(http.MethodPost, "/clients/"+w.client().ID+"/protocol-mappers/models", map[string]any{
		"name": rand.Text(), "protocol": "openid-connect", "protocolMapper": kind, "config": config,
	}, nil)
}

// audience has access tokens name an audience.
func (w *world) audience(name string) {
	w.Helper()
	w.mapper("oidc-audience-mapper", map[string]string{"included.custom.audience": name, "access.token.claim": "true"})
}
