package oidc_test

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

var ecKey = sync.OnceValue(func() *oidctest.Key { return oidctest.NewKey("ES256") })

// ecParty has ES256 keys, which are quick to make.
func ecParty(t *testing.T) *party {
	t.Helper()
	return newParty(t, oidctest.Config{Keys: []*oidctest.Key{oidctest.NewKey("ES256")}}, nil)
}

func TestKeysAreReadOnce(t *testing.T) {
	p := ecParty(t)
	for range 5 {
		if _, err := p.signIn(request); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.provider.Calls(oidctest.JWKS); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
	if got := p.provider.Calls(oidctest.Discovery); got != 1 {
		t.Errorf("%d discoveries, want 1", got)
	}
}

// TestForgedTokensCostNothing: strangers can't have the keys read over and over.
func TestForgedTokensCostNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		forge func(*oidctest.JWT)
		most  int // fetches, the first one included
	}{
		{"known kid", func(j *oidctest.JWT) { j.Key = oidctest.NewKey("ES256") }, 1},
		{"no kid", func(j *oidctest.JWT) { j.Key = oidctest.NewKey("ES256"); delete(j.Header, "kid") }, 1},
		{"unknown kids", func(j *oidctest.JWT) { j.SignWith(oidctest.NewKey("ES256")) }, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := ecParty(t)
			if _, err := p.signIn(request); err != nil {
				t.Fatal(err)
			}
			remove := p.provider.OnIDToken(c.forge)
			for range 100 {
				if _, err := p.signIn(request); !errors.Is(err, oidc.ErrToken) {
					t.Fatalf("%v", err)
				}
			}
			remove()
			if got := p.provider.Calls(oidctest.JWKS); got > c.most {
				t.Errorf("%d fetches for 100 forged tokens, want at most %d", got, c.most)
			}
			if _, err := p.signIn(request); err != nil {
				t.Errorf("an honest token after the forged ones: %v", err)
			}
		})
	}
}

// TestRotation: a new key is found at once, twice within seconds; one that left
// the set stops verifying.
func TestRotation(t *testing.T) {
	inBubble(t, func(t *testing.T, p *party) {
		if _, err := p.signIn(request); err != nil {
			t.Fatal(err)
		}
		old := p.provider.Keys()[0]
		for range 2 {
			p.provider.RotateKeys()
			if _, err := p.signIn(request); err != nil {
				t.Fatalf("after a rotation: %v", err)
			}
			p.advance(time.Second)
		}
		byOld := func(j *oidctest.JWT) { j.SignWith(old) }
		remove := p.provider.OnIDToken(byOld)
		if _, err := p.signIn(request); err != nil {
			t.Errorf("an old key that is still published: %v", err)
		}
		remove()
		p.provider.RetireKeys()
		p.advance(11 * time.Minute)
		if _, err := p.signIn(request); err != nil {
			t.Fatal(err)
		}
		p.provider.OnIDToken(byOld)
		if _, err := p.signIn(request); !errors.Is(err, oidc.ErrToken) {
			t.Errorf("an old key that has left: %v", err)
		}
	})
}

// TestSameKid: some providers change the key and not its name.
func TestSameKid(t *testing.T) {
	inBubble(t, func(t *testing.T, p *party) {
		if _, err := p.signIn(request); err != nil {
			t.Fatal(err)
		}
		key := oidctest.NewKey("ES256")
		key.ID = p.provider.Keys()[0].ID
		p.advance(11 * time.Minute)
		p.provider.SetKeys(key, p.provider.Keys()...)
		if _, err := p.signIn(request); err != nil {
			t.Errorf("two under one kid: %v", err)
		}
		another := oidctest.NewKey("ES256")
		another.ID = key.ID
		p.provider.SetKeys(another)
		if _, err := p.signIn(request); !errors.Is(err, oidc.ErrToken) {
			t.Errorf("replaced, at once: %v", err)
		}
		p.advance(time.Minute)
		if _, err := p.signIn(request); err != nil {
			t.Errorf("replaced, a minute later: %v", err)
		}
	})
}

