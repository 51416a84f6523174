package gatehouse_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// TestAttacksByProviders is what a hostile, broken or impersonated provider can
// send, at a sign-in. Nobody is signed in by it, and the person sees a page that
// leads on.
func TestAttacksByProviders(t *testing.T) {
	for name, change := range map[string]func(*world){
		"key confusion": func(w *world) {
			w.provider.OnIDToken(func(j *oidctest.JWT) { j.SignWith(oidctest.HMACKey("HS256", w.provider.Keys()[0].PublicPEM())) })
		},
		"key confusion, kid of the public key": func(w *world) {
			kid := w.provider.Keys()[0].ID
			w.provider.OnIDToken(func(j *oidctest.JWT) {
				j.SignWith(oidctest.HMACKey("HS256", w.provider.Keys()[0].PublicPEM()))
				j.Header["kid"] = kid
			})
		},
		"unsigned":                  onIDToken(func(j *oidctest.JWT) { j.Unsigned() }),
		"unsigned, spelt otherwise": onIDToken(func(j *oidctest.JWT) { j.Unsigned(); j.Header["alg"] = "NoNe" }),
		"key in the header":         keyInHeader("jwk"),
		"key address in the header": keyInHeader("jku"),
		"certificate in the header": keyInHeader("x5c"),
		"certificate address":       keyInHeader("x5u"),
		"critical extension":        onIDToken(func(j *oidctest.JWT) { j.Header["crit"] = []string{"exp"} }),
		"algorithm never announced": forged("PS512"),
		"another issuer":            said("iss", "https://evil.example"),
		"issuer in another case alone": onIDToken(func(j *oidctest.JWT) {
			j.Append("Iss", j.Claims["iss"])
			delete(j.Claims, "iss")
		}),
		"audience in another case alone": onIDToken(func(j *oidctest.JWT) {
			j.Append("Aud", j.Claims["aud"])
			delete(j.Claims, "aud")
		}),
		"issuer with a slash more":    onIDToken(func(j *oidctest.JWT) { j.Claims["iss"] = j.Claims["iss"].(string) + "/" }),
		"another audience":            said("aud", "shop-of-somebody-else"),
		"many audiences, no azp":      said("aud", []string{"app", "other"}),
		"another authorized party":    said("azp", "other"),
		"no subject":                  said("sub", ""),
		"a number for a subject":      said("sub", 7),
		"expired":                     onIDToken(func(j *oidctest.JWT) { j.Claims["exp"] = j.Claims["iat"].(int64) - 3600 }),
		"no expiry":                   unsaid("exp"),
		"from the future":             onIDToken(func(j *oidctest.JWT) { j.Claims["iat"] = j.Claims["iat"].(int64) + 3600 }),
		"not yet":                     onIDToken(func(j *oidctest.JWT) { j.Claims["nbf"] = j.Claims["iat"].(int64) + 3600 }),
		"replayed":                    said("nonce", "of an earlier sign-in"),
		"no nonce":                    unsaid("nonce"),
		"another access token":        said("at_hash", "77QmUPtjPfzWtF2AnpK9RQ"),
		"claim twice":                 onIDToken(func(j *oidctest.JWT) { j.Append("sub", "admin") }),
		"claim in another case alone": onIDToken(func(j *oidctest.JWT) { delete(j.Claims, "sub"); j.Append("Sub", "admin") }),
		"nested without end": onIDToken(func(j *oidctest.JWT) {
			j.Payload = []byte(strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000))
		}),
		"encrypted":                   onToken("id_token", "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d"),
		"dots":                        onToken("id_token", strings.Repeat(".", 100_000)),
		"a number for an ID token":    onToken("id_token", 7),
		"no ID token":                 onToken("id_token", nil),
		"no access token":             onToken("access_token", nil),
		"another token type":          onToken("token_type", "mac"),
		"userinfo of somebody else":   onUserinfo("sub", "mallory"),
		"userinfo of nobody":          onUserinfo("sub", nil),
		"discovery of another issuer": onDiscovery("issuer", "https://evil.example"),
		"discovery to plain http":     onDiscovery("token_endpoint", "http://evil.example/token"),
		"discovery to a file":         onDiscovery("jwks_uri", "file:///etc/passwd"),
		"discovery to a script":       onDiscovery("authorization_endpoint", "javascript:alert(1)"),
	} {
		t.Run(name, module{name: name, prepare: change, refused: true}.run)
	}
}

func onIDToken(change func(*oidctest.JWT)) func(*world) {
	return func(w *world) { w.provider.OnIDToken(change) }
}

