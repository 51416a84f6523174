package gatehouse_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// both runs a test for sessions in cookies and for those in a store.
func both(t *testing.T, s setup, test func(*testing.T, *world)) {
	t.Run("cookie", func(t *testing.T) { test(t, newWorld(t, s)) })
	t.Run("store", func(t *testing.T) {
		w, _ := newStored(t, s)
		test(t, w)
	})
}

// deliver posts a logout token as a provider does.
func (w *world) deliver(token string) answer {
	w.Helper()
	return w.browser().send(http.MethodPost, "/auth/backchannel-logout", http.Header{}, url.Values{"logout_token": {token}}.Encode())
}

func TestBackchannelLogout(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*oidctest.JWT)
		spared bool // it is good, and means somebody else
	}{
		"sub and sid":         {func(*oidctest.JWT) {}, false},
		"sid alone, as Hydra": {func(j *oidctest.JWT) { delete(j.Claims, "sub"); delete(j.Claims, "exp"); j.Header["typ"] = "JWT" }, false},
		"sub alone":           {func(j *oidctest.JWT) { delete(j.Claims, "sid") }, false},
		"no typ":              {func(j *oidctest.JWT) { delete(j.Header, "typ") }, false},
		"a list of audiences": {func(j *oidctest.JWT) { j.Claims["aud"] = []string{"other", "app"} }, false},
		"members in the event": {func(j *oidctest.JWT) {
			events(j)["http://schemas.openid.net/event/backchannel-logout"] = map[string]any{"a": 1}
		}, false},
		"another event too":  {func(j *oidctest.JWT) { events(j)["https://example.com/event"] = map[string]any{} }, false},
		"iat a little ahead": {func(j *oidctest.JWT) { j.Claims["iat"] = float64(j.Claims["iat"].(int64) + 50) }, false},
		"another session":    {func(j *oidctest.JWT) { j.Claims["sid"] = "other" }, true},
		"another user":       {func(j *oidctest.JWT) { delete(j.Claims, "sid"); j.Claims["sub"] = "bob" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, setup{}, func(t *testing.T, w *world) {
				b := w.browser().signIn()
				token := w.provider.LogoutToken("app", "alice", w.provider.SID())
				c.change(token)
				if res := w.deliver(token.Sign()).want(t, http.StatusOK); res.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("Cache-Control %q", res.Header.Get("Cache-Control"))
				}
				if c.spared {
					b.fetch("/me").want(t, http.StatusOK)
					return
				}
				b.fetch("/me").want(t, http.StatusUnauthorized)
				w.provider.SignIn(alice)
				b.signIn() // at once
			})
		})
	}
}

func events(j *oidctest.JWT) map[string]any { return j.Claims["events"].(map[string]any) }

