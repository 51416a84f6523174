package gatehouse_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// module is a relying party test of the OpenID Foundation's conformance suite,
// rebuilt: a provider that does what the suite's does, and what has to come of a
// sign-in there.
type module struct {
	name     string
	provider func(*oidctest.Config)
	gate     func(*gatehouse.Config)
	prepare  func(*world)
	refused  bool // the sign-in must fail
	then     func(t *testing.T, w *world, b *browser)
}

func (m module) run(t *testing.T) { m.in(t, setup{provider: m.provider, gate: m.gate}) }

// posted is run where the provider answers by a form that the browser posts.
func (m module) posted(t *testing.T) {
	m.in(t, setup{tls: true, provider: m.provider, gate: func(c *gatehouse.Config) {
		c.ResponseMode = "form_post"
		if m.gate != nil {
			m.gate(c)
		}
	}})
}

func (m module) in(t *testing.T, s setup) {
	w := newWorld(t, s)
	if m.prepare != nil {
		m.prepare(w)
	}
	b := w.browser()
	res := b.visit("/me")
	if "http://"+res.Request.URL.Host == w.idp.URL {
		res = b.post(res)
	}
	if m.refused {
		if res.StatusCode < 400 || len(sessionCookies(b.cookies())) != 0 {
			t.Errorf("signed in: %d with %v", res.StatusCode, b.cookies())
		}
		b.get("/").want(t, http.StatusOK, "stranger")
	} else if res.StatusCode != http.StatusOK {
		t.Fatalf("%d: %s", res.StatusCode, res.body)
	}
	if m.then != nil {
		m.then(t, w, b)
	}
}

// said has every ID token say this.
func said(name string, value any) func(*world) {
	return func(w *world) { w.provider.OnIDToken(func(j *oidctest.JWT) { j.Claims[name] = value }) }
}

// unsaid has no ID token say this.
func unsaid(name string) func(*world) {
	return func(w *world) { w.provider.OnIDToken(func(j *oidctest.JWT) { delete(j.Claims, name) }) }
}

// TestCertification rebuilds the modules of the plans for the Basic and Config
// profiles, and those beside them that a relying party of the code flow can meet.
// Each case is named as its module is.
func TestCertification(t *testing.T) {
	for _, m := range slices.Concat(basicModules(), configModules(), codeModules()) {
		t.Run(m.name, m.run)
	}
}

// TestCertificationFormPost rebuilds the plan for the Form Post profile: the modules
// of the Basic one, with answers that the browser posts (OAuth 2.0 Form Post Response
// Mode), and an error among them.
func TestCertificationFormPost(t *testing.T) {
	for _, m := range append(basicModules(), module{
		name: "oidcc-client-test-form-post-error",
		gate: func(c *gatehouse.Config) { c.Prompt, c.MaxAge = "none", -1 },
		prepare: func(w *world) {
			w.provider.SignOut()
		},
		refused: true,
		then: func(t *testing.T, w *world, b *browser) {
			asked := w.provider.Requests(oidctest.Authorize)[0].URL.Query()
			if asked.Get("response_mode") != "form_post" || asked.Get("prompt") != "none" || asked.Get("max_age") != "0" {
				t.Errorf("asked for %v", asked)
			}
		},
	}) {
		t.Run(m.name, m.posted)
	}
}

