package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// judge is a test that notes its failures.
type judge struct {
	cleanups []func()
	failures []string
}

func (j *judge) Helper() {}
func (j *judge) Errorf(format string, args ...any) {
	j.failures = append(j.failures, fmt.Sprintf(format, args...))
}
func (j *judge) Cleanup(f func()) { j.cleanups = append(j.cleanups, f) }

// verdict ends a test, and returns its failures.
func verdict(test func(*Watch)) []string {
	j := &judge{}
	test(New(j))
	for _, f := range slices.Backward(j.cleanups) {
		f()
	}
	return j.failures
}

// leaky is an error that says too much when it is printed by a verb.
type leaky struct{ Said string }

func (leaky) Error() string { return "nothing" }

// TestLeaksAreFound: a secret of every kind, wherever it comes to light and however it
// is spelt, fails the test that it leaks in, which says where and never what.
func TestLeaksAreFound(t *testing.T) {
	const secret = "s3cret/+value=="
	for _, kind := range Kinds() {
		for place, leak := range map[string]func(w *Watch){
			"the log":                      func(w *Watch) { w.Logger(io.Discard).Debug("x", "y", "before "+secret+" after") },
			"what the log was given as y":  func(w *Watch) { slog.New(w.Handler(slog.DiscardHandler)).Info("x", "y", leaky{secret}) },
			"the log, before its birth":    func(w *Watch) { w.Look("the log, before its birth", secret) },
			"an error":                     func(w *Watch) { _ = w.Error("an error", fmt.Errorf("wrapped: %w", leaky{secret})) },
			"one of many errors":           func(w *Watch) { _ = w.Error("one of many errors", errors.Join(io.EOF, leaky{secret})) },
			"a page's body":                func(w *Watch) { w.Response("a page", http.StatusOK, nil, secret) },
			"a problem's body":             func(w *Watch) { w.Response("a problem", http.StatusForbidden, nil, secret, Kinds()...) },
			"a page's header X-Y":          func(w *Watch) { w.Response("a page", http.StatusOK, http.Header{"X-Y": {secret}}, "") },
			"a recorder's header X-Y":      func(w *Watch) { w.Recorder("a recorder").Header().Set("X-Y", secret) },
			"hexadecimal":                  func(w *Watch) { w.Look("hexadecimal", hex.EncodeToString([]byte(secret))) },
			"base64":                       func(w *Watch) { w.Look("base64", base64.StdEncoding.EncodeToString([]byte(secret))) },
			"an address":                   func(w *Watch) { w.Look("an address", url.QueryEscape(secret)) },
			"bytes":                        func(w *Watch) { w.Look("bytes", fmt.Sprint([]byte(secret))) },
			"bytes as Go writes them":      func(w *Watch) { w.Look("bytes as Go writes them", fmt.Sprintf("%#v", []byte(secret))) },
			"where another kind is let be": func(w *Watch) { w.Look("where another kind is let be", secret, "another") },
		} {
			failures := verdict(func(w *Watch) {
				leak(w)
				w.Secret(kind, secret)
			})
			want := fmt.Sprintf("canary: a secret (%s) is in %s", kind, place)
			if !slices.Contains(failures, want) || strings.Contains(strings.Join(failures, ""), secret) {
				t.Errorf("%q, want %q", failures, want)
			}
		}
	}
}

// TestNoFalseAlarm: what is no secret, or may be where it is, fails nothing.
func TestNoFalseAlarm(t *testing.T) {
	for name, test := range map[string]func(w *Watch){
		"nothing":        func(*Watch) {},
		"too short":      func(w *Watch) { w.Secret(ClientSecret, "secret"); w.Look("the log", "secret") },
		"something else": func(w *Watch) { w.Secret(Code, "a-code-of-the-provider"); w.Look("the log", "another text") },
		"a cookie that is set": func(w *Watch) {
			w.Response("a page", http.StatusOK, http.Header{"Set-Cookie": {"session=sealed-and-long; Path=/"}}, "")
		},
		"a state on its way": func(w *Watch) {
			w.Secret(State, "a-state-that-is-sealed")
			w.Response("a page", http.StatusFound, http.Header{"Location": {"https://idp.example?state=a-state-that-is-sealed"}}, "")
		},
		"a token that a handler shows": func(w *Watch) {
			w.Secret(AccessToken, "a-token-of-somebody")
			w.Response("a page", http.StatusOK, nil, "a-token-of-somebody", Shown()...)
		},
	} {
		if failures := verdict(test); len(failures) > 0 {
			t.Errorf("%s: %q", name, failures)
		}
	}
}

// TestBirths: where secrets are noted by what carries them.
func TestBirths(t *testing.T) {
	var out bytes.Buffer
	failures := verdict(func(w *Watch) {
		w.Form(url.Values{"code": {"the-code-itself"}, "client_assertion": {"header.payload-of-it.signature-of-it"}, "grant_type": {"authorization_code"}})
		w.Address("https://app.example/callback?state=the-state-itself&iss=https://idp.example")
		w.Header(http.Header{
			"Authorization": {"DPoP the-token-itself", "Basic " + base64.StdEncoding.EncodeToString([]byte("app:the%2Fsecret%2Fitself"))},
			"Cookie":        {"a=the-cookie-itself; b=short"}, "Set-Cookie": {"c=the-new-cookie-itself"},
		})
		for kind, want := range map[Kind]int{Code: 1, Assertion: 3, State: 1, AccessToken: 1, ClientSecret: 2, Cookie: 2} {
			if got := len(w.Of(kind)); got != want {
				t.Errorf("%d of %s, want %d", got, kind, want)
			}
		}
		w.Logger(&out).Info("authorization_code payload-of-it")
	})
	if len(failures) != 1 || !strings.Contains(failures[0], string(Assertion)) || !strings.Contains(out.String(), "payload") {
		t.Errorf("%q, %s", failures, &out)
	}
}

// TestTransport notes what goes by, and looks at those answers that it is to.
func TestTransport(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "a-cookie-of-somebody"})
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusForbidden)
		}
		fmt.Fprint(w, "a-code-of-somebody, a-token-of-somebody, a-cookie-of-somebody")
	}))
	defer server.Close()
	for path, want := range map[string][]Kind{"/elsewhere": {}, "/page": {Code, Cookie}, "/refused": {AccessToken, Code, Cookie}} {
		failures := verdict(func(w *Watch) {
			client := &http.Client{Transport: w.Transport(http.DefaultTransport, func(u *url.URL) bool { return u.Path != "/elsewhere" })}
			r, err := http.NewRequest(http.MethodGet, server.URL+path+"?code=a-code-of-somebody", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer a-token-of-somebody")
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if body, err := io.ReadAll(res.Body); err != nil || len(body) == 0 {
				t.Errorf("%q, %v", body, err)
			}
		})
		var found []Kind
		for _, kind := range Kinds() {
			if strings.Contains(strings.Join(failures, ""), "("+string(kind)+")") {
				found = append(found, kind)
			}
		}
		slices.Sort(found)
		if !slices.Equal(found, want) {
			t.Errorf("%s: %q, want %q", path, failures, want)
		}
	}
}