// TestBackchannelRefusals: exactly 400, never cached, and nobody is signed out.
func TestBackchannelRefusals(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	var idToken string
	w.provider.OnAnswer(oidctest.Token, func(d map[string]any) { idToken, _ = d["id_token"].(string) })
	w.clock.advance(due)
	b.get("/me")
	now := w.clock.Now().Unix()
	const event = "http://schemas.openid.net/event/backchannel-logout"
	for name, change := range map[string]func(*oidctest.JWT){
		"alg none":                   func(j *oidctest.JWT) { j.Unsigned() },
		"another key":                func(j *oidctest.JWT) { j.Key = oidctest.NewKey("RS256") },
		"a key nobody publishes":     func(j *oidctest.JWT) { j.SignWith(oidctest.NewKey("RS256")) },
		"the public key as secret":   func(j *oidctest.JWT) { j.SignWith(oidctest.HMACKey("HS256", signingKey().PublicPEM())) },
		"crit":                       func(j *oidctest.JWT) { j.Header["crit"] = []string{"exp"} },
		"typ of an access token":     func(j *oidctest.JWT) { j.Header["typ"] = "at+jwt" },
		"another issuer":             func(j *oidctest.JWT) { j.Claims["iss"] = "https://evil.example" },
		"the issuer and a slash":     func(j *oidctest.JWT) { j.Claims["iss"] = w.idp.URL + "/" },
		"no issuer":                  func(j *oidctest.JWT) { delete(j.Claims, "iss") },
		"another audience":           func(j *oidctest.JWT) { j.Claims["aud"] = "other" },
		"no audience":                func(j *oidctest.JWT) { delete(j.Claims, "aud") },
		"an audience of numbers":     func(j *oidctest.JWT) { j.Claims["aud"] = []any{1, "app"} },
		"no iat":                     func(j *oidctest.JWT) { delete(j.Claims, "iat") },
		"iat in the future":          func(j *oidctest.JWT) { j.Claims["iat"] = now + 120 },
		"iat as text":                func(j *oidctest.JWT) { j.Claims["iat"] = "now" },
		"expired":                    func(j *oidctest.JWT) { j.Claims["iat"], j.Claims["exp"] = now-300, now-61 },
		"no exp, and two minutes":    func(j *oidctest.JWT) { delete(j.Claims, "exp"); j.Claims["iat"] = now - 120 },
		"no events":                  func(j *oidctest.JWT) { delete(j.Claims, "events") },
		"another event":              func(j *oidctest.JWT) { j.Claims["events"] = map[string]any{"https://example.com": map[string]any{}} },
		"an event that is no object": func(j *oidctest.JWT) { j.Claims["events"] = map[string]any{event: true} },
		"events as a list":           func(j *oidctest.JWT) { j.Claims["events"] = []string{event} },
		"a nonce":                    func(j *oidctest.JWT) { j.Claims["nonce"] = "n" },
		"an empty nonce":             func(j *oidctest.JWT) { j.Claims["nonce"] = nil },
		"no jti":                     func(j *oidctest.JWT) { delete(j.Claims, "jti") },
		"jti as a number":            func(j *oidctest.JWT) { j.Claims["jti"] = 1 },
		"neither sub nor sid":        func(j *oidctest.JWT) { delete(j.Claims, "sub"); delete(j.Claims, "sid") },
		"an empty sid":               func(j *oidctest.JWT) { j.Claims["sid"] = "" },
		"sub as a list":              func(j *oidctest.JWT) { j.Claims["sub"] = []string{"alice"} },
		"sid in capitals":            func(j *oidctest.JWT) { delete(j.Claims, "sub"); delete(j.Claims, "sid"); j.Claims["SID"] = "s" },
		"sub twice":                  func(j *oidctest.JWT) { j.Append("sub", "alice") },
		"no JSON":                    func(j *oidctest.JWT) { j.Payload = []byte("{") },
	} {
		t.Run(name, func(t *testing.T) {
			token := w.provider.LogoutToken("app", "alice", w.provider.SID())
			change(token)
			res := w.deliver(token.Sign()).want(t, http.StatusBadRequest, "invalid_request")
			if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("header %v", res.Header)
			}
			b.fetch("/me").want(t, http.StatusOK)
		})
	}
	good := url.Values{"logout_token": {w.provider.LogoutToken("app", "alice", "").Sign()}}
	for name, c := range map[string]struct {
		method, query, body string
	}{
		"an ID token":        {http.MethodPost, "", url.Values{"logout_token": {idToken}}.Encode()},
		"no token":           {http.MethodPost, "", "a=b"},
		"an empty body":      {http.MethodPost, "", ""},
		"an empty token":     {http.MethodPost, "", "logout_token="},
		"no token at all":    {http.MethodPost, "", "logout_token=a.b"},
		"two tokens":         {http.MethodPost, "", good.Encode() + "&" + good.Encode()},
		"a token in the URL": {http.MethodPost, "?" + good.Encode(), ""},
		"GET":                {http.MethodGet, "?" + good.Encode(), ""},
		"PUT":                {http.MethodPut, "", good.Encode()},
		"HEAD":               {http.MethodHead, "?" + good.Encode(), ""},
		"a long form":        {http.MethodPost, "", good.Encode() + "&a=" + strings.Repeat("a", 100_000)},
	} {
		t.Run(name, func(t *testing.T) {
			res := w.browser().send(c.method, "/auth/backchannel-logout"+c.query, http.Header{}, c.body).want(t, http.StatusBadRequest)
			if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("header %v", res.Header)
			}
			b.fetch("/me").want(t, http.StatusOK)
		})
	}
	t.Run("keys can't be had", func(t *testing.T) {
		remove := w.provider.Intercept(oidctest.JWKS, oidctest.Status(http.StatusInternalServerError))
		defer remove()
		w.provider.RotateKeys()
		w.deliver(w.provider.LogoutToken("app", "alice", "").Sign()).want(t, http.StatusBadRequest)
		b.fetch("/me").want(t, http.StatusOK)
	})
}

