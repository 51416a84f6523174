package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// opaqueBench is an API whose issuer's tokens have no meaning to it.
func opaqueBench(t testing.TB, change func(*oidc.VerifierConfig)) *bench {
	t.Helper()
	return newBench(t, oidctest.Config{OpaqueAccessTokens: true}, func(c *oidc.VerifierConfig) {
		c.Issuers[0].Introspection = &oidc.Introspection{ClientID: "app", ClientSecret: clientSecret}
		if change != nil {
			change(c)
		}
	})
}

func (b *bench) issue() string {
	token, _ := b.provider.Issue(oidctest.User{Subject: "alice", AccessClaims: map[string]any{"roles": []string{"admin"}}}, "app", "orders:read")["access_token"].(string)
	return token
}

func (b *bench) asked() int { return b.provider.Calls(oidctest.Introspection) }

func TestOpaqueTokens(t *testing.T) {
	b := opaqueBench(t, nil)
	text := b.issue()
	for range 5 {
		token, err := b.authenticate(text)
		if err != nil {
			t.Fatal(err)
		}
		if said := token.Claims(); token.Subject() != "alice" || token.Issuer() != b.provider.Issuer() || said["active"] != nil || said["roles"] == nil || !token.Expires().Equal(b.clock().Add(5*time.Minute)) {
			t.Errorf("%v", said)
		}
	}
	if b.asked() != 1 {
		t.Errorf("asked %d times", b.asked())
	}
	asked := b.provider.Requests(oidctest.Introspection)[0]
	if asked.Form.Get("token") != text || asked.Form.Get("token_type_hint") != "access_token" || asked.Form.Get("client_secret") != "" || asked.Header.Get("Authorization") == "" {
		t.Errorf("%v %v", asked.Form, asked.Header)
	}
	b.provider.RevokeUser("alice")
	b.advance(29 * time.Second)
	if _, err := b.authenticate(text); err != nil {
		t.Errorf("before it is asked again: %v", err)
	}
	b.advance(time.Second)
	_, err := b.authenticate(text)
	wantRefusal(t, err, oidc.InvalidToken, "not active")
	if b.asked() != 2 {
		t.Errorf("asked %d times", b.asked())
	}
}

// TestInactiveTokens: what isn't active costs one question, for a while.
func TestInactiveTokens(t *testing.T) {
	b := opaqueBench(t, nil)
	for range 5 {
		_, err := b.authenticate("nonsense")
		wantRefusal(t, err, oidc.InvalidToken, "not active")
	}
	if b.asked() != 1 {
		t.Errorf("asked %d times", b.asked())
	}
	b.advance(10 * time.Second)
	_, err := b.authenticate("nonsense")
	wantRefusal(t, err, oidc.InvalidToken, "not active")
	if b.asked() != 2 {
		t.Errorf("asked %d times", b.asked())
	}
	good := b.issue()
	if _, err := b.authenticate(good); err != nil {
		t.Fatal(err)
	}
	for i := range 10_000 { // others' nonsense pushes out no good token
		if i%100 == 0 {
			_, _ = b.authenticate(fmt.Sprint("nonsense-", i))
		}
	}
	before := b.asked()
	if _, err := b.authenticate(good); err != nil || b.asked() != before {
		t.Errorf("%v, asked %d times more", err, b.asked()-before)
	}
	// A JWT that isn't right is not given a second chance, and neither is what no
	// token looks like.
	forged := b.token()
	forged.Key = oidctest.NewKey("RS256")
	for _, text := range []string{forged.Sign(), "a b", "é", strings.Repeat("a", 17<<10)} {
		_, err := b.authenticate(text)
		wantRefusal(t, err, oidc.InvalidToken, "")
	}
	if b.asked() != before {
		t.Error("the issuer was asked about nonsense")
	}
}

