package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestPushedRequests(t *testing.T) {
	for name, c := range map[string]struct {
		providing oidctest.Config
		change    func(*oidc.Config)
		pushed    int
	}{
		"not asked for": {oidctest.Config{}, nil, 0},
		"configured":    {oidctest.Config{}, func(c *oidc.Config) { c.PushedRequests = true }, 1},
		"required":      {oidctest.Config{RequirePushed: true}, nil, 1},
		"form post":     {oidctest.Config{RequirePushed: true}, func(c *oidc.Config) { c.ClientAuth = "client_secret_post" }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParty(t, c.providing, c.change)
			asked := request
			asked.Params = url.Values{"request_uri": {"https://evil.example/"}, "dpop_jkt": {"planted"}, "ui_locales": {"de"}}
			location, err := p.client.AuthCodeURL(t.Context(), asked)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(location)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.provider.Calls(oidctest.PushedRequest); got != c.pushed {
				t.Fatalf("%d pushed, want %d", got, c.pushed)
			}
			if u.Query().Has("dpop_jkt") {
				t.Error("a dpop_jkt that is nobody's was sent")
			}
			if c.pushed == 0 {
				return
			}
			if query := u.Query(); len(query) != 2 || query.Get("client_id") != "app" || !strings.HasPrefix(query.Get("request_uri"), "urn:") {
				t.Errorf("the browser is sent with %v", query)
			}
			form := p.provider.Requests(oidctest.PushedRequest)[0].Form
			if form.Get("state") != "state" || form.Get("ui_locales") != "de" || form.Has("request_uri") {
				t.Errorf("pushed %v", form)
			}
			if _, err := p.signIn(request); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPushedRequestsThatFail(t *testing.T) {
	pushing := func(c *oidc.Config) { c.PushedRequests = true }
	for name, c := range map[string]struct {
		hostile func(*oidctest.Server)
		want    error
		says    string
	}{
		"no endpoint": {func(s *oidctest.Server) {
			s.OnAnswer(oidctest.Discovery, func(d map[string]any) { delete(d, "pushed_authorization_request_endpoint") })
		}, oidc.ErrClient, "pushed_authorization_request_endpoint"},
		"over http": {func(s *oidctest.Server) {
			s.OnAnswer(oidctest.Discovery, func(d map[string]any) {
				d["pushed_authorization_request_endpoint"] = "http://idp.example.com/par"
			})
		}, oidc.ErrToken, "pushed_authorization_request_endpoint"},
		"refused": {func(s *oidctest.Server) {
			s.Intercept(oidctest.PushedRequest, oidctest.OAuthError(400, "invalid_scope", "canary"))
		}, oidc.ErrClient, "invalid_scope"},
		"unauthenticated": {func(s *oidctest.Server) { s.Intercept(oidctest.PushedRequest, oidctest.Status(401)) }, oidc.ErrClient, "401"},
		"down":            {func(s *oidctest.Server) { s.Intercept(oidctest.PushedRequest, oidctest.Status(503)) }, oidc.ErrUnavailable, "503"},
		"too many":        {func(s *oidctest.Server) { s.Intercept(oidctest.PushedRequest, oidctest.Status(429)) }, oidc.ErrUnavailable, "429"},
		"busy": {func(s *oidctest.Server) {
			s.Intercept(oidctest.PushedRequest, oidctest.OAuthError(400, "temporarily_unavailable", "canary"))
		}, oidc.ErrUnavailable, "temporarily_unavailable"},
		"dropped": {func(s *oidctest.Server) { s.Intercept(oidctest.PushedRequest, oidctest.Drop()) }, oidc.ErrUnavailable, ""},
		"redirected": {func(s *oidctest.Server) {
			s.Intercept(oidctest.PushedRequest, oidctest.Redirect(307, "https://evil.example/"))
		}, oidc.ErrUnavailable, "307"},
		"a bomb": {func(s *oidctest.Server) { s.Intercept(oidctest.PushedRequest, oidctest.GzipBomb()) }, oidc.ErrUnavailable, ""},
		"no JSON": {func(s *oidctest.Server) {
			s.Intercept(oidctest.PushedRequest, oidctest.Body(201, "text/html", "canary"))
		}, oidc.ErrUnavailable, ""},
		"no reference": {func(s *oidctest.Server) {
			s.OnAnswer(oidctest.PushedRequest, func(d map[string]any) { delete(d, "request_uri") })
		}, oidc.ErrToken, "request_uri"},
		"a number": {func(s *oidctest.Server) {
			s.OnAnswer(oidctest.PushedRequest, func(d map[string]any) { d["request_uri"] = 7 })
		}, oidc.ErrToken, "request_uri"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParty(t, oidctest.Config{}, pushing)
			c.hostile(p.provider)
			_, err := p.client.AuthCodeURL(t.Context(), request)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v, want %v that says %q", err, c.want, c.says)
			}
		})
	}
}

// Strangers begin sign-ins, and at most so many of them reach the provider at once.
func TestPushedRequestsAtOnce(t *testing.T) {
	p := newParty(t, oidctest.Config{RequirePushed: true}, nil)
	if _, err := p.client.AuthCodeURL(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	release, arrived := make(chan struct{}), make(chan struct{}, 200)
	hold := oidctest.Hold(release)
	p.provider.Intercept(oidctest.PushedRequest, func(next http.Handler) http.Handler {
		held := hold(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			held.ServeHTTP(w, r)
		})
	})
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, err := p.client.AuthCodeURL(t.Context(), request); err != nil {
				t.Error(err)
			}
		})
	}
	for range 64 {
		<-arrived
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.client.AuthCodeURL(gone, request); !errors.Is(err, oidc.ErrUnavailable) {
		t.Errorf("one more: %v", err)
	}
	if n := p.provider.Calls(oidctest.PushedRequest); n != 1+64 {
		t.Errorf("%d pushed at once", n-1)
	}
	close(release)
	wg.Wait()
}
