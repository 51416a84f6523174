package gatehouse_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/internal/canary"
	"github.com/gatehouse-go/gatehouse/oidc"
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

// TestNothingPrintsSecrets: whatever holds one, by whichever verb, in JSON and in a log.
func TestNothingPrintsSecrets(t *testing.T) {
	const said = "a-secret-that-nobody-may-see"
	w := canary.New(t)
	w.Secret(canary.AccessToken, said)
	log := w.Logger(io.Discard)
	for name, value := range map[string]any{
		"Config":    gatehouse.Config{ClientSecret: said, API: gatehouse.API{NonceSecret: []byte(said)}},
		"API":       gatehouse.API{NonceSecret: []byte(said), Issuers: []oidc.TrustedIssuer{{HMACSecret: []byte(said)}}},
		"Admission": &gatehouse.Admission{AccessToken: said, Claims: map[string]any{"sub": "alice"}},
		"Error":     &gatehouse.Error{Status: http.StatusForbidden, Cause: fmt.Errorf("about %v", gatehouse.Admission{AccessToken: said})},
	} {
		w.Print(name, value, []any{value}, struct{ Value any }{value})
		log.Info(name, "value", value)
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		w.Look("the JSON of "+name, string(encoded))
	}
}
