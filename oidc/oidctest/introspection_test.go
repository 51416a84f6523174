package oidctest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestIntrospection(t *testing.T) {
	now := time.Now()
	for name, config := range map[string]oidctest.Config{"JWT": {}, "opaque": {OpaqueAccessTokens: true}} {
		config.Audience, config.RefreshTokens = "https://api.example", oidctest.RefreshAlways
		config.Clients = []oidctest.Client{{ID: "app", Secret: "secret"}, {ID: "public"}}
		config.Clock = func() time.Time { return now }
		s := oidctest.NewServer(t, config)
		issued := s.Issue(oidctest.User{Subject: "alice", AccessClaims: map[string]any{"roles": []string{"admin"}}}, "app", "orders:read")
		access, _ := issued["access_token"].(string)
		refresh, _ := issued["refresh_token"].(string)
		ask := func(token, id, secret string) (int, map[string]any) {
			t.Helper()
			r, err := http.NewRequest(http.MethodPost, s.Issuer()+"/introspect", strings.NewReader(url.Values{"token": {token}}.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth(id, secret)
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			var document map[string]any
			if err := json.Unmarshal(body, &document); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			return res.StatusCode, document
		}
		status, document := ask(access, "app", "secret")
		if status != http.StatusOK || document["active"] != true || document["sub"] != "alice" || document["aud"] != "https://api.example" ||
			document["scope"] != "orders:read" || document["roles"] == nil || document["exp"] != float64(now.Add(5*time.Minute).Unix()) {
			t.Errorf("%s: %d %v", name, status, document)
		}
		for _, token := range []string{"", "nonsense", refresh} {
			if status, document := ask(token, "app", "secret"); status != http.StatusOK || document["active"] != false || len(document) != 1 {
				t.Errorf("%s: %.10q: %d %v", name, token, status, document)
			}
		}
		for id, secret := range map[string]string{"app": "wrong", "public": ""} {
			if status, _ := ask(access, id, secret); status != http.StatusUnauthorized {
				t.Errorf("%s: asked by %s: %d", name, id, status)
			}
		}
		s.RevokeUser("alice")
		if _, document := ask(access, "app", "secret"); document["active"] != false {
			t.Errorf("%s: revoked: %v", name, document)
		}
		if r := get(t, http.DefaultClient, s.Issuer()+"/introspect"); r.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("GET: %s", r.Status)
		}
	}
}