// TestIntrospected: every rule about what an issuer says.
func TestIntrospected(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(b *bench, said map[string]any)
		says   string // "": accepted
	}{
		{"honest", func(*bench, map[string]any) {}, ""},
		{"active a string", func(_ *bench, said map[string]any) { said["active"] = "true" }, "not active"},
		{"active missing", func(_ *bench, said map[string]any) { delete(said, "active") }, "not active"},
		{"Active", func(_ *bench, said map[string]any) { delete(said, "active"); said["Active"] = true }, "not active"},
		{"aud of another", func(_ *bench, said map[string]any) { said["aud"] = "https://other.example" }, "aud"},
		{"no aud", func(_ *bench, said map[string]any) { delete(said, "aud") }, "aud"},
		{"iss of another", func(_ *bench, said map[string]any) { said["iss"] = "https://other.example" }, "iss"},
		{"no iss", func(_ *bench, said map[string]any) { delete(said, "iss") }, ""},
		{"no sub", func(_ *bench, said map[string]any) { delete(said, "sub") }, "sub"},
		{"no client_id", func(_ *bench, said map[string]any) { delete(said, "client_id") }, ""},
		{"expired", func(b *bench, said map[string]any) { said["exp"] = b.clock().Add(-time.Minute).Unix() }, "exp"},
		{"exp a string", func(_ *bench, said map[string]any) { said["exp"] = "tomorrow" }, "exp"},
		{"no exp", func(_ *bench, said map[string]any) { delete(said, "exp") }, ""},
		{"not yet", func(b *bench, said map[string]any) { said["nbf"] = b.clock().Add(2 * time.Minute).Unix() }, "nbf"},
		{"a refresh token, by token_type", func(_ *bench, said map[string]any) { said["token_type"] = "refresh_token" }, "token_type"},
		{"a refresh token, by Hydra's token_use", func(_ *bench, said map[string]any) { said["token_use"] = "refresh_token" }, "token_use"},
		{"an access token, by Hydra's token_use", func(_ *bench, said map[string]any) { said["token_use"] = "access_token" }, ""},
		{"a refresh token, by Keycloak's typ", func(_ *bench, said map[string]any) { said["typ"] = "Refresh" }, "typ"},
		{"bound", func(_ *bench, said map[string]any) { said["cnf"] = map[string]any{"jkt": strings.Repeat("A", 43)} }, "proof"},
		{"bound, by token_type, to what it doesn't say", func(_ *bench, said map[string]any) { said["token_type"] = "DPoP" }, "bound"},
		{"bound, by token_type in another case", func(_ *bench, said map[string]any) { said["token_type"] = "dpop" }, "bound"},
		{"bound to who knows what", func(_ *bench, said map[string]any) { said["cnf"] = map[string]any{"x": "y"} }, "cnf"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := opaqueBench(t, nil)
			b.provider.OnAnswer(oidctest.Introspection, func(said map[string]any) { c.change(b, said) })
			text := b.issue()
			for range 2 {
				token, err := b.authenticate(text)
				if c.says != "" {
					wantRefusal(t, err, oidc.InvalidToken, c.says)
				} else if err != nil || token.Issuer() != b.provider.Issuer() {
					t.Errorf("%v %v", token, err)
				} else if c.name == "no exp" && !token.Expires().Equal(b.clock().Add(30*time.Second)) { // when it is asked again
					t.Errorf("expires %v", token.Expires())
				}
			}
			if b.asked() != 1 { // whatever it says
				t.Errorf("asked %d times", b.asked())
			}
		})
	}
}

// TestIntrospectionFails: then nobody is refused, and nobody let in.
func TestIntrospectionFails(t *testing.T) {
	for name, c := range map[string]struct {
		fault oidctest.Fault
		kind  error
	}{
		"500":            {oidctest.Status(500), oidc.ErrUnavailable},
		"500, and more":  {oidctest.Body(500, "application/json", `{"active":true,"sub":"alice","aud":"`+api+`","client_id":"app"}`), oidc.ErrUnavailable},
		"our secret":     {oidctest.OAuthError(401, "invalid_client", "canary"), oidc.ErrClient},
		"forbidden":      {oidctest.Status(403), oidc.ErrClient},
		"a redirect":     {oidctest.Redirect(307, "https://evil.example/"), oidc.ErrUnavailable},
		"a page":         {oidctest.Body(200, "text/html", "canary"), oidc.ErrUnavailable},
		"a name twice":   {oidctest.Body(200, "application/json", `{"active":false,"active":true}`), oidc.ErrUnavailable},
		"no end":         {oidctest.GzipBomb(), oidc.ErrUnavailable},
		"no answer":      {oidctest.Drop(), oidc.ErrUnavailable},
		"a signed reply": {oidctest.Body(200, "application/token-introspection+jwt", "a.b.c"), oidc.ErrUnavailable},
	} {
		b := opaqueBench(t, nil)
		text := b.issue()
		remove := b.provider.Intercept(oidctest.Introspection, c.fault)
		token, err := b.authenticate(text)
		var refusal *oidc.Refusal
		if !errors.Is(err, c.kind) || errors.As(err, &refusal) || token != nil || strings.Contains(err.Error()+b.log.String(), "canary") {
			t.Errorf("%s: %v\n%s", name, err, b.log.String())
		}
		remove()
		if _, err := b.authenticate(text); err != nil {
			t.Errorf("%s, afterwards: %v", name, err)
		}
	}
}

