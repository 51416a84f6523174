package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/canary"
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

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *said) addresses() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return regexp.MustCompile(`http://[a-z0-9.:]+`).FindAllString(s.text.String(), -1)
}

// watches are what looks for secrets, by test.
var watches sync.Map

func watchOf(t *testing.T) *canary.Watch {
	t.Helper()
	if watch, ok := watches.Load(t); ok {
		return watch.(*canary.Watch)
	}
	watch := canary.New(t)
	watches.Store(t, watch)
	return watch
}

// start runs the program and returns where shop, orders API, worker and provider are.
func start(t *testing.T) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, done := new(said), make(chan error, 1)
	watch := watchOf(t)
	watch.Harvest(func() { watch.Look("what the program prints", out.String()) })
	go func() { done <- run(ctx, out, "127.0.0.1:0") }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for {
		if found := out.addresses(); len(found) == 4 {
			return found
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("the program doesn't start: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
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
	// Everything is on this machine, and the provider alone has to show what it asks.
	looked := func(u *url.URL) bool { return u.Path != "/authorize" }
	return visitor{t, &http.Client{Jar: jar, Transport: watchOf(t).Transport(http.DefaultTransport, looked)}}
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

// as is a request from somebody.
func as(method, path string, claims map[string]any) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	return r.WithContext(gatehouse.WithIdentity(r.Context(), gatehouse.NewIdentity(claims)))
}

var nowhere = addresses{shop: "http://127.0.0.1:1", orders: "http://127.0.0.1:2", worker: "http://127.0.0.1:3", issuer: "http://localhost:4"}

// TestNobodyIsTakenForTheWorker who is called what it is.
func TestNobodyIsTakenForTheWorker(t *testing.T) {
	orders, err := newOrders(nowhere, newSecrets())
	if err != nil {
		t.Fatal(err)
	}
	defer orders.gate.Close()
	orders.kept = []order{{For: "alice"}}
	for client, want := range map[string]int{shopClient: 403, "": 403, workerClient: 200} {
		w := httptest.NewRecorder()
		orders.ServeHTTP(w, as(http.MethodPost, "/orders/0/packed", map[string]any{"sub": workerClient, "client_id": client}))
		if w.Code != want {
			t.Errorf("by %q: %d %s", client, w.Code, w.Body)
		}
	}
}

// calls counts what is sent.
type calls struct{ sent []string }

func (c *calls) RoundTrip(r *http.Request) (*http.Response, error) {
	c.sent = append(c.sent, r.URL.RequestURI())
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// TestWorkerAsksForNothingElse: who has it pack an order chooses the order alone.
func TestWorkerAsksForNothingElse(t *testing.T) {
	worker, err := newWorker(nowhere, newSecrets())
	if err != nil {
		t.Fatal(err)
	}
	defer worker.gate.Close()
	for id, want := range map[string]int{"7": 200, "1%2fpacked%3f": 404, "..%2fx": 404, "-1": 404, "%2e%2e": 404, "7%3fa": 404} {
		var orders calls
		worker.orders = &http.Client{Transport: &orders}
		w := httptest.NewRecorder()
		worker.ServeHTTP(w, as(http.MethodPost, "/jobs/"+id, map[string]any{"sub": "alice"}))
		if w.Code != want || (len(orders.sent) == 1) != (want == 200) || want == 200 && orders.sent[0] != "/orders/7/packed" {
			t.Errorf("%s: %d, sent %q", id, w.Code, orders.sent)
		}
	}
}

// TestUsualAddressIsTaken: another program at the usual address is no reason not to
// start.
func TestUsualAddressIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	l, err := listen("", taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Addr().String() == taken.Addr().String() {
		t.Errorf("listens at %s, which is taken", l.Addr())
	}
}
