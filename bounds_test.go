package gatehouse_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/canary"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// wire carries requests to handlers by host, without a network, so that all of
// it goes by the false time of testing/synctest.
type wire map[string]http.Handler

func (hosts wire) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer func() {
		if recover() != nil { // http.ErrAbortHandler
			res, err = nil, io.ErrUnexpectedEOF
			if r.Context().Err() != nil {
				err = r.Context().Err()
			}
		}
	}()
	served := r.Clone(r.Context())
	served.RequestURI, served.Host = r.URL.RequestURI(), r.URL.Host
	if served.Body == nil {
		served.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	hosts[r.URL.Host].ServeHTTP(answer, served)
	if r.Context().Err() != nil { // whoever asked has left
		return nil, r.Context().Err()
	}
	res = answer.Result()
	res.Request = r
	if res.Header.Get("X-Drips") != "" {
		res.Body = drip{r}
	}
	return res, nil
}

// drip is a body of which a byte comes every second, without end.
type drip struct{ r *http.Request }

func (d drip) Read(b []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		b[0] = ' '
		return 1, nil
	case <-d.r.Context().Done():
		return 0, d.r.Context().Err()
	}
}

func (drip) Close() error { return nil }

func drips(http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Drips", "1")
		w.Header().Set("Content-Type", "application/json")
	})
}

// newStillWorld is a world in which time passes only while everybody waits. It
// is made inside of a synctest bubble.
func newStillWorld(t *testing.T) (*world, *browser) {
	return newStillWorldWith(t, func(*gatehouse.Config) {})
}

func newStillWorldWith(t *testing.T, change func(*gatehouse.Config)) (*world, *browser) {
	hosts := wire{}
	w := &world{
		TB: t, log: &log{}, canary: canary.New(t), idp: &httptest.Server{URL: "https://idp.example"}, app: &httptest.Server{URL: "https://app.example"},
		provider: oidctest.NewProvider(oidctest.Config{
			Issuer: "https://idp.example", Keys: []*oidctest.Key{signingKey()}, RefreshTokens: oidctest.RefreshAlways,
			Clients: []oidctest.Client{{ID: "app", Secret: clientSecret}},
		}),
	}
	t.Cleanup(w.provider.Close)
	w.provider.OnSecret(func(kind, secret string) { w.canary.Secret(canary.Kind(kind), secret) })
	w.provider.SignIn(alice)
	w.config = gatehouse.Config{
		Issuer: w.idp.URL, ClientID: "app", ClientSecret: clientSecret, BaseURL: w.app.URL, SessionKeys: []cookie.Key{cookie.NewKey()},
		HTTPClient: &http.Client{Transport: hosts}, Logger: w.canary.Logger(w.log),
	}
	change(&w.config)
	gate, err := gatehouse.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gate.Close() })
	w.gate = gate
	hosts["idp.example"], hosts["app.example"] = w.provider, routes(gate)
	b := &browser{w: w, client: &http.Client{
		Transport: hosts, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return w, b.another()
}

// stillReplica is one more process of the same application, at a port of its own.
func (w *world) stillReplica(b *browser, port string) *world {
	w.Helper()
	gate, err := gatehouse.New(w.config)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = gate.Close() })
	b.client.Transport.(wire)["app.example:"+port] = routes(gate)
	other := *w
	other.gate, other.app = gate, &httptest.Server{URL: w.app.URL + ":" + port}
	return &other
}

// another is a browser that reaches the same servers, and has no cookies yet.
func (b *browser) another() *browser {
	b.w.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.w.Fatal(err)
	}
	client := *b.client
	client.Jar = jar
	return &browser{w: b.w, client: &client, jar: jar, agent: b.agent}
}

// TestTenSeconds: whatever the provider does, and at whichever endpoint, nobody
// waits longer than that for an answer. What is under way for nobody then ends
// with the gate, or the bubble would not.
func TestTenSeconds(t *testing.T) {
	signedIn := func(b *browser) func() answer {
		b.signIn()
		time.Sleep(dead)
		return func() answer { return b.fetch("/me") }
	}
	actions := map[string]struct {
		prepare   func(b *browser) func() answer
		endpoints []oidctest.Endpoint // at which it matters
		want      []int
	}{
		"login": {func(b *browser) func() answer { return func() answer { return b.get("/me") } },
			[]oidctest.Endpoint{oidctest.Discovery}, []int{http.StatusServiceUnavailable}},
		"callback": {func(b *browser) func() answer {
			callback := b.callback("/me")
			return func() answer { return b.get(callback) }
		}, []oidctest.Endpoint{oidctest.JWKS, oidctest.Token, oidctest.Userinfo}, []int{http.StatusServiceUnavailable}},
		"renewal": {signedIn,
			[]oidctest.Endpoint{oidctest.Token, oidctest.Userinfo}, []int{http.StatusOK, http.StatusServiceUnavailable}},
		"renewal of a token that is dead on arrival": {func(b *browser) func() answer {
			ask := signedIn(b)
			b.w.provider.OnAnswer(oidctest.Token, func(d map[string]any) { d["expires_in"] = 1 })
			return ask
		}, []oidctest.Endpoint{oidctest.Token, oidctest.Userinfo}, []int{http.StatusOK, http.StatusServiceUnavailable}},
		"renewal, discovery and keys forgotten": {func(b *browser) func() answer {
			b.signIn()
			time.Sleep(time.Hour + time.Minute)
			return func() answer { return b.fetch("/me") }
		}, []oidctest.Endpoint{oidctest.Discovery, oidctest.JWKS, oidctest.Token}, []int{http.StatusOK, http.StatusServiceUnavailable}},
		"logout": {func(b *browser) func() answer {
			b.signIn()
			time.Sleep(90 * time.Minute)
			return func() answer { return b.send(http.MethodPost, "/auth/logout", navigation, "") }
		}, []oidctest.Endpoint{oidctest.Discovery, oidctest.Revocation}, []int{http.StatusSeeOther}},
	}
	for name, action := range actions {
		for kind, fault := range map[string]oidctest.Fault{"silent": oidctest.Hang(), "dripping": drips, "late": oidctest.Delay(6500 * time.Millisecond)} {
			all := action.endpoints
			for i := range len(all) + 1 {
				endpoints := all
				if i < len(all) {
					endpoints = all[i : i+1]
				}
				t.Run(name+", "+kind, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w, b := newStillWorld(t)
						ask := action.prepare(b)
						for _, endpoint := range endpoints {
							w.provider.Intercept(endpoint, fault)
						}
						began := time.Now()
						res := ask()
						if waited := time.Since(began); waited > 10*time.Second {
							t.Errorf("%v: %d after %v", endpoints, res.StatusCode, waited)
						}
						if kind != "late" && !slices.Contains(action.want, res.StatusCode) {
							t.Errorf("%v: %d: %s", endpoints, res.StatusCode, res.body)
						}
					})
				})
			}
		}
	}
}
