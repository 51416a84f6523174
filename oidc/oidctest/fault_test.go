package oidctest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		fault       oidctest.Fault
		status      int
		contentType string
		body        string
		location    string
	}{
		"status":   {oidctest.Status(503), 503, "", "", ""},
		"error":    {oidctest.OAuthError(400, "invalid_request", "no more"), 400, "application/json", `{"error":"invalid_request","error_description":"no more"}`, ""},
		"page":     {oidctest.Body(200, "text/html", "<h1>Busy</h1>"), 200, "text/html", "<h1>Busy</h1>", ""},
		"redirect": {oidctest.Redirect(307, "https://evil.example/"), 307, "", "", "https://evil.example/"},
	} {
		p := signedIn(t, oidctest.Config{})
		refresh := p.login().RefreshToken
		remove := p.server.Intercept(oidctest.Token, c.fault)
		r := post(t, p.browser, p.oauth.Endpoint.TokenURL, url.Values{"client_id": {"app"}})
		if r.StatusCode != c.status || r.Header.Get("Content-Type") != c.contentType || r.Header.Get("Location") != c.location || text(t, r) != c.body {
			t.Errorf("%s: %s %v", name, r.Status, r.Header)
		}
		remove()
		if _, err := p.refresh(refresh); err != nil {
			t.Errorf("%s, removed: %v", name, err)
		}
	}
}

func TestTokenResponse(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	p.server.OnAnswer(oidctest.Token, func(d map[string]any) { d["expires_in"] = "3600" })
	p.server.OnAnswer(oidctest.Token, func(d map[string]any) { d["token_type"] = "DPoP"; delete(d, "id_token") })
	token := p.login()
	if token.ExpiresIn != 3600 || token.TokenType != "DPoP" || idToken(token) != "" {
		t.Errorf("token %+v", token)
	}
}

// A dropped request was not heard; of a lost answer the deed was done.
func TestLostConnections(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	for _, c := range []struct {
		fault oidctest.Fault
		want  string
	}{
		{oidctest.Drop(), ""},
		{oidctest.LoseAnswer(), "invalid_grant"},
	} {
		token := p.login().RefreshToken
		p.server.Intercept(oidctest.Token, oidctest.Next(1, c.fault))
		if _, err := p.refresh(token); err == nil || errors.As(err, new(*oauth2.RetrieveError)) {
			t.Errorf("an answer came: %v", err)
		}
		if _, err := p.refresh(token); errorCode(err) != c.want {
			t.Errorf("the second try: %v, want %q", err, c.want)
		}
	}
	if p.server.Reuses() != 1 {
		t.Errorf("%d reuses", p.server.Reuses())
	}
}

func TestNextAndWhen(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	renewals := func(r *http.Request) bool { return r.PostForm.Get("grant_type") == "refresh_token" }
	p.server.Intercept(oidctest.Every, oidctest.When(renewals, oidctest.Next(2, oidctest.Status(500))))
	token := p.login().RefreshToken
	for i, failing := range []bool{true, true, false} {
		if _, err := p.refresh(token); (err != nil) != failing {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

func TestHold(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	token := p.login().RefreshToken
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	p.server.Intercept(oidctest.Token, oidctest.Hold(release))
	p.server.Intercept(oidctest.Token, func(next http.Handler) http.Handler { // any middleware will do
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			next.ServeHTTP(w, r)
		})
	})
	answered := make(chan error)
	go func() {
		_, err := p.refresh(token)
		answered <- err
	}()
	<-arrived
	select {
	case err := <-answered:
		t.Fatalf("answered at once: %v", err)
	default:
	}
	close(release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestDelayAndSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, fault := range map[string]oidctest.Fault{
			"delay": oidctest.Delay(time.Minute),
			"slow":  oidctest.Slow(time.Second),
		} {
			p := oidctest.NewProvider(oidctest.Config{Algorithm: "ES256"})
			p.Intercept(oidctest.JWKS, fault)
			began := time.Now()
			r := call(t.Context(), p, "/jwks")
			if took := time.Since(began); r.err != nil || took < time.Minute || !strings.HasSuffix(r.body, "}]}") {
				t.Errorf("%s: %q, %v after %v", name, r.body, r.err, took)
			}
		}
	})
}