func onDocument(e oidctest.Endpoint, name string, value any) func(*world) {
	return func(w *world) {
		w.provider.OnAnswer(e, func(d map[string]any) {
			if d[name] = value; value == nil {
				delete(d, name)
			}
		})
	}
}

func onToken(name string, value any) func(*world) { return onDocument(oidctest.Token, name, value) }
func onUserinfo(name string, value any) func(*world) {
	return onDocument(oidctest.Userinfo, name, value)
}
func onDiscovery(name string, value any) func(*world) {
	return onDocument(oidctest.Discovery, name, value)
}

// keyInHeader signs by the attacker's key, and brings or names it in the token.
func keyInHeader(member string) func(*world) {
	return func(w *world) {
		key := oidctest.NewKey("RS256")
		w.provider.OnIDToken(func(j *oidctest.JWT) {
			kid := j.Header["kid"]
			j.SignWith(key)
			j.Header["kid"] = kid
			j.Header[member] = map[string]any{
				"jwk": key.JWK(), "jku": "https://evil.example/keys", "x5c": []string{"MIIB"}, "x5u": "https://evil.example/cert",
			}[member]
		})
	}
}

// TestAttacksOnTheLine is what happens to the calls themselves: every answer is
// bounded, in bytes and in time, and no redirect is followed.
func TestAttacksOnTheLine(t *testing.T) {
	for _, endpoint := range []oidctest.Endpoint{oidctest.Discovery, oidctest.JWKS, oidctest.Token, oidctest.Userinfo} {
		for name, fault := range map[string]oidctest.Fault{
			"decompression bomb": oidctest.GzipBomb(),
			"endless body":       oidctest.Endless(),
			"page":               oidctest.Body(200, "text/html", "<script>alert(1)</script>"),
			"list":               oidctest.Body(200, "application/json", "[]"),
			"two documents":      oidctest.Body(200, "application/json", "{}{}"),
			"cut off":            oidctest.Body(200, "application/json", `{"access_token": "`),
			"refusal":            oidctest.OAuthError(400, script, script),
			"loop":               oidctest.Redirect(http.StatusFound, "/"),
		} {
			attack := module{
				name:    name,
				prepare: func(w *world) { w.provider.Intercept(endpoint, fault) },
				// UserInfo that can't be had refuses the sign-in too: roles may be there.
				refused: true,
				then: func(t *testing.T, w *world, b *browser) {
					if res := b.visit("/me"); strings.Contains(res.body, "<script") {
						t.Errorf("it shows %s", res.body)
					}
					if strings.Contains(w.log.String(), "alert(1)") {
						t.Errorf("the log says %s", w.log)
					}
				},
			}
			t.Run(string(endpoint)+", "+name, func(t *testing.T) {
				t.Parallel() // discovery is tried again after a while
				attack.run(t)
			})
		}
	}
}

// TestSecretIsNotPostedOn: a token endpoint that answers 307 has the client post
// its secret, the code and the verifier to wherever it says (RFC 9700 §4.12).
func TestSecretIsNotPostedOn(t *testing.T) {
	var posts atomic.Int32
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posts.Add(1) }))
	defer thief.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		w := newWorld(t, setup{})
		for _, endpoint := range []oidctest.Endpoint{oidctest.Token, oidctest.Userinfo, oidctest.Revocation} {
			w.provider.Intercept(endpoint, oidctest.Redirect(status, thief.URL))
		}
		if res := w.browser().visit("/me"); res.StatusCode < 400 {
			t.Errorf("%d signs in: %d", status, res.StatusCode)
		}
	}
	if got := posts.Load(); got != 0 {
		t.Errorf("the thief got %d requests", got)
	}
}

// TestRefreshStorm: tokens under unknown keys, and under known ones with broken
// signatures, make the keys be read five times in ten seconds at most.
func TestRefreshStorm(t *testing.T) {
	for name, header := range map[string]func(*oidctest.JWT){
		"unknown kid": func(j *oidctest.JWT) { j.Header["kid"] = "unknown-" + time.Now().String() },
		"known kid":   func(*oidctest.JWT) {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.browser().signIn()
			forged("RS256")(w)
			w.provider.OnIDToken(header)
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					for range 10 {
						w.browser().visit("/me")
					}
				})
			}
			all.Wait()
			if got := w.provider.Calls(oidctest.JWKS); got > 5 {
				t.Errorf("the keys were read %d times", got)
			}
		})
	}
}