func TestIntrospectionClients(t *testing.T) {
	b := opaqueBench(t, func(c *oidc.VerifierConfig) {
		c.Issuers[0].Introspection = &oidc.Introspection{ClientID: "a b", ClientSecret: "s:+%", URL: c.Issuers[0].Issuer + "/introspect", ClientAuth: "client_secret_post"}
	})
	b.provider.AddClient(oidctest.Client{ID: "a b", Secret: "s:+%"})
	b.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) { delete(d, "introspection_endpoint") })
	if _, err := b.authenticate(b.issue()); err != nil {
		t.Error(err)
	}
	if asked := b.provider.Requests(oidctest.Introspection)[0]; asked.Header.Get("Authorization") != "" || asked.Form.Get("client_secret") != "s:+%" {
		t.Errorf("%v %v", asked.Form, asked.Header)
	}
	b = opaqueBench(t, func(c *oidc.VerifierConfig) {
		c.Issuers[0].Introspection.ClientID, c.Issuers[0].Introspection.ClientSecret = "a b", "s:+%"
	})
	b.provider.AddClient(oidctest.Client{ID: "a b", Secret: "s:+%", Auth: "client_secret_basic"})
	if _, err := b.authenticate(b.issue()); err != nil {
		t.Error(err)
	}
	none := opaqueBench(t, nil)
	none.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) { delete(d, "introspection_endpoint") })
	if _, err := none.authenticate(none.issue()); !errors.Is(err, oidc.ErrClient) {
		t.Errorf("no endpoint: %v", err)
	}
}

// TestOneQuestion: however many come with a token at once, its issuer is asked once.
func TestOneQuestion(t *testing.T) {
	b := opaqueBench(t, nil)
	text := b.issue()
	release := make(chan struct{})
	b.provider.Intercept(oidctest.Introspection, oidctest.Hold(release))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := b.authenticate(text); err != nil {
				t.Error(err)
			}
		})
	}
	for b.asked() == 0 {
		time.Sleep(time.Millisecond)
	}
	close(release)
	all.Wait()
	if b.asked() != 1 {
		t.Errorf("asked %d times", b.asked())
	}
}

// TestOneQuestionForLatecomers has somebody come with a token, and be answered, at each
// moment at which whoever else is about to ask looks at the clock.
func TestOneQuestionForLatecomers(t *testing.T) {
	moments := 0
	for nth := 1; askedAt(t, nth); nth++ {
		moments++
	}
	if moments == 0 {
		t.Error("nobody came meanwhile")
	}
}

// askedAt has somebody else come when the clock is looked at for the nth time, and
// reports whether there was such a moment.
func askedAt(t *testing.T, nth int) bool {
	looks, counting := 0, false
	var meanwhile func()
	b := newBench(t, oidctest.Config{Keys: []*oidctest.Key{ecKey()}}, func(c *oidc.VerifierConfig) {
		its, now := &c.Issuers[0], c.Clock
		its.Introspection = &oidc.Introspection{ClientID: "app", ClientSecret: clientSecret, JWTs: true, URL: its.Issuer + "/introspect"}
		c.Clock = func() time.Time {
			if counting {
				if looks++; looks == nth {
					counting = false
					meanwhile()
				}
			}
			return now()
		}
	})
	if _, err := b.authenticate(b.issue()); err != nil { // the keys are known from now on
		t.Fatal(err)
	}
	before, text, came := b.asked(), b.issue(), false
	come := func() {
		if _, err := b.authenticate(text); err != nil {
			t.Error(err)
		}
	}
	meanwhile = func() { came = true; come() }
	counting = true
	come()
	counting = false
	if got := b.asked() - before; got != 1 {
		t.Errorf("at moment %d: asked %d times", nth, got)
	}
	return came
}