// What hangs is let go when the client is gone, and when the provider closes.
func TestHangIsReleased(t *testing.T) {
	for name, fault := range map[string]oidctest.Fault{
		"hang":    oidctest.Hang(),
		"delay":   oidctest.Delay(time.Hour),
		"slow":    oidctest.Slow(time.Hour),
		"endless": oidctest.Endless(),
	} {
		p := oidctest.NewProvider(oidctest.Config{Algorithm: "ES256"})
		p.Intercept(oidctest.JWKS, fault)
		for _, end := range []func(gone context.CancelFunc){
			func(gone context.CancelFunc) { gone() },
			func(context.CancelFunc) { p.Close() },
		} {
			ctx, gone := context.WithCancel(t.Context())
			ended := make(chan answer)
			go func() { ended <- call(ctx, p, "/jwks") }()
			end(gone)
			if r := <-ended; r.err != http.ErrAbortHandler {
				t.Errorf("%s: %v", name, r.err)
			}
			gone()
		}
	}
}

// A server closes although requests hang in it.
func TestClose(t *testing.T) {
	server := oidctest.NewServer(nil, oidctest.Config{})
	server.Intercept(oidctest.Every, oidctest.Hang())
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if r, err := server.Client().PostForm(server.URL+"/token", url.Values{"a": {"b"}}); err == nil {
				t.Errorf("answered %s", r.Status)
			}
		})
	}
	for server.Calls(oidctest.Token) < 5 {
		time.Sleep(time.Millisecond)
	}
	server.Close()
	all.Wait()
}

func TestBombs(t *testing.T) {
	for name, fault := range map[string]oidctest.Fault{
		"endless": oidctest.Endless(),
		"gzip":    oidctest.GzipBomb(),
	} {
		server := oidctest.NewServer(t, oidctest.Config{})
		server.Intercept(oidctest.Discovery, fault)
		r, err := server.Client().Get(server.URL + "/.well-known/openid-configuration")
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.CopyN(io.Discard, r.Body, 8<<20)
		if err != nil || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		r.Body.Close()
	}
}

func TestRequests(t *testing.T) {
	p := signedIn(t, oidctest.Config{})
	p.login()
	requests := p.server.Requests(oidctest.Token)
	if len(requests) != 1 || requests[0].Form.Get("code_verifier") != verifier || requests[0].Method != "POST" ||
		requests[0].Header.Get("Authorization") == "" || requests[0].URL.Path != "/token" {
		t.Errorf("requests %+v", requests)
	}
	if all := p.server.Requests(oidctest.Every); len(all) != p.server.Calls(oidctest.Every) || len(all) != 3 {
		t.Errorf("%d requests, %d calls", len(all), p.server.Calls(oidctest.Every))
	}
	for range 1200 {
		call(t.Context(), p.server.Provider, "/jwks")
	}
	if kept := p.server.Requests(oidctest.JWKS); p.server.Calls(oidctest.JWKS) != 1200 || len(kept) != 1000 {
		t.Errorf("%d calls, %d kept", p.server.Calls(oidctest.JWKS), len(kept))
	}
	if r := post(t, p.browser, p.server.URL+"/token", url.Values{"x": {strings.Repeat("x", 1<<20)}}); r.StatusCode != 400 {
		t.Errorf("a large body: %s", r.Status)
	}
	if r := get(t, p.browser, p.server.URL+"/elsewhere"); r.StatusCode != 404 {
		t.Errorf("no endpoint: %s", r.Status)
	}
}

func TestTLS(t *testing.T) {
	server := oidctest.NewTLSServer(t, oidctest.Config{Algorithm: "ES256"})
	server.SignIn(alice())
	p := newParty(t, server)
	if !strings.HasPrefix(server.Issuer(), "https://") {
		t.Errorf("issuer %s", server.Issuer())
	}
	p.claims(p.login())
}