// basicModules are those of the Basic profile's plan.
func basicModules() []module {
	return []module{
		// A sign-in by the code flow; the access token reaches the UserInfo endpoint
		// in the Authorization header, and the authorization request asks for openid.
		{name: "oidcc-client-test", then: func(t *testing.T, w *world, b *browser) {
			asked := w.provider.Requests(oidctest.Authorize)[0].URL.Query()
			if !slices.Contains(strings.Fields(asked.Get("scope")), "openid") || asked.Get("response_type") != "code" {
				t.Errorf("asked for %v", asked)
			}
			userinfo := w.provider.Requests(oidctest.Userinfo)
			if len(userinfo) != 1 || !strings.HasPrefix(userinfo[0].Header.Get("Authorization"), "Bearer ") || userinfo[0].Form.Has("access_token") {
				t.Errorf("userinfo was asked by %v", userinfo)
			}
		}},
		{name: "oidcc-client-test-invalid-iss", prepare: said("iss", "https://elsewhere.example"), refused: true},
		{name: "oidcc-client-test-missing-sub", prepare: unsaid("sub"), refused: true},
		{name: "oidcc-client-test-invalid-aud", prepare: said("aud", "another-client"), refused: true},
		{name: "oidcc-client-test-missing-iat", prepare: unsaid("iat"), refused: true},
		{name: "oidcc-client-test-kid-absent-single-jwks", prepare: func(w *world) {
			w.provider.OnIDToken(func(j *oidctest.JWT) { delete(j.Header, "kid") })
		}},
		// The suite accepts either outcome. Every fitting key is tried here.
		{name: "oidcc-client-test-kid-absent-multiple-jwks", prepare: func(w *world) {
			w.provider.SetKeys(signingKey(), oidctest.NewKey("RS256"))
			w.provider.OnIDToken(func(j *oidctest.JWT) { delete(j.Header, "kid") })
		}},
		{name: "oidcc-client-test-idtoken-sig-rs256", then: func(t *testing.T, w *world, b *browser) {
			if got := w.provider.Keys()[0].Algorithm; got != "RS256" {
				t.Errorf("signed by %s", got)
			}
		}},
		// The suite lets a client that never accepts unsigned tokens skip it: the
		// sign-in fails, even where discovery offers "none".
		{name: "oidcc-client-test-idtoken-sig-none", prepare: func(w *world) {
			w.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) {
				d["id_token_signing_alg_values_supported"] = []string{"none", "RS256"}
			})
			w.provider.OnIDToken(func(j *oidctest.JWT) { j.Unsigned() })
		}, refused: true},
		{name: "oidcc-client-test-invalid-sig-rs256", prepare: forged("RS256"), refused: true},
		{name: "oidcc-client-test-userinfo-invalid-sub", prepare: func(w *world) {
			w.provider.OnAnswer(oidctest.Userinfo, func(d map[string]any) { d["sub"] = "mallory" })
		}, refused: true},
		{name: "oidcc-client-test-nonce-invalid", prepare: said("nonce", "another nonce"), refused: true},
		{name: "oidcc-client-test-scope-userinfo-claims", prepare: func(w *world) {
			w.provider.SignIn(oidctest.User{Subject: "alice", UserinfoClaims: map[string]any{"email": "alice@example.com"}})
		}, then: func(t *testing.T, w *world, b *browser) {
			if got := b.me().Claims["email"]; got != "alice@example.com" {
				t.Errorf("email is %v", got)
			}
		}},
		{name: "oidcc-client-test-client-secret-basic", then: func(t *testing.T, w *world, b *browser) {
			r := w.provider.Requests(oidctest.Token)[0]
			id, secret, ok := (&http.Request{Header: r.Header}).BasicAuth()
			if !ok || id != "app" || secret != clientSecret || r.Form.Has("client_secret") {
				t.Errorf("the client authenticated as %q, %v", id, ok)
			}
		}},
	}
}

// configModules are those of the Config profile's plan, beside the unsigned ID token.
func configModules() []module {
	return []module{
		{name: "oidcc-client-test-discovery-openid-config", then: func(t *testing.T, w *world, b *browser) {
			if got := w.provider.Calls(oidctest.Discovery); got != 1 {
				t.Errorf("discovery was asked %d times", got)
			}
		}},
		{name: "oidcc-client-test-discovery-jwks-uri-keys", then: func(t *testing.T, w *world, b *browser) {
			if got := w.provider.Calls(oidctest.JWKS); got != 1 {
				t.Errorf("the keys were read %d times", got)
			}
		}},
		{name: "oidcc-client-test-discovery-issuer-mismatch", prepare: func(w *world) {
			w.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) { d["issuer"] = "https://elsewhere.example" })
		}, refused: true},
		{name: "oidcc-client-test-signing-key-rotation-just-before-signing", prepare: func(w *world) {
			_ = w.gate.Ready(w.Context())
			w.provider.RotateKeys()
		}},
		{name: "oidcc-client-test-signing-key-rotation", then: func(t *testing.T, w *world, b *browser) {
			w.clock.advance(3 * time.Second) // a second read of the keys, seconds after the first
			w.provider.RotateKeys()
			w.provider.RetireKeys()
			w.browser().signIn()
		}},
	}
}