// TestBackchannelReplay: a token is accepted once, and never ends a session that
// began after it came.
func TestBackchannelReplay(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		b := w.browser().signIn()
		token := w.provider.LogoutToken("app", "alice", "").Sign()
		w.deliver(token).want(t, http.StatusOK)
		b.fetch("/me").want(t, http.StatusUnauthorized)
		b.signIn()
		for range 3 {
			w.deliver(token).want(t, http.StatusBadRequest)
			w.clock.advance(time.Minute)
			b.fetch("/me").want(t, http.StatusOK)
		}
		w.deliver(token).want(t, http.StatusBadRequest) // expired, and forgotten
	})
}

// TestBackchannelDuringLogout: the provider tells before it answers the browser,
// and the session is gone here by then.
func TestBackchannelDuringLogout(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		w.provider.AddClient(oidctest.Client{ID: "app", Secret: clientSecret, BackchannelLogoutURI: w.app.URL + "/auth/backchannel-logout"})
		b, other := w.browser().signIn(), w.browser().signIn()
		sid := w.provider.SID()
		end := b.send(http.MethodPost, "/auth/logout", navigation, "").want(t, http.StatusSeeOther).location(t)
		other.fetch("/me").want(t, http.StatusOK) // another session of ours
		b.visit(end).want(t, http.StatusOK, "stranger")
		other.fetch("/me").want(t, http.StatusUnauthorized) // was of the same session there
		if !strings.Contains(w.log.String(), `event="back-channel logout" outcome=ok`) {
			t.Error("the provider didn't tell")
		}
		w.deliver(w.provider.LogoutToken("app", "alice", sid).Sign()).want(t, http.StatusOK) // nothing is left to end
		w.provider.SignIn(alice)
		b.signIn()
	})
}

// TestSessionWithoutSID is meant by a token that names its user, and no other.
func TestSessionWithoutSID(t *testing.T) {
	w := newWorld(t, setup{})
	w.provider.OnIDToken(func(j *oidctest.JWT) { delete(j.Claims, "sid") })
	b := w.browser().signIn()
	w.deliver(w.provider.LogoutToken("app", "", "some").Sign()).want(t, http.StatusOK)
	w.deliver(w.provider.LogoutToken("app", "bob", "some").Sign()).want(t, http.StatusOK)
	b.fetch("/me").want(t, http.StatusOK)
	w.deliver(w.provider.LogoutToken("app", "alice", "some").Sign()).want(t, http.StatusOK)
	b.fetch("/me").want(t, http.StatusUnauthorized)
}

// TestRevokedDuringRenewal: who is renewed when the token comes isn't
// let in.
func TestRevokedDuringRenewal(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		b := w.browser().signIn()
		cookies := sessionCookies(b.cookies())
		entered, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		w.provider.Intercept(oidctest.Token, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				once.Do(func() { close(entered) })
				<-release
				next.ServeHTTP(rw, r)
			})
		})
		w.clock.advance(dead)
		renewed := make(chan answer)
		go func() { renewed <- b.fetch("/me") }()
		<-entered
		w.deliver(w.provider.LogoutToken("app", "alice", "").Sign()).want(t, http.StatusOK)
		close(release)
		res := (<-renewed).want(t, http.StatusUnauthorized)
		for _, c := range sessionCookies(res.Cookies()) {
			if c.MaxAge > 0 {
				t.Errorf("it sets %v", c)
			}
		}
		b.keep(cookies)
		b.fetch("/me").want(t, http.StatusUnauthorized)
	})
}

func TestFrontchannelLogout(t *testing.T) {
	w := newWorld(t, setup{})
	b := w.browser().signIn()
	frame := with(navigation, "Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "cross-site")
	load := func(query url.Values) answer {
		return w.browser().send(http.MethodGet, "/auth/frontchannel-logout?"+query.Encode(), frame, "")
	}
	issuer, sid := w.idp.URL, w.provider.SID()
	for name, query := range map[string]url.Values{
		"nothing":                {},
		"no sid":                 {"iss": {issuer}},
		"an empty sid":           {"iss": {issuer}, "sid": {""}},
		"no iss":                 {"sid": {sid}},
		"another iss":            {"iss": {"https://evil.example"}, "sid": {sid}},
		"the issuer and a slash": {"iss": {issuer + "/"}, "sid": {sid}},
		"two sids":               {"iss": {issuer}, "sid": {sid, sid}},
		"a long sid":             {"iss": {issuer}, "sid": {strings.Repeat("a", 256)}},
	} {
		if res := load(query).want(t, http.StatusBadRequest); res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", name, res.Header.Get("Cache-Control"))
		}
	}
	load(url.Values{"iss": {issuer}, "sid": {"other"}}).want(t, http.StatusOK)
	b.fetch("/me").want(t, http.StatusOK)

	res := load(url.Values{"iss": {issuer}, "sid": {sid}}).want(t, http.StatusOK)
	if policy := res.Header.Get("Content-Security-Policy"); strings.Contains(policy, "frame-ancestors") || res.Header.Get("X-Frame-Options") != "" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("header %v", res.Header)
	}
	b.fetch("/me").want(t, http.StatusUnauthorized)

	w.provider.SignIn(alice)
	b.signIn() // a frame that carries the cookie
	b.send(http.MethodGet, "/auth/frontchannel-logout?"+url.Values{"iss": {issuer}, "sid": {w.provider.SID()}}.Encode(), frame, "").want(t, http.StatusOK)
	if left := sessionCookies(b.cookies()); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// TestStrangersSignNobodyOut: whoever floods the front channel neither ends the
