package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// said is what the program prints.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) addresses() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return regexp.MustCompile(`http://[a-z0-9.:]+`).FindAllString(s.text.String(), -1)
}

// start runs the program and returns where shop, orders API, worker and provider are.
func start(t *testing.T) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, done := new(said), make(chan error, 1)
	go func() { done <- run(ctx, out, "127.0.0.1:0") }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for range 500 {
		if found := out.addresses(); len(found) == 4 {
			return found
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the program doesn't start")
	return nil
}

type visitor struct {
	*testing.T
	client *http.Client
}

func newVisitor(t *testing.T) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return visitor{t, &http.Client{Jar: jar}}
}

func (v visitor) send(method, address string, form url.Values) (int, string, *url.URL) {
	v.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := v.client.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.Fatal(err)
	}
	return res.StatusCode, string(body), res.Request.URL
}

// signIn answers the provider's form, which has the request's parameters in it.
func (v visitor) signIn(shop, subject string) string {
	v.Helper()
	_, _, at := v.send(http.MethodGet, shop+"/", nil)
	form := at.Query()
	form.Set("subject", subject)
	at.RawQuery = ""
	status, body, _ := v.send(http.MethodPost, at.String(), form)
	if status != http.StatusOK {
		v.Fatalf("%d: %s", status, body)
	}
	return body
}

func TestServices(t *testing.T) {
	where := start(t)
	alice, bob := newVisitor(t), newVisitor(t)
	if body := alice.signIn(where[0], "alice"); !strings.Contains(body, "Orders of alice") || !strings.Contains(body, "none yet") {
		t.Errorf("the shop shows %s", body)
	}
	status, body, _ := alice.send(http.MethodPost, where[0]+"/orders", nil)
	if status != http.StatusOK || !strings.Contains(body, "a chair: packed") {
		t.Errorf("after an order: %d %s", status, body)
	}
	if body := bob.signIn(where[0], "bob"); !strings.Contains(body, "none yet") {
		t.Errorf("bob sees %s", body)
	}
}

// Nobody gets past a service without the token that is for it.
func TestServicesRefuseStrangers(t *testing.T) {
	where := start(t)
	stranger := newVisitor(t)
	for _, c := range []struct{ method, address string }{
		{http.MethodGet, where[1] + "/orders"},
		{http.MethodPost, where[1] + "/orders"},
		{http.MethodPost, where[1] + "/orders/0/packed"},
		{http.MethodPost, where[2] + "/jobs/0"},
	} {
		if status, body, _ := stranger.send(c.method, c.address, nil); status != http.StatusUnauthorized {
			t.Errorf("%s %s: %d %s", c.method, c.address, status, body)
		}
	}
	if status, body, _ := stranger.send(http.MethodGet, where[1]+"/jwks", nil); status != http.StatusOK || !strings.Contains(body, "ES256") {
		t.Errorf("jwks: %d %s", status, body)
	}
}