// codeModules are those of the comprehensive plan that are for the code flow too, and
// cases of our own beside them.
func codeModules() []module {
	return []module{
		{name: "oidcc-client-test-missing-aud", prepare: unsaid("aud"), refused: true},
		{name: "oidcc-client-test-invalid-sig-es256", prepare: forged("ES256"), refused: true},
		{name: "oidcc-client-test-invalid-sig-hs256", gate: func(c *gatehouse.Config) {
			c.SigningAlgs, c.ClientSecret = []string{"HS256"}, longSecret
		}, provider: func(c *oidctest.Config) {
			c.Algorithm, c.Keys, c.Clients = "HS256", nil, []oidctest.Client{{ID: "app", Secret: longSecret}}
		}, prepare: func(w *world) {
			w.provider.OnIDToken(func(j *oidctest.JWT) { j.SignWith(oidctest.HMACKey("HS256", []byte("not the client's secret at all"))) })
		}, refused: true},
		{name: "oidcc-client-test-invalid-athash", prepare: said("at_hash", "77QmUPtjPfzWtF2AnpK9RQ"), refused: true},
		// OpenID Connect Core 1.0 §3.1.3.6: at_hash is optional in the code flow.
		{name: "oidcc-client-test-missing-athash", prepare: unsaid("at_hash")},
		{name: "oidcc-client-test-userinfo-bearer-header", then: func(t *testing.T, w *world, b *browser) {
			if got := w.provider.Requests(oidctest.Userinfo)[0].Header.Get("Authorization"); !strings.HasPrefix(got, "Bearer ") {
				t.Error("no bearer token in the header")
			}
		}},
		{name: "oidcc-client-test-userinfo-signed", provider: func(c *oidctest.Config) { c.SignedUserinfo = true }},
		{name: "keys of kinds unheard of", prepare: func(w *world) {
			w.provider.OnAnswer(oidctest.JWKS, func(d map[string]any) {
				keys, _ := d["keys"].([]any)
				d["keys"] = slices.Concat([]any{
					map[string]any{"kty": "AKP", "alg": "ML-DSA-9000", "kid": "pq", "pub": "AAAA"},
					map[string]any{"kty": "madeup", "kid": "odd"},
				}, keys)
			})
		}},
		{name: "oidcc-client-test-aggregated-claims", prepare: func(w *world) {
			w.provider.OnAnswer(oidctest.Userinfo, func(d map[string]any) {
				d["_claim_names"] = map[string]any{"credit_score": "src1"}
				d["_claim_sources"] = map[string]any{"src1": map[string]any{"JWT": "e30.e30."}}
			})
		}},
		// The module wants the claims fetched from where UserInfo says. Whose addresses
		// those are nobody knows, so nothing is asked there, and the sign-in is good.
		{name: "oidcc-client-test-distributed-claims", prepare: func(w *world) {
			elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { w.Error("asked elsewhere") }))
			w.Cleanup(elsewhere.Close)
			w.provider.OnAnswer(oidctest.Userinfo, func(d map[string]any) {
				d["_claim_names"] = map[string]any{"credit_score": "src1"}
				d["_claim_sources"] = map[string]any{"src1": map[string]any{"endpoint": elsewhere.URL, "access_token": "ksj3n283dke"}}
			})
		}, then: func(t *testing.T, w *world, b *browser) {
			if got := b.me().Claims["credit_score"]; got != nil {
				t.Errorf("credit_score is %v", got)
			}
		}},
	}
}