// TestOldName: what Ory Hydra issues for a session that is older than its newest key
// names the key before that, and is signed by the newest. It is found though the keys
// were read just before there was one.
func TestOldName(t *testing.T) {
	p := ecParty(t)
	grant, err := p.signIn(request)
	if err != nil {
		t.Fatal(err)
	}
	old := p.provider.Keys()[0]
	p.provider.RotateKeys()
	named := func(j *oidctest.JWT) { j.Header["kid"] = old.ID }
	defer p.provider.OnIDToken(named)()
	for range 2 {
		renewed, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims)
		if err != nil {
			t.Fatal(err)
		}
		if renewed.IDClaims == nil {
			t.Error("the ID token is left out")
		}
		grant = renewed
	}
	if got := p.provider.Calls(oidctest.JWKS); got != 2 {
		t.Errorf("%d fetches, want 2", got)
	}
	if _, err := p.signIn(request); err != nil {
		t.Errorf("a sign-in: %v", err)
	}
	stranger := oidctest.NewKey("ES256")
	defer p.provider.OnIDToken(func(j *oidctest.JWT) { j.Key = stranger })()
	if _, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims); !errors.Is(err, oidc.ErrToken) {
		t.Errorf("signed by a stranger: %v", err)
	}
}

// TestOldNameOfAccessTokens: the same of the access tokens that such a session gets.
func TestOldNameOfAccessTokens(t *testing.T) {
	b := newBench(t, oidctest.Config{Keys: []*oidctest.Key{oidctest.NewKey("ES256")}}, nil)
	old := b.provider.Keys()[0]
	b.provider.RotateKeys()
	token := b.token()
	token.Header["kid"] = old.ID
	if _, err := b.authenticate(token.Sign()); err != nil {
		t.Error(err)
	}
	token.Key = oidctest.NewKey("ES256")
	_, err := b.authenticate(token.Sign())
	wantRefusal(t, err, oidc.InvalidToken, "signature")
}