// sessions of others nor brings back what was revoked, and keeps no session from being
// ended that this process has seen.
func TestStrangersSignNobodyOut(t *testing.T) {
	w := newWorld(t, setup{})
	gone, alive := w.browser().signIn(), w.browser()
	w.deliver(w.provider.LogoutToken("app", "", w.provider.SID()).Sign()).want(t, http.StatusOK)
	w.provider.SignIn(alice)
	alive.signIn()
	sid, refused := w.provider.SID(), false
	for i := range 10_050 {
		r, err := http.NewRequest(http.MethodGet, "/auth/frontchannel-logout?"+url.Values{"iss": {w.idp.URL}, "sid": {strings.Repeat("x", 1+i%200) + time.Unix(int64(i), 0).String()}}.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		res := &quiet{header: http.Header{}}
		w.gate.Endpoints().ServeHTTP(res, r)
		refused = refused || res.status == http.StatusBadRequest
	}
	if !refused {
		t.Error("none of ten thousand was refused")
	}
	w.provider.SignIn(bob)
	leaving := w.browser().signIn()
	said := url.Values{"iss": {w.idp.URL}, "sid": {w.provider.SID()}}
	w.browser().get("/auth/frontchannel-logout?"+said.Encode()).want(t, http.StatusOK) // of one who was here
	leaving.fetch("/me").want(t, http.StatusUnauthorized)
	alive.fetch("/me").want(t, http.StatusOK)
	gone.fetch("/me").want(t, http.StatusUnauthorized)
	w.deliver(w.provider.LogoutToken("app", "", sid).Sign()).want(t, http.StatusOK)
	alive.fetch("/me").want(t, http.StatusUnauthorized)
}

// meeting is a denylist at which two who ask whether they are the first to have a logout
// token wait for each other.
type meeting struct {
	*gatehouse.MemoryStore
	open  atomic.Bool
	asked sync.WaitGroup
}

func (m *meeting) Revoked(ctx context.Context, names ...string) ([]time.Time, error) {
	before, err := m.MemoryStore.Revoked(ctx, names...)
	if m.open.Load() && len(names) == 1 && strings.HasPrefix(names[0], "j") {
		m.asked.Done()
		m.asked.Wait()
	}
	return before, err
}

// TestBackchannelAtOnce: copies of a token that come to several replicas in the same
// moment end what one of them ends, whichever of the replicas dies over it; and nothing
// that begins afterwards, when the token has been received.
func TestBackchannelAtOnce(t *testing.T) {
	shared := &meeting{}
	w := newWorld(t, setup{gate: func(c *gatehouse.Config) {
		shared.MemoryStore = gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{Clock: c.Clock})
		c.Revocations = shared
	}})
	other := w.replica(nil)
	b, bystander := w.browser().signIn(), w.browser()
	w.provider.SignIn(bob)
	bystander.signIn()
	token := w.provider.LogoutToken("app", "alice", "").Sign()

	shared.asked.Add(2)
	shared.open.Store(true)
	var copies sync.WaitGroup
	for _, replica := range []*world{w, other} {
		copies.Go(func() { replica.deliver(token).want(t, http.StatusOK) })
	}
	copies.Wait()
	shared.open.Store(false)
	b.fetch("/me").want(t, http.StatusUnauthorized)
	bystander.fetch("/me").want(t, http.StatusOK)

	w.provider.SignIn(alice)
	b.signIn()
	for _, replica := range []*world{w, other} {
		replica.deliver(token).want(t, http.StatusBadRequest)
		b.at(replica).fetch("/me").want(t, http.StatusOK)
	}
}
