package gatehouse_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
)

// TestNobodyEndsAtAnEndpoint: where sign-ins and sign-outs end is a page of the
// application's, however an endpoint is spelled.
func TestNobodyEndsAtAnEndpoint(t *testing.T) {
	config := func(after string) gatehouse.Config {
		return gatehouse.Config{
			Issuer: "https://idp.example.com", ClientID: "app", BaseURL: "https://app.example.com",
			SessionKeys: []cookie.Key{cookie.NewKey()}, AuthPath: "/in",
			API:        gatehouse.API{Audience: []string{"api"}, Resource: "https://app.example.com/api"},
			AfterLogin: after, AfterLogout: after,
		}
	}
	for _, after := range []string{
		"/in/login", "/in/callback", "/in/logout", "/in/session", "/in/sessions", "/in/backchannel-logout", "/in/frontchannel-logout",
		"/in/session?x=1", "/in/%73ession", "/in//session", "/in/x/../session", "/in/./session", "/.well-known/oauth-protected-resource/api",
	} {
		_, err := gatehouse.New(config(after))
		for _, field := range []string{"AfterLogin", "AfterLogout"} {
			if err == nil || strings.Count("\n"+err.Error(), "\n"+field+":") != 1 {
				t.Errorf("%s: %v doesn't name %s", after, err, field)
			}
		}
	}
	for _, after := range []string{"/", "/in", "/in/", "/in/welcome", "/in/login/done", "/in/Login", "/auth/login", "/.well-known/oauth-protected-resource"} {
		gate, err := gatehouse.New(config(after))
		if err != nil {
			t.Errorf("%s: %v", after, err)
			continue
		}
		if err := gate.Close(); err != nil {
			t.Error(err)
		}
	}
}