// longSecret is as long as HS256 needs it (RFC 7518 §3.2).
const longSecret = "a client secret of at least 32 bytes"

// forged has ID tokens signed by a key of that algorithm that nobody published,
// under the kid of one that is.
func forged(algorithm string) func(*world) {
	return func(w *world) {
		key := oidctest.NewKey(algorithm)
		w.provider.OnIDToken(func(j *oidctest.JWT) {
			kid := j.Header["kid"]
			j.SignWith(key)
			j.Header["kid"] = kid
		})
	}
}

// TestCertificationRefresh rebuilds the refresh token plan, and cases of our own: a
// session whose refreshed ID token is not for the same person from the same issuer is
// over (OpenID Connect Core 1.0 §12.2), and UserInfo is not asked with such tokens.
// UserInfo is asked with a renewed token that is good.
func TestCertificationRefresh(t *testing.T) {
	renew := func(w *world, b *browser) answer {
		w.clock.advance(due)
		return b.get("/me")
	}
	changed := func(name string, value any) func(*testing.T, *world, *browser) {
		return func(t *testing.T, w *world, b *browser) {
			asked := w.provider.Calls(oidctest.Userinfo)
			said(name, value)(w)
			if res := renew(w, b); res.StatusCode != http.StatusFound {
				t.Errorf("%d: %s", res.StatusCode, res.body)
			}
			if len(sessionCookies(b.cookies())) != 0 {
				t.Error("the session is still there")
			}
			if got := w.provider.Calls(oidctest.Userinfo); got != asked {
				t.Error("UserInfo was asked")
			}
		}
	}
	for _, m := range []module{
		{name: "oidcc-client-test-refresh-token", then: func(t *testing.T, w *world, b *browser) {
			before := b.me().Token
			if got := renew(w, b); got.StatusCode != http.StatusOK || b.me().Token == before {
				t.Errorf("not renewed: %d", got.StatusCode)
			}
			r := w.provider.Requests(oidctest.Token)[1]
			if r.Form.Get("grant_type") != "refresh_token" {
				t.Errorf("asked by %v", r.Form.Get("grant_type"))
			}
			userinfo := w.provider.Requests(oidctest.Userinfo)
			if got := userinfo[len(userinfo)-1].Header.Get("Authorization"); got != "Bearer "+b.me().Token {
				t.Error("UserInfo wasn't asked with the renewed token")
			}
		}},
		{name: "oidcc-client-test-refresh-token-invalid-issuer", then: changed("iss", "https://elsewhere.example")},
		{name: "oidcc-client-test-refresh-token-invalid-sub", then: changed("sub", "mallory")},
		{name: "another audience beside ours", then: changed("aud", []string{"app", "another-client"})},
		{name: "another authorized party", then: changed("azp", "another-client")},
	} {
		t.Run(m.name, m.run)
	}
}

// TestCertificationThirdParty rebuilds the plan for third-party-initiated login
// (OpenID Connect Core 1.0 §4).
func TestCertificationThirdParty(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run("oidcc-client-test-3rd-party-init-login "+method, func(t *testing.T) {
			w := newWorld(t, setup{})
			b := w.browser()
			values := url.Values{"iss": {w.idp.URL}, "target_link_uri": {w.app.URL + "/orders/7"}}
			header := with(navigation, "Sec-Fetch-Site", "cross-site", "Origin", w.idp.URL)
			var begun answer
			if method == http.MethodGet {
				begun = b.send(method, "/auth/login?"+values.Encode(), header, "")
			} else {
				begun = b.send(method, "/auth/login", header, values.Encode())
			}
			ended := b.get(b.get(begun.location(t)).location(t))
			if got := ended.location(t); got != w.app.URL+"/orders/7" {
				t.Errorf("ends at %s", got)
			}
			b.get("/orders/7").want(t, http.StatusOK, "alice")
		})
	}
}
