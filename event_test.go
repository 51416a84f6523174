package gatehouse_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestEveryEvent: what happened, how it ended, why and to whom, each on one line.
func TestEveryEvent(t *testing.T) {
	admit := func(err error) func(*gatehouse.Config) {
		return func(c *gatehouse.Config) {
			c.Admit = func(_ context.Context, a *gatehouse.Admission) error {
				if a.Renewal || a.Claims["sub"] == "mallory" {
					return err
				}
				return nil
			}
		}
	}
	refused := &gatehouse.Error{Status: http.StatusForbidden, Message: "You have left the company."}
	callback := func(change func(url.Values)) func(*world, *browser) {
		return func(w *world, _ *browser) {
			b := w.browser()
			target := parse(t, b.callback("/me"))
			values := target.Query()
			change(values)
			target.RawQuery = values.Encode()
			b.get(target.String())
		}
	}
	renewal := func(prepare func(*world)) func(*world, *browser) {
		return func(w *world, b *browser) {
			prepare(w)
			w.clock.advance(due)
			b.get("/me")
		}
	}
	failing := func(e oidctest.Endpoint) func(*world) {
		return func(w *world) { w.provider.Intercept(e, oidctest.Status(http.StatusInternalServerError)) }
	}
	signOut := func(w *world, b *browser) { b.send(http.MethodPost, "/auth/logout", navigation, "") }
	for name, c := range map[string]struct {
		gate     func(*gatehouse.Config)
		provider func(*oidctest.Config)
		do       func(w *world, b *browser) // b is signed in
		want     string                     // parts of one line, separated by " | "
	}{
		"sign-in":                  {do: func(*world, *browser) {}, want: "level=INFO | event=sign-in outcome=ok iss=http | sub=alice"},
		"callback, foreign state":  {do: callback(func(v url.Values) { v.Set("state", "x") }), want: "level=WARN | event=sign-in outcome=failed | state is not ours"},
		"callback, code twice":     {do: callback(func(v url.Values) { v.Add("code", "x") }), want: "level=WARN | event=sign-in outcome=failed | code stands 2 times"},
		"callback, foreign issuer": {do: callback(func(v url.Values) { v.Set("iss", "https://evil.example") }), want: "level=WARN | event=sign-in outcome=failed | iss is another issuer"},
		"callback, unreadable":     {do: func(w *world, b *browser) { b.get("/auth/callback?%zz") }, want: "level=WARN | event=sign-in outcome=failed | reason="},
		"callback, error":          {do: callback(func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") }), want: "level=WARN | event=sign-in outcome=failed | access_denied"},
		"callback of another browser": {do: func(w *world, b *browser) {
			w.browser().get(w.browser().callback("/me"))
		}, want: "level=WARN | event=sign-in outcome=failed | without its flow cookie"},
		"callback, replayed": {do: func(w *world, _ *browser) {
			b := w.browser()
			target, thief := b.callback("/me"), w.browser()
			thief.keep(flowCookies(b.cookies()))
			b.get(target)
			thief.get(target)
		}, want: "level=WARN | event=sign-in outcome=failed | used before"},
		"code refused": {do: callback(func(v url.Values) { v.Set("code", "x") }), want: "level=WARN | event=sign-in outcome=failed | invalid_grant"},
		"ID token refused": {do: func(w *world, b *browser) {
			said("nonce", "x")(w)
			w.browser().visit("/me")
		}, want: "level=WARN | event=sign-in outcome=failed | nonce is of another sign-in"},
		"sign-in refused": {gate: admit(refused), do: func(w *world, b *browser) {
			w.provider.SignIn(oidctest.User{Subject: "mallory"})
			w.browser().visit("/me")
		}, want: "level=WARN | event=sign-in outcome=refused | You have left the company. | sub=mallory"},
		"renewal":         {do: renewal(func(*world) {}), want: "level=INFO | event=renewal outcome=ok | sub=alice"},
		"renewal refused": {gate: admit(refused), do: renewal(func(*world) {}), want: "level=INFO | event=renewal outcome=ended | left the company | sub=alice"},
		"renewal over":    {do: renewal(func(w *world) { w.provider.RevokeUser("alice") }), want: "level=INFO | event=renewal outcome=ended | invalid_grant | sub=alice"},
		"renewal unbelievable": {do: renewal(said("sub", "mallory")),
			want: "level=INFO | event=renewal outcome=ended | sub has changed | sub=alice"},
		"renewal failed":          {do: renewal(failing(oidctest.Token)), want: "level=WARN | event=renewal outcome=failed | status 500 | sub=alice"},
		"userinfo failed":         {do: renewal(failing(oidctest.Userinfo)), want: "level=WARN | event=userinfo outcome=failed | status 500 | sub=alice"},
		"Admit failed at renewal": {gate: admit(errors.New("database away")), do: renewal(func(*world) {}), want: "level=ERROR | event=admission outcome=failed | database away | sub=alice"},
		"no refresh token": {provider: func(c *oidctest.Config) { c.RefreshTokens = oidctest.RefreshNever }, do: func(w *world, b *browser) {
			w.clock.advance(dead)
			b.get("/me")
		}, want: "level=INFO | event=\"session ended\" outcome=ok | no refresh token | sub=alice"},
		"sign-out": {do: signOut, want: "level=INFO | event=sign-out outcome=ok | sub=alice"},
		"revocation failed": {do: func(w *world, b *browser) {
			failing(oidctest.Revocation)(w)
			signOut(w, b)
		}, want: "level=WARN | event=revocation outcome=failed | status 500 | sub=alice"},
		"rule": {do: func(w *world, b *browser) {
			w.provider.SignIn(oidctest.User{Subject: "bob"})
			w.browser().visit("/admin")
		}, want: "level=INFO | event=access outcome=denied reason= | method=GET path=/admin | who.sub=bob"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{gate: c.gate, provider: c.provider})
			c.do(w, w.browser().signIn())
			found := 0
			for line := range strings.Lines(w.log.String()) {
				if !strings.HasPrefix(line, "time=") {
					t.Errorf("a line that nobody wrote: %q", line)
				}
				if all(line, strings.Split(c.want, " | ")) {
					found++
				}
			}
			if found != 1 {
				t.Errorf("%d lines with %q:\n%s", found, c.want, w.log)
			}
		})
	}
}

func all(line string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(line, part) {
			return false
		}
	}
	return true
}

// TestForgedEvents: what strangers and providers write ends no line of the log
// and begins none.
func TestForgedEvents(t *testing.T) {
	const forged = "x\r\ntime=2026-11-25T00:00:00Z level=INFO msg=\"gatehouse: sign-in\" event=sign-in outcome=ok sub=root\u2028\x1b[2J"
	w := newWorld(t, setup{})
	w.provider.SignIn(oidctest.User{Subject: forged, Claims: map[string]any{"roles": []string{forged}}})
	b := w.browser().signIn()
	b.get("/admin").want(t, http.StatusForbidden)
	b.get("/auth/callback?" + url.Values{"error": {forged}, "state": {forged + "!"}, "error_description": {forged}}.Encode())
	b.get("/orders/" + url.PathEscape(forged))
	w.provider.Intercept(oidctest.Token, oidctest.OAuthError(http.StatusBadRequest, forged, forged))
	w.clock.advance(due)
	b.get("/me")
	w.browser().visit("/me")
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, "sub=root") && (!strings.HasPrefix(line, "time=") || strings.HasPrefix(line, "time=2026-11-25T00:00:00Z ")) || strings.Contains(line, "\x1b") || strings.Contains(line, "\u2028") {
			t.Errorf("forged: %q", line)
		}
	}
}
