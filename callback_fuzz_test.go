package gatehouse

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzCallback: somebody is signed in by the provider's code, under the state and in
// the browser that began it, and by nothing else. STATE stands for such a state,
// and ISSUER for the issuer.
func FuzzCallback(f *testing.F) {
	gates := map[bool]*fuzzed{}
	var began flow
	for posted, mode := range map[bool]string{false: "query", true: "form_post"} {
		fz := newFuzzed(f, func(c *Config) { c.ResponseMode = mode })
		gates[posted] = fz
		fz.answers["/token"] = func(r *http.Request) string {
			if r.PostForm.Get("code") != "good" || r.PostForm.Get("code_verifier") != began.request().CodeVerifier {
				return ""
			}
			id := fz.sign("JWT", map[string]any{
				"iss": fuzzIssuer, "sub": "alice", "aud": "app", "iat": fz.now.Unix(), "exp": fz.now.Unix() + 300, "nonce": began.request().Nonce,
			})
			return `{"access_token":"an-access-token","token_type":"Bearer","expires_in":300,"id_token":"` + id + `"}`
		}
	}
	f.Fuzz(func(t *testing.T, query string, mine, posted bool) {
		fz := gates[posted]
		began = newFlow(fz.now, nil)
		sealed, err := fz.flows.seal(began, "/orders")
		if err != nil {
			t.Fatal(err)
		}
		set := httptest.NewRecorder()
		if err := fz.flows.keep(set, nil, began, false); err != nil {
			t.Fatal(err)
		}
		query = strings.NewReplacer("STATE", url.QueryEscape(sealed), "ISSUER", url.QueryEscape(fuzzIssuer)).Replace(query)
		r := httptest.NewRequest(http.MethodGet, "/auth/callback", nil)
		r.URL.RawQuery = query
		if posted {
			r = httptest.NewRequest(http.MethodPost, "/auth/callback", strings.NewReader(query))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.Header.Set("Accept", "text/html")
		if mine {
			for _, c := range set.Result().Cookies() {
				r.AddCookie(c)
			}
		}
		before := fz.calls["/token"]
		w := httptest.NewRecorder()
		fz.Endpoints().ServeHTTP(w, r)

		values, err := url.ParseQuery(query)
		answers := err == nil && mine && len(values["state"]) == 1 && values.Get("state") == sealed && len(values["iss"]) <= 1 &&
			(values.Get("iss") == "" || values.Get("iss") == fuzzIssuer) && len(values["code"]) == 1 && !values.Has("error")
		if asked := fz.calls["/token"] - before; asked > 1 || asked == 1 && !answers {
			t.Errorf("%q: %d calls of the token endpoint", query, asked)
		}
		signedIn := false
		for _, c := range w.Result().Cookies() {
			signedIn = signedIn || c.Name == fz.sessions.Name() && c.MaxAge >= 0
		}
		if signedIn != (answers && values.Get("code") == "good") {
			t.Errorf("%q, mine %v: signed in: %v", query, mine, signedIn)
		}
		location := w.Header().Get("Location")
		switch {
		case signedIn && location != "/orders", location != "" && !local(location):
			t.Errorf("%q leads to %q", query, location)
		case location == "" && w.Code != http.StatusBadRequest && w.Code != http.StatusForbidden && w.Code != http.StatusBadGateway:
			t.Errorf("%q: %d", query, w.Code)
		}
		if strings.Contains(strings.ToLower(w.Body.String()), "<script") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %v %s", query, w.Header(), w.Body)
		}
	})
}

