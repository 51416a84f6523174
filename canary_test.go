package gatehouse_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/canary"
)

// judge is a test whose failures another one judges.
type judge struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (j *judge) Cleanup(f func()) { j.cleanups = append(j.cleanups, f) }
func (j *judge) Errorf(_ string, args ...any) {
	for _, arg := range args {
		if text, ok := arg.(string); ok {
			j.failures = append(j.failures, text)
		}
	}
}

func (j *judge) end() {
	for _, f := range slices.Backward(j.cleanups) {
		f()
	}
}

// TestLeaksAreNoticed: a secret of any kind that a session's life has fails the test of
// this package whose log, page or problem it is in.
func TestLeaksAreNoticed(t *testing.T) {
	kinds := []canary.Kind{
		canary.Code, canary.State, canary.Nonce, canary.Verifier, canary.AccessToken, canary.RefreshToken, canary.IDToken, canary.LogoutToken,
		canary.ClientSecret, canary.Cookie, canary.SessionKey, canary.ProofKey,
	}
	for _, kind := range kinds {
		j := &judge{TB: t}
		w := newWorld(j, setup{gate: withDPoP, routes: func(g *gatehouse.Gate) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/", routes(g))
			mux.HandleFunc("/leak", func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusTeapot)
				_, _ = w.Write([]byte(r.Header.Get("X-Leak")))
			})
			return mux
		}})
		b := w.browser().signIn()
		w.clock.advance(due)
		b.get("/me").want(t, http.StatusOK)
		logout := w.provider.LogoutToken("app", "alice", "").Sign()
		b.send(http.MethodPost, "/auth/backchannel-logout", http.Header{}, url.Values{"logout_token": {logout}}.Encode()).want(t, http.StatusOK)
		known := w.canary.Of(kind)
		if len(known) == 0 {
			t.Errorf("%s: none is known", kind)
			continue
		}
		w.config.Logger.Debug("a leak", "value", known[0])
		b.send(http.MethodGet, "/leak", http.Header{"X-Leak": {url.QueryEscape(known[0])}}, "")
		j.end()
		said := strings.Join(j.failures, "\n")
		for _, place := range []string{"the log", "an answer's body"} {
			if want := "a secret (" + string(kind) + ") is in " + place; !strings.Contains(said, want) {
				t.Errorf("%q, want %q", said, want)
			}
		}
		if strings.Contains(said, known[0]) {
			t.Errorf("%s: the failure shows it", kind)
		}
	}
}
