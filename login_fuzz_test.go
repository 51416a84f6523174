package gatehouse

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/returnto"
)

// local reports whether an address in a Location leads to a path of this origin.
func local(location string) bool {
	path, ok := returnto.Local(location)
	return ok && path == location
}

// checkAuthorization fails the test unless a Location is an authorization request of
// ours, for this application, which comes back to a page of it.
func (fz *fuzzed) checkAuthorization(t *testing.T, location, about string) {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil || u.Scheme+"://"+u.Host+u.Path != fuzzIssuer+"/authorize" || u.User != nil || u.Fragment != "" {
		t.Fatalf("%q leads to %q", about, location)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		t.Fatalf("%q leads to %q: %v", about, location, err)
	}
	for name, values := range query {
		if len(values) != 1 || slices.Contains([]string{"request", "request_uri", "response_mode", "dpop_jkt"}, name) {
			t.Errorf("%q asks %s=%q", about, name, values)
		}
	}
	for name, want := range map[string]string{
		"client_id": "app", "response_type": "code", "redirect_uri": fuzzBase + "/auth/callback", "scope": "openid", "code_challenge_method": "S256",
	} {
		if query.Get(name) != want {
			t.Errorf("%q asks %s=%q", about, name, query.Get(name))
		}
	}
	came, err := fz.flows.open(query.Get("state"))
	if err != nil || !local(came.returnTo) || !fz.leadsOn(came.returnTo) {
		t.Errorf("%q comes back to %q, %v", about, came.returnTo, err)
	}
	if len(query.Get("nonce")) != 43 || len(query.Get("code_challenge")) != 43 {
		t.Errorf("%q is not held by a nonce and a challenge: %s", about, location)
	}
}

// FuzzLogin: whatever a link or a form asks for, the browser is sent to the provider
// with a request of ours, and comes back to a page of the application.
func FuzzLogin(f *testing.F) {
	fz := newFuzzed(f, nil)
	f.Fuzz(func(t *testing.T, query string, posted bool) {
		r := httptest.NewRequest(http.MethodGet, "/auth/login", nil)
		r.URL.RawQuery = query
		if posted {
			r = httptest.NewRequest(http.MethodPost, "/auth/login", strings.NewReader(query))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := httptest.NewRecorder()
		fz.Endpoints().ServeHTTP(w, r)
		switch w.Code {
		case http.StatusFound, http.StatusSeeOther:
			fz.checkAuthorization(t, w.Header().Get("Location"), query)
		case http.StatusBadRequest:
			if w.Header().Get("Location") != "" || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("%q: refused with %v", query, w.Header())
			}
		default:
			t.Errorf("%q: %d", query, w.Code)
		}
	})
}

// FuzzPage: whatever path a stranger asks for, with whatever header, the handler
// behind the gate doesn't run, nobody but the provider is where they are sent, and
// they come back here.
func FuzzPage(f *testing.F) {
	fz := newFuzzed(f, nil)
	ran := false
	handler := fz.Wrap(fz.RequireLogin(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })))
	f.Fuzz(func(t *testing.T, raw, name, value string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil || !strings.HasPrefix(raw, "/") || strings.HasPrefix(u.Path, "/auth/") {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL, r.RequestURI = u, raw
		r.Header.Set("Accept", "text/html")
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
		if name == "Host" {
			r.Host = value
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if ran {
			t.Fatalf("%q: the handler ran, with %s: %q", raw, name, value)
		}
		switch w.Code {
		case http.StatusFound:
			fz.checkAuthorization(t, w.Header().Get("Location"), raw)
		case http.StatusUnauthorized:
			if location := w.Header().Get("Location"); location != "" {
				t.Errorf("%q: %q", raw, location)
			}
		default:
			t.Errorf("%q with %s: %q: %d", raw, name, value, w.Code)
		}
	})
}

// FuzzState: nothing that we didn't seal is a state, and what we did leads to a page
// of the application, whatever it says.
func FuzzState(f *testing.F) {
	fz := newFuzzed(f, nil)
	f.Fuzz(func(t *testing.T, text string, plain []byte) {
		if came, err := fz.flows.open(text); err == nil {
			t.Fatalf("%q is a state: %+v", text, came)
		}
		if err := fz.readStepUp(text, &Login{}); err == nil {
			t.Fatalf("%q is a step-up", text)
		}
		sealed, err := fz.flows.codec.Encode("state", plain)
		if err != nil {
			return
		}
		if err := fz.readStepUp(sealed, &Login{}); err == nil {
			t.Fatal("a state is a step-up")
		}
		if _, err := fz.sessions.Open(sealed); err == nil {
			t.Fatal("a state is a session")
		}
		came, err := fz.flows.open(sealed)
		if (err == nil) != (len(plain) >= flowIDLength) {
			t.Fatalf("%x: %v", plain, err)
		}
		if err != nil {
			return
		}
		if page := fz.local(came.returnTo); !local(page) || !fz.leadsOn(page) {
			t.Fatalf("%x leads to %q", plain, page)
		}
		if link := fz.loginPath(came.returnTo); !local(link) {
			t.Fatalf("%x has the link %q", plain, link)
		}
	})
}

// FuzzStepUp: whatever a sealed link asks for, it is classes and an age that the
// provider can be asked for, and no weaker sign-in than is configured.
func FuzzStepUp(f *testing.F) {
	configured := time.Duration(0)
	fz := newFuzzed(f, nil)
	f.Fuzz(func(t *testing.T, plain []byte, maxAge int64) {
		configured = time.Duration(maxAge%(1<<31)) * time.Second
		fz.config.MaxAge = configured
		sealed, err := fz.flows.codec.Encode("step-up", plain)
		if err != nil {
			return
		}
		if _, err := fz.flows.open(sealed); err == nil {
			t.Fatal("a step-up is a state")
		}
		var login Login
		if err := fz.readStepUp(sealed, &login); err != nil {
			return
		}
		if login.MaxAge != nil && (*login.MaxAge <= 0 || configured != 0 && *login.MaxAge > max(configured, 0)) {
			t.Fatalf("%x asks for %v where %v is configured", plain, *login.MaxAge, configured)
		}
		for _, class := range login.ACRValues {
			if class == "" || strings.ContainsAny(class, " \r\n\t") {
				t.Fatalf("%x asks for %q", plain, login.ACRValues)
			}
		}
	})
}