// FuzzLogoutForm: sessions are ended by one logout token of the provider's, posted as
// a form, and nothing else is answered 200. TOKEN stands for such a token.
func FuzzLogoutForm(f *testing.F) {
	const form = "application/x-www-form-urlencoded"
	fz := newFuzzed(f, nil)
	n := 0
	f.Fuzz(func(t *testing.T, body, media string) {
		n++
		fz.now = fz.now.Add(time.Second)
		token := fz.sign("logout+jwt", map[string]any{
			"iss": fuzzIssuer, "aud": "app", "sub": "alice", "iat": fz.now.Unix(), "exp": fz.now.Unix() + 120, "jti": strings.Repeat("j", n%200+1) + fz.now.String(),
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		})
		body = strings.ReplaceAll(body, "TOKEN", token)
		r := httptest.NewRequest(http.MethodPost, "/auth/backchannel-logout", strings.NewReader(body))
		r.Header.Set("Content-Type", media)
		w := httptest.NewRecorder()
		fz.Endpoints().ServeHTTP(w, r)
		values, _ := url.ParseQuery(body)
		given := values["logout_token"]
		if w.Code != http.StatusBadRequest && (w.Code != http.StatusOK || len(given) != 1 || given[0] != token) {
			t.Errorf("%d for %s %q", w.Code, media, body)
		}
		if body == "logout_token="+token && media == form && w.Code != http.StatusOK {
			t.Errorf("%d for the provider's own", w.Code)
		}
		if w.Header().Get("Cache-Control") != "no-store" || len(w.Result().Cookies()) != 0 || w.Header().Get("Location") != "" {
			t.Errorf("%q: %v", body, w.Header())
		}
	})
}

// FuzzFrontchannel: a frame that the provider loads names the issuer and a session,
// each once, and what else comes changes nothing.
func FuzzFrontchannel(f *testing.F) {
	fz := newFuzzed(f, nil)
	bob, _ := fz.person(f, "bob")
	f.Fuzz(func(t *testing.T, query string) {
		query = strings.ReplaceAll(query, "ISSUER", url.QueryEscape(fuzzIssuer))
		fz.now = fz.now.Add(time.Millisecond)
		r := httptest.NewRequest(http.MethodGet, "/auth/frontchannel-logout", nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		fz.Endpoints().ServeHTTP(w, r)
		values, err := url.ParseQuery(query)
		named := err == nil && len(values["iss"]) == 1 && values.Get("iss") == fuzzIssuer && len(values["sid"]) == 1 && values.Get("sid") != "" && len(values.Get("sid")) <= 255
		if w.Code == http.StatusOK && !named || w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Errorf("%q: %d", query, w.Code)
		}
		if len(w.Result().Cookies()) != 0 || w.Header().Get("Location") != "" || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%q: %v %s", query, w.Header(), w.Body)
		}
		if denied, err := fz.denials.denied(t.Context(), bob); denied || err != nil {
			t.Fatalf("%q ends a session that it doesn't name: %v", query, err)
		}
	})
}

// FuzzSessionsForm: whatever somebody posts to the list of their sessions, nobody
// else's ends. SELF, OTHER and BOBS stand for the IDs of the session that posts, of
// another one of the same person's and of another person's.
func FuzzSessionsForm(f *testing.F) {
	fz := newFuzzed(f, nil)
	f.Fuzz(func(t *testing.T, body string) {
		fz.now = fz.now.Add(time.Minute)
		self, text := fz.person(t, "alice")
		other, _ := fz.person(t, "alice")
		bob, _ := fz.person(t, "bob")
		body = strings.NewReplacer("SELF", self.SessionID(), "OTHER", other.SessionID(), "BOBS", bob.SessionID()).Replace(body)
		r := httptest.NewRequest(http.MethodPost, "/auth/sessions", strings.NewReader(body))
		r.Header = http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {fuzzBase}, "Sec-Fetch-Site": {"same-origin"},
			"Cookie": {fz.sessions.Name() + "=" + text},
		}
		w := httptest.NewRecorder()
		fz.Endpoints().ServeHTTP(w, r)
		if denied, err := fz.denials.denied(t.Context(), bob); denied || err != nil {
			t.Fatalf("%q ends another person's session: %v", body, err)
		}
		values, _ := url.ParseQuery(body)
		denied, err := fz.denials.denied(t.Context(), other)
		if meant := values.Get("session") == other.SessionID() != (values.Get("all") == "1"); denied && !meant || err != nil {
			t.Errorf("%q ends %v, %v", body, denied, err)
		}
		if location := w.Header().Get("Location"); location != "" && !local(location) || w.Code >= 500 {
			t.Errorf("%q: %d %q", body, w.Code, location)
		}
	})
}