// TestQuestionsAreBounded: strangers who ask about nonsense and go away again leave
// no end of questions to an issuer that doesn't answer.
func TestQuestionsAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, p *party) {
		verifier, err := oidc.NewVerifier(oidc.VerifierConfig{
			Audience: []string{api}, HTTPClient: p.http,
			Issuers: []oidc.TrustedIssuer{{Issuer: p.provider.Issuer(), Introspection: &oidc.Introspection{ClientID: "app", ClientSecret: clientSecret}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifier.Verify(t.Context(), "nonsense"); errors.Is(err, oidc.ErrUnavailable) { // discovery is there now
			t.Fatal(err)
		}
		remove := p.provider.Intercept(oidctest.Introspection, oidctest.Hang())
		before := p.provider.Calls(oidctest.Introspection)
		for i := range 400 {
			ctx, cancel := context.WithCancel(t.Context())
			go func() { _, _ = verifier.Verify(ctx, fmt.Sprint("nonsense-", i)) }()
			synctest.Wait()
			cancel()
		}
		if asked := p.provider.Calls(oidctest.Introspection) - before; asked > 256 || asked < 100 {
			t.Errorf("%d questions at once", asked)
		}
		remove()
		time.Sleep(time.Minute)
		if _, err := verifier.Verify(t.Context(), "nonsense again"); errors.Is(err, oidc.ErrUnavailable) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestIntrospectedBindings: what the issuer says a JWT is bound to counts, where the
// JWT itself doesn't say.
func TestIntrospectedBindings(t *testing.T) {
	mine, other := strings.Repeat("A", 43), strings.Repeat("B", 43)
	for name, c := range map[string]struct {
		jwt, said string // cnf.jkt
		kind      string // token_type
		says      string
	}{
		"to nothing":             {"", "", "Bearer", ""},
		"by its issuer's word":   {"", mine, "Bearer", "proof"},
		"by its token_type":      {"", "", "DPoP", "bound"},
		"by its own":             {mine, "", "Bearer", "proof"},
		"by both":                {mine, mine, "DPoP", "proof"},
		"to another key":         {mine, other, "DPoP", "another"},
		"by words of no meaning": {"", "short", "Bearer", "cnf"},
	} {
		b := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) {
			c.Issuers[0].Introspection = &oidc.Introspection{ClientID: "app", ClientSecret: clientSecret, JWTs: true}
		})
		b.provider.OnAccessToken(func(j *oidctest.JWT) {
			if c.jwt != "" {
				j.Claims["cnf"] = map[string]any{"jkt": c.jwt}
			}
		})
		b.provider.OnAnswer(oidctest.Introspection, func(said map[string]any) {
			delete(said, "cnf")
			if said["token_type"] = c.kind; c.said != "" {
				said["cnf"] = map[string]any{"jkt": c.said}
			}
		})
		text := b.issue()
		for range 2 {
			if _, err := b.authenticate(text); c.says != "" {
				wantRefusal(t, err, oidc.InvalidToken, c.says)
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestIntrospectedJWTs: a revoked JWT is refused where its issuer is asked.
func TestIntrospectedJWTs(t *testing.T) {
	for _, ask := range []bool{true, false} {
		b := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) {
			c.Issuers[0].Introspection = &oidc.Introspection{ClientID: "app", ClientSecret: clientSecret, JWTs: ask}
		})
		text := b.issue()
		if _, err := b.authenticate(text); err != nil {
			t.Fatal(err)
		}
		b.provider.RevokeUser("alice")
		b.advance(30 * time.Second)
		_, err := b.authenticate(text)
		if ask {
			wantRefusal(t, err, oidc.InvalidToken, "not active")
		} else if err != nil || b.asked() != 0 {
			t.Errorf("%v, asked %d times", err, b.asked())
		}
	}
}

// TestVerifierCloses: what is asked of issuers ends with the verifier, whoever left
// it behind; what is known stays known.
func TestVerifierCloses(t *testing.T) {
	for name, c := range map[string]struct {
		b  *bench
		at oidctest.Endpoint
	}{
		"keys":          {newBench(t, oidctest.Config{}, nil), oidctest.JWKS},
		"introspection": {opaqueBench(t, nil), oidctest.Introspection},
	} {
		known, unknown := c.b.issue(), c.b.issue()
		if name == "introspection" {
			if _, err := c.b.authenticate(known); err != nil {
				t.Fatal(err)
			}
		}
		asked := make(chan struct{}, 8)
		c.b.provider.Intercept(c.at, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				<-r.Context().Done()
			})
		})
		ctx, leave := context.WithCancel(t.Context())
		answered := make(chan error)
		go func() {
			_, err := c.b.verifier.Verify(ctx, unknown)
			answered <- err
		}()
		<-asked
		leave()
		if err := <-answered; !errors.Is(err, oidc.ErrUnavailable) {
			t.Errorf("%s: whoever left is told %v", name, err)
		}
		if err := c.b.verifier.Close(); err != nil { // hangs while anything goes on
			t.Error(err)
		}
		if _, err := c.b.verifier.Verify(t.Context(), unknown); !errors.Is(err, oidc.ErrUnavailable) {
			t.Errorf("%s, closed: %v", name, err)
		}
		if name == "introspection" {
			if _, err := c.b.authenticate(known); err != nil {
				t.Errorf("%s, known: %v", name, err)
			}
		}
	}
}

// TestBrokenTokens: what means to be a JWT, or can't be a token, is nothing to ask
// anybody about.
func TestBrokenTokens(t *testing.T) {
	b := opaqueBench(t, nil)
	for name, text := range map[string]string{
		"a header that isn't one": "eyJ.e30.AA",
		"a critical extension":    "eyJhbGciOiJSUzI1NiIsImNyaXQiOlsieCJdfQ.e30.AA",
		"no base64url":            "eyJhbGciOiJSUzI1NiJ9.e30.A",
		"characters of no token":  "a b",
		"a quotation mark":        `a"b`,
		"too long":                strings.Repeat("a", 20_000),
	} {
		_, err := b.authenticate(text)
		wantRefusal(t, err, oidc.InvalidToken, "")
		if b.asked() != 0 {
			t.Fatalf("%s is asked about", name)
		}
	}
}
