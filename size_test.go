package gatehouse_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestSizeOfASession: what a browser gets from a sign-in at a provider that says
// as much as large ones do: an ID token and an access token of 1.1 kB, a refresh
// token of 300 bytes, ten claims at UserInfo; and with forty groups in all of
// them and a JWT for a refresh token.
func TestSizeOfASession(t *testing.T) {
	var teams []string
	for i := range 40 {
		teams = append(teams, fmt.Sprintf("%s-%s-%.4s", []string{"platform", "billing", "search", "mobile", "legal"}[i%5], []string{"research", "quality", "support"}[i%3], rand.Text()))
	}
	for name, c := range map[string]struct {
		groups []string
		tls    bool
		most   int
	}{
		"ordinary":            {nil, false, 2100},
		"ordinary, on https":  {nil, true, 2100},
		"forty groups":        {teams, true, 4095},
		"forty random groups": {randomTexts(40), true, 4095},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{tls: c.tls})
			profile := map[string]any{
				"email_verified": true, "name": "Alice Example", "preferred_username": "alice", "given_name": "Alice", "family_name": "Example",
				"email": "alice@example.com", "locale": "en", "zoneinfo": "Europe/Berlin", "updated_at": 1799000000, "phone_number": "+49 30 123456",
			}
			more := func(j *oidctest.JWT, claims map[string]any) {
				for name, value := range claims {
					j.Claims[name] = value
				}
				if c.groups != nil {
					j.Claims["groups"] = c.groups
				}
			}
			common := map[string]any{"sid": rand.Text(), "acr": "1", "auth_time": w.clock.Now().Unix(), "azp": "app"}
			w.provider.OnIDToken(func(j *oidctest.JWT) {
				more(j, common)
				more(j, map[string]any{"preferred_username": "alice", "email_verified": true, "locale": "en", "email": "alice@example.com",
					"picture": "https://s.gravatar.com/avatar/" + rand.Text() + "?s=480&r=pg", "updated_at": "2026-11-20T09:12:33.123Z"})
			})
			w.provider.OnAccessToken(func(j *oidctest.JWT) {
				more(j, common)
				more(j, map[string]any{"realm_access": map[string]any{"roles": []string{"offline_access", "default-roles-main", "uma_authorization"}},
					"permissions": []string{"read:orders", "write:orders", "read:customers", "write:customers", "read:articles"}})
			})
			w.provider.OnAnswer(oidctest.Token, func(d map[string]any) {
				if c.groups == nil {
					d["refresh_token"] = random(300)
					if id, access := len(d["id_token"].(string)), len(d["access_token"].(string)); id < 1050 || id > 1200 || access < 1050 || access > 1200 {
						t.Errorf("tokens of %d and %d bytes are another case", id, access)
					}
					return
				}
				signed := d["access_token"].(string)
				signature := make([]byte, 256)
				_, _ = rand.Read(signature)
				d["refresh_token"] = signed[:strings.LastIndex(signed, ".")+1] + base64.RawURLEncoding.EncodeToString(signature)
			})
			claims := map[string]any{}
			if c.groups != nil {
				claims["groups"] = c.groups
			}
			w.provider.SignIn(oidctest.User{Subject: "f3a1c2d4-9b7e-4f6a-8c5d-0e1f2a3b4c5d", Claims: claims, UserinfoClaims: profile})
			b := w.browser().signIn()
			kept := sessionCookies(b.cookies())
			if len(kept) != 1 {
				t.Fatalf("%d cookies", len(kept))
			}
			size := len(kept[0].Name) + len(kept[0].Value)
			t.Logf("%d bytes", size)
			if size > c.most {
				t.Errorf("%d bytes, want at most %d", size, c.most)
			}
			b.get("/me").want(t, http.StatusOK, "Europe/Berlin")
		})
	}
}

// random returns n characters that no compression shortens much.
func random(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(rand.Text())
	}
	return b.String()[:n]
}

func randomTexts(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = rand.Text()[:20]
	}
	return texts
}