// TestOddKeys: what else is published doesn't matter.
func TestOddKeys(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	p.provider.OnAnswer(oidctest.JWKS, func(d map[string]any) {
		keys := slices.Clone(d["keys"].([]any))
		broken := map[string]any{}
		for name, value := range keys[0].(map[string]any) {
			broken[name] = value
		}
		broken["x5c"], broken["x5t"] = []string{"no certificate"}, 7
		d["keys"] = append(append(oidctest.OddKeys(), nil, "text", 7, map[string]any{}), broken)
	})
	if _, err := p.signIn(request); err != nil {
		t.Errorf("beside odd keys: %v", err)
	}
	if err := p.client.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestKeysThatMustNotVerify are published, and still not used.
func TestKeysThatMustNotVerify(t *testing.T) {
	inBubbleWith(t, rsaKey(), func(t *testing.T, p *party) {
		for name, change := range map[string]func(map[string]any){
			"for encryption":         func(k map[string]any) { k["use"] = "enc" },
			"for wrapping":           func(k map[string]any) { k["key_ops"] = []string{"wrapKey"} },
			"of another algorithm":   func(k map[string]any) { k["alg"] = "PS256" },
			"of another kid":         func(k map[string]any) { k["kid"] = "other" },
			"symmetric":              func(k map[string]any) { clear(k); k["kty"], k["k"] = "oct", "c2VjcmV0" },
			"of 1024 bits":           func(k map[string]any) { k["n"] = k["n"].(string)[:170] },
			"with an exponent of 1":  func(k map[string]any) { k["e"] = "AQ" },
			"without a modulus":      func(k map[string]any) { delete(k, "n") },
			"of a type in lowercase": func(k map[string]any) { k["kty"] = "rsa" },
		} {
			remove := p.provider.OnAnswer(oidctest.JWKS, func(d map[string]any) { change(d["keys"].([]any)[0].(map[string]any)) })
			p.advance(11 * time.Minute)
			if _, err := p.signIn(request); !errors.Is(err, oidc.ErrToken) {
				t.Errorf("a key %s: %v", name, err)
			}
			remove()
		}
	})
}

// TestKeysWhileAway: known keys go on verifying while they can't be read again.
func TestKeysWhileAway(t *testing.T) {
	inBubble(t, func(t *testing.T, p *party) {
		if _, err := p.signIn(request); err != nil {
			t.Fatal(err)
		}
		defer p.provider.Intercept(oidctest.JWKS, oidctest.Status(503))()
		p.advance(time.Hour)
		if _, err := p.signIn(request); err != nil {
			t.Errorf("an hour later: %v", err)
		}
		p.advance(24 * time.Hour)
		if _, err := p.signIn(request); !errors.Is(err, oidc.ErrUnavailable) {
			t.Errorf("a day later: %v", err)
		}
	})
}

// TestFirstKeys: as long as no keys are known they are asked for once a second,
// however many want to sign in, and the first sign-in after an outage works.
func TestFirstKeys(t *testing.T) {
	p := ecParty(t)
	recover := p.provider.Intercept(oidctest.JWKS, oidctest.Status(503))
	for range 8 {
		for range 3 {
			if _, err := p.signIn(request); !errors.Is(err, oidc.ErrUnavailable) {
				t.Error(err)
			}
		}
		p.advance(time.Second)
	}
	if got := p.provider.Calls(oidctest.JWKS); got != 8 {
		t.Errorf("asked %d times in 8 seconds", got)
	}
	recover()
	if _, err := p.signIn(request); err != nil {
		t.Errorf("after the outage: %v", err)
	}
}

func TestUnreadableKeys(t *testing.T) {
	for name, fault := range map[string]oidctest.Fault{
		"500": oidctest.Status(500), "not JSON": oidctest.Body(200, "application/json", "hello"), "no list": oidctest.Body(200, "application/json", `{"keys":7}`),
		"empty": oidctest.Body(200, "application/json", `{}`), "endless": oidctest.Endless(), "gzip bomb": oidctest.GzipBomb(), "redirect": oidctest.Redirect(302, "https://evil.example"),
	} {
		p := ecParty(t)
		p.provider.Intercept(oidctest.JWKS, fault)
		if _, err := p.signIn(request); !errors.Is(err, oidc.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDiscovery(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]any)
		kind   error
	}{
		"another issuer":         {func(d map[string]any) { d["issuer"] = "https://evil.example" }, oidc.ErrToken},
		"issuer with a slash":    {func(d map[string]any) { d["issuer"] = d["issuer"].(string) + "/" }, oidc.ErrToken},
		"no token endpoint":      {func(d map[string]any) { delete(d, "token_endpoint") }, oidc.ErrToken},
		"no keys":                {func(d map[string]any) { delete(d, "jwks_uri") }, oidc.ErrToken},
		"http token endpoint":    {func(d map[string]any) { d["token_endpoint"] = "http://idp.example.com/token" }, oidc.ErrToken},
		"http userinfo endpoint": {func(d map[string]any) { d["userinfo_endpoint"] = "http://idp.example.com/userinfo" }, oidc.ErrToken},
		"odd address":            {func(d map[string]any) { d["jwks_uri"] = "file:///etc/passwd" }, oidc.ErrToken},
		"user in an address":     {func(d map[string]any) { d["token_endpoint"] = "https://app:x@idp.example.com/token" }, oidc.ErrToken},
	} {
		p := ecParty(t)
		p.provider.OnAnswer(oidctest.Discovery, c.change)
		if _, err := p.client.AuthCodeURL(t.Context(), request); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.client.Ready(t.Context()); err == nil {
			t.Errorf("%s: ready", name)
		}
	}
	for name, fault := range map[string]oidctest.Fault{
		"500": oidctest.Status(500), "404": oidctest.Status(404), "not JSON": oidctest.Body(200, "application/json", "hello"), "endless": oidctest.Endless(),
		"gzip bomb": oidctest.GzipBomb(), "redirect": oidctest.Redirect(302, "https://evil.example"), "connection": oidctest.Drop(),
		"twice": oidctest.Body(200, "application/json", `{"issuer":"a","issuer":"b"}`),
	} {
		inBubble(t, func(t *testing.T, p *party) { // its attempts are some time apart
			p.provider.Intercept(oidctest.Discovery, fault)
			if _, err := p.client.AuthCodeURL(t.Context(), request); err == nil {
				t.Errorf("%s: no error", name)
			}
		})
	}
}

// TestDiscoveryIsShared: however many wait, one asks; a failure is remembered for
// a second, and a success for an hour.
func TestDiscoveryIsShared(t *testing.T) {
	inBubble(t, func(t *testing.T, p *party) {
		remove := p.provider.Intercept(oidctest.Discovery, oidctest.Status(503))
		ask := func(n int) {
			var all sync.WaitGroup
			for range n {
				all.Go(func() { _, _ = p.client.AuthCodeURL(t.Context(), request) })
			}
			all.Wait()
		}
		ask(50)
		if got := p.provider.Calls(oidctest.Discovery); got > 3 {
			t.Errorf("%d requests for fifty who wait, want at most three tries", got)
		}
		before := p.provider.Calls(oidctest.Discovery)
		ask(50)
		if got := p.provider.Calls(oidctest.Discovery); got != before {
			t.Errorf("%d requests within a second", got-before)
		}
		remove()
		p.advance(time.Second)
		if _, err := p.client.AuthCodeURL(t.Context(), request); err != nil {
			t.Errorf("a second later: %v", err)
		}
		before = p.provider.Calls(oidctest.Discovery)
		p.advance(59 * time.Minute)
		ask(10)
		if got := p.provider.Calls(oidctest.Discovery); got != before {
			t.Errorf("asked again within the hour")
		}
		p.advance(2 * time.Minute)
		ask(10)
		if got := p.provider.Calls(oidctest.Discovery); got != before+1 {
			t.Errorf("asked %d times after the hour", got-before)
		}
		p.provider.Intercept(oidctest.Discovery, oidctest.Status(503))
		p.advance(2 * time.Hour)
		if _, err := p.client.AuthCodeURL(t.Context(), request); err != nil {
			t.Errorf("the old document doesn't serve: %v", err)
		}
	})
}

func TestDiscoveryRecovers(t *testing.T) {
	p := ecParty(t)
	p.provider.Intercept(oidctest.Discovery, oidctest.Next(1, oidctest.Status(500)))
	if _, err := p.client.AuthCodeURL(t.Context(), request); err != nil {
		t.Errorf("one failure, and then an answer: %v", err)
	}
}

// TestHanging: whatever hangs, an answer comes within ten seconds.
func TestHanging(t *testing.T) {
	for _, endpoint := range []oidctest.Endpoint{oidctest.Discovery, oidctest.Token, oidctest.JWKS, oidctest.Userinfo} {
		t.Run(string(endpoint), func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *party) {
				var code string
				if endpoint != oidctest.Discovery {
					code = p.code(request).Code
				}
				p.provider.Intercept(endpoint, oidctest.Hang())
				began := time.Now()
				var err error
				if endpoint == oidctest.Discovery {
					_, err = p.client.AuthCodeURL(t.Context(), request)
				} else {
					_, err = p.client.Exchange(t.Context(), code, request)
				}
				if took := time.Since(began); !errors.Is(err, oidc.ErrUnavailable) || took > 9*time.Second || took < time.Second {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}

// TestHangingUserinfo at a renewal doesn't cost the new tokens.
func TestHangingUserinfo(t *testing.T) {
	inBubble(t, func(t *testing.T, p *party) {
		grant, err := p.signIn(request)
		if err != nil {
			t.Fatal(err)
		}
		p.provider.Intercept(oidctest.Userinfo, oidctest.Hang())
		renewed, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims)
		if err != nil || !errors.Is(renewed.UserinfoErr, oidc.ErrUnavailable) || renewed.Tokens.AccessToken() == grant.Tokens.AccessToken() {
			t.Errorf("%v, %v", renewed, err)
		}
	})
}

// TestRenewKeepsWhatIsOmitted (RFC 6749 §6, OpenID Connect Core §12.2).
func TestRenewKeepsWhatIsOmitted(t *testing.T) {
	p := ecParty(t)
	p.provider.Configure(func(c *oidctest.Config) {
		c.Rotation, c.RefreshedIDToken = oidctest.RotateNever, oidctest.NoIDToken
	})
	grant, err := p.signIn(request)
	if err != nil {
		t.Fatal(err)
	}
	p.provider.OnAnswer(oidctest.Token, func(d map[string]any) { delete(d, "scope") })
	renewed, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims)
	if err != nil {
		t.Fatal(err)
	}
	if renewed.IDClaims != nil || renewed.Tokens.IDToken() != grant.Tokens.IDToken() || renewed.Tokens.RefreshToken() != grant.Tokens.RefreshToken() ||
		renewed.Tokens.Scope() != grant.Tokens.Scope() || renewed.Tokens.AccessToken() == grant.Tokens.AccessToken() {
		t.Error("something was lost, or nothing renewed")
	}
}

func TestOfflineAccess(t *testing.T) {
	for _, c := range []struct {
		name          string
		change        func(*oidc.Config)
		document      map[string]any
		prompt        string // the caller's
		scope, wanted string // scope and prompt that are sent
	}{
		{"offered", nil, nil, "", "openid profile email offline_access", "consent"},
		{"offered, prompt of the caller", nil, nil, "login", "openid profile email offline_access", "login consent"},
		{"offered, prompt=none", nil, nil, "none", "openid profile email offline_access", "none"},
		{"not offered", nil, map[string]any{"scopes_supported": []string{"openid"}}, "", "openid profile email", ""},
		{"SkipConsent", func(c *oidc.Config) { c.SkipConsent = true }, nil, "", "openid profile email offline_access", ""},
		{"own scopes", func(c *oidc.Config) { c.Scopes = []string{"email"} }, nil, "", "openid email", ""},
		{"own scopes with it", func(c *oidc.Config) { c.Scopes = []string{"openid", "offline_access"} }, nil, "", "openid offline_access", "consent"},
		{"Entra", nil, map[string]any{"cloud_instance_name": "microsoftonline.com", "msgraph_host": "graph.microsoft.com"}, "", "openid profile email offline_access", ""},
		{"Keycloak", nil, map[string]any{"authorization_endpoint": "/protocol/openid-connect/auth"}, "", "openid profile email", ""},
		{"Keycloak, own scopes with it", func(c *oidc.Config) { c.Scopes = []string{"offline_access"} }, map[string]any{"authorization_endpoint": "/protocol/openid-connect/auth"}, "", "openid offline_access", ""},
		{"not quite Keycloak", nil, map[string]any{"authorization_endpoint": "/of/another/protocol/openid-connect/auth"}, "", "openid profile email offline_access", "consent"},
	} {
		p := newParty(t, oidctest.Config{Keys: []*oidctest.Key{rsaKey()}}, c.change)
		p.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) {
			for name, value := range c.document {
				if name == "authorization_endpoint" {
					value = d["issuer"].(string) + value.(string)
				}
				d[name] = value
			}
		})
		asked := request
		asked.Prompt = c.prompt
		location, err := p.client.AuthCodeURL(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest(http.MethodGet, location, nil)
		if err != nil {
			t.Fatal(err)
		}
		query := r.URL.Query()
		if query.Get("scope") != c.scope || query.Get("prompt") != c.wanted {
			t.Errorf("%s: scope %q, prompt %q, want %q, %q", c.name, query.Get("scope"), query.Get("prompt"), c.scope, c.wanted)
		}
	}
}
