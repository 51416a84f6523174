package main

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// TestReplicas goes the way of somebody who tries it: signs in, is served by
// every replica, is renewed, outlives two of them, and signs out of all.
func TestReplicas(t *testing.T) {
	needRedis(t)
	for name, cookies := range map[string]bool{"sessions in Redis": false, "sessions in cookies": true} {
		t.Run(name, func(t *testing.T) {
			running, err := start(t.Context(), options{addr: "127.0.0.1:0", replicas: 3, cookies: cookies, tokenLifetime: 3 * time.Second, out: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(running.stop)
			b := newBrowser(t, running.site)
			form := b.get("/me")
			b.post(form.url, url.Values{"subject": {"alice"}})
			served := map[string]bool{}
			for range 9 {
				served[b.get("/me").by] = true
			}
			if len(served) != 3 {
				t.Errorf("served by %v", served)
			}

			deadline := time.Now().Add(time.Minute)
			for calls := running.provider.Calls(oidctest.Token); running.provider.Calls(oidctest.Token) == calls; time.Sleep(100 * time.Millisecond) {
				b.want("/me", http.StatusOK, `"alice"`)
				if time.Now().After(deadline) {
					t.Fatal("it is never renewed")
				}
			}
			running.programs[1].end(syscall.SIGKILL)
			running.programs[2].end(syscall.SIGTERM)
			for range 6 {
				b.want("/me", http.StatusOK, `"alice"`)
			}
			if got := running.provider.Reuses(); got != 0 {
				t.Errorf("%d refresh tokens were used twice", got)
			}
			copied := clone(t, b.client.Jar, running.site)
			b.want("/auth/sessions", http.StatusOK, `"current":true`)
			b.post(running.site+"/auth/logout", nil)
			b.client.Jar = copied
			b.want("/api/me", http.StatusUnauthorized, "login_url")
		})
	}
}

// TestUsualAddressIsTaken: another program at the usual address is no reason not to
// start.
func TestUsualAddressIsTaken(t *testing.T) {
	if taken, err := net.Listen("tcp", usualAddr); err == nil {
		defer taken.Close()
	}
	l, err := listen("")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Addr().String() == usualAddr {
		t.Errorf("listens at %s, which is taken", l.Addr())
	}
}

// TestKilledInMidRenewal: the replica that renews is killed while the provider
// takes its time. Another one takes over: one more token request, and nobody is
// signed out.
func TestKilledInMidRenewal(t *testing.T) {
	needRedis(t)
	for name, cookies := range map[string]bool{"sessions in Redis": false, "sessions in cookies": true} {
		t.Run(name, func(t *testing.T) {
			running, err := start(t.Context(), options{addr: "127.0.0.1:0", replicas: 3, cookies: cookies, tokenLifetime: time.Second, out: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(running.stop)
			b := newBrowser(t, running.site)
			form := b.get("/me")
			b.post(form.url, url.Values{"subject": {"alice"}})
			time.Sleep(1100 * time.Millisecond) // the access token's life

			asked := make(chan struct{}, 1)
			forever := oidctest.Hold(nil) // or until nobody is there to be answered
			remove := running.provider.Intercept(oidctest.Token, oidctest.Next(1, func(next http.Handler) http.Handler {
				next = forever(next)
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked <- struct{}{}
					next.ServeHTTP(w, r)
				})
			}))
			defer remove()
			running.provider.Configure(func(c *oidctest.Config) { c.AccessTokenLifetime = time.Minute })
			calls := running.provider.Calls(oidctest.Token)
			victim := running.programs[1]
			r, err := http.NewRequest(http.MethodGet, "http://"+victim.addr+"/api/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			lost := make(chan error, 1)
			go func() { // its answer never comes
				res, err := (&http.Client{Jar: clone(t, b.client.Jar, running.site), Timeout: time.Minute}).Do(r)
				if err == nil {
					res.Body.Close()
				}
				lost <- err
			}()
			<-asked
			victim.end(syscall.SIGKILL)
			if err := <-lost; err == nil {
				t.Error("a killed replica answers")
			}
			began := time.Now()
			b.want("/api/me", http.StatusOK, `"alice"`)
			t.Logf("%s: served again %v after the replica that renewed was killed", name, time.Since(began).Round(time.Millisecond))
			for range 6 {
				b.want("/me", http.StatusOK, `"alice"`)
			}
			if more := running.provider.Calls(oidctest.Token) - calls; more != 2 || running.provider.Reuses() != 0 {
				t.Errorf("%d token requests, %d reuses", more, running.provider.Reuses())
			}
		})
	}
}

func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("REQUIRE_REDIS") != "" {
			t.Fatal("redis-server is not installed, and REQUIRE_REDIS is set")
		}
		t.Skip("redis-server is not installed (Debian's package redis-server)")
	}
}

func newBrowser(t *testing.T, site string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{T: t, site: site, client: &http.Client{Jar: jar, Timeout: time.Minute}}
}

type browser struct {
	*testing.T
	site   string
	client *http.Client
}

type answer struct {
	status        int
	url, by, body string
}

func (b *browser) do(r *http.Request) answer {
	b.Helper()
	res, err := b.client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	return answer{res.StatusCode, res.Request.URL.String(), res.Header.Get("X-Served-By"), string(body)}
}

func (b *browser) get(path string) answer {
	b.Helper()
	r, err := http.NewRequest(http.MethodGet, b.site+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if strings.HasPrefix(path, "/auth/") {
		r.Header.Set("Accept", "application/json")
	}
	return b.do(r)
}

func (b *browser) want(path string, status int, says string) {
	b.Helper()
	if got := b.get(path); got.status != status || !strings.Contains(got.body, says) {
		b.Errorf("%s: %d %s, want %d and %q", path, got.status, got.body, status, says)
	}
}

func (b *browser) post(address string, form url.Values) {
	b.Helper()
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := b.do(r); got.status != http.StatusOK {
		b.Fatalf("%s: %d %s", address, got.status, got.body)
	}
}

// clone returns a jar with the same cookies.
func clone(t *testing.T, jar http.CookieJar, site string) http.CookieJar {
	t.Helper()
	address, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	copied.SetCookies(address, jar.Cookies(address))
	return copied
}