// TestMixUp: the answer of one provider, brought to the callback of another's
// flow, is refused by its iss before its code is shown to anybody (RFC 9207).
func TestMixUp(t *testing.T) {
	w := newWorld(t, setup{})
	for name, change := range map[string]func(url.Values){
		"another issuer":         func(v url.Values) { v.Set("iss", "https://evil.example") },
		"none, though announced": func(v url.Values) { v.Del("iss") },
		"another issuer's refusal": func(v url.Values) {
			v.Del("code")
			v.Set("error", "access_denied")
			v.Set("iss", "https://evil.example")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := w.browser()
			before := w.provider.Calls(oidctest.Token)
			callback := parse(t, b.callback("/me"))
			values := callback.Query()
			change(values)
			callback.RawQuery = values.Encode()
			if res := b.get(callback.String()); res.StatusCode < 400 || w.provider.Calls(oidctest.Token) != before {
				t.Errorf("%d", res.StatusCode)
			}
		})
	}
}

// TestHostileClaims: what a provider may truthfully say, and what must not come
// of it.
func TestHostileClaims(t *testing.T) {
	for name, c := range map[string]struct {
		claims map[string]any
		then   func(t *testing.T, w *world, b *browser)
	}{
		"CRLF": {map[string]any{"name": "x\r\nSet-Cookie: a=b\r\n\r\nlevel=ERROR msg=forged"}, func(t *testing.T, w *world, b *browser) {
			if strings.Contains(w.log.String(), "\nlevel=ERROR msg=forged") {
				t.Error("a claim wrote a log line")
			}
		}},
		"auth_time as an object": {map[string]any{"auth_time": map[string]any{"a": 1}}, func(t *testing.T, w *world, b *browser) {
			before := b.me().Token
			w.clock.advance(due)
			if b.me().Token == before {
				t.Errorf("not renewed: %s", w.log)
			}
		}},
		"role in another case":  {map[string]any{"roles": []string{"ADMIN", "Admin"}}, refusedAtAdmin},
		"roles in another case": {map[string]any{"Roles": []string{"admin"}}, refusedAtAdmin},
		"role with a space":     {map[string]any{"roles": "viewer admin"}, refusedAtAdmin},
		"roles as an object":    {map[string]any{"roles": map[string]any{"admin": true}}, refusedAtAdmin},
		"roles as a number":     {map[string]any{"roles": 1}, refusedAtAdmin},
		"a role among numbers":  {map[string]any{"roles": []any{1, map[string]any{}, nil}}, refusedAtAdmin},
		"a dot for a path":      {map[string]any{"realm_access.roles": []string{"admin"}}, refusedAtAdmin},
		"prototype":             {map[string]any{"__proto__": map[string]any{"roles": []string{"admin"}}}, refusedAtAdmin},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.provider.SignIn(oidctest.User{Subject: "mallory", Claims: c.claims})
			b := w.browser().signIn()
			c.then(t, w, b)
		})
	}
}

func refusedAtAdmin(t *testing.T, _ *world, b *browser) {
	t.Helper()
	b.get("/admin").want(t, http.StatusForbidden)
}

// TestUserinfoSaysNothingOfTheProtocol: what decides about a session comes from
// the ID token alone, whatever UserInfo adds.
func TestUserinfoSaysNothingOfTheProtocol(t *testing.T) {
	w := newWorld(t, setup{})
	w.provider.OnAnswer(oidctest.Userinfo, func(d map[string]any) {
		for _, name := range []string{"iss", "aud", "sid", "acr", "amr", "auth_time", "azp", "exp", "session_expiry"} {
			d[name] = "planted"
		}
		d["roles"] = []string{"owner"} // the ID token says otherwise
	})
	claims := w.browser().signIn().me().Claims
	for name, value := range claims {
		if value == "planted" {
			t.Errorf("UserInfo set %s", name)
		}
	}
	if roles, _ := claims["roles"].([]any); len(roles) != 2 {
		t.Errorf("roles are %v", claims["roles"])
	}
}

// TestNoPanicReachesTheClient: a hook or a rule of the application's that panics
// says nothing to the client, and the gate serves on.
func TestNoPanicReachesTheClient(t *testing.T) {
	rule := rbac.Func("panics", func(*rbac.Subject) bool { panic("oops") })
	for name, c := range map[string]struct {
		setup  setup
		status int
	}{
		"Admit": {setup{gate: func(c *gatehouse.Config) { c.Admit = panickingAdmit }}, http.StatusInternalServerError},
		"a rule": {setup{routes: func(g *gatehouse.Gate) http.Handler {
			return g.Wrap(g.Require(rule)(http.HandlerFunc(me)))
		}}, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.setup)
			for range 2 {
				res := w.browser().visit("/me").want(t, c.status)
				if strings.Contains(res.body, "goroutine") || strings.Contains(res.body, "oops") {
					t.Errorf("%d %s", res.StatusCode, res.body)
				}
			}
		})
	}
}

func panickingAdmit(context.Context, *gatehouse.Admission) error { panic("oops") }
