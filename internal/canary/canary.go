// Package canary finds secrets where they don't belong: in logs, errors, pages and
// whatever else the suites let it look at. It is for tests alone.
//
// Secrets are noted where they are born, with their kind; what is said is looked at
// when the test ends, because what is said early may be a secret of later. A test that
// fails says which kind of secret was where, never which one.
package canary

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// TB is what a [Watch] needs of a test.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(func())
}

// Kind says what a secret is. Those of OAuth have the names of their parameters (RFC
// 6749 appendix A), as oidctest tells them.
type Kind string

// The kinds.
const (
	Code         Kind = "code"
	State        Kind = "state"
	Nonce        Kind = "nonce"
	Verifier     Kind = "code_verifier"
	AccessToken  Kind = "access_token"
	RefreshToken Kind = "refresh_token"
	IDToken      Kind = "id_token"
	LogoutToken  Kind = "logout_token"
	Assertion    Kind = "client_assertion"
	ClientSecret Kind = "client_secret"
	Cookie       Kind = "cookie"
	SessionKey   Kind = "session key"
	SigningKey   Kind = "signing key"
	ProofKey     Kind = "DPoP key"
	Password     Kind = "password"
)

// least is how long a secret is at least. What is shorter stands anywhere by chance.
const least = 12

// Watch knows the secrets of one test. It is safe for concurrent use.
type Watch struct {
	t TB

	mu      sync.Mutex
	secrets map[string][]Kind
	seen    map[sight]map[string]bool // what was said, each text once
	harvest []func()
}

// sight is a place, and which kinds of secrets may be seen there.
type sight struct{ place, except string }

// New returns a Watch over t, which fails when it ends if a secret has been seen.
func New(t TB) *Watch {
	w := &Watch{t: t, secrets: map[string][]Kind{}, seen: map[sight]map[string]bool{}}
	t.Cleanup(w.search)
	return w
}

// Secret notes secrets of one kind. Those of fewer than 12 bytes are passed over. Of a
// JWT, payload and signature are secrets by themselves. What is of two kinds may be where
// either of them may be.
func (w *Watch) Secret(kind Kind, values ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, value := range values {
		parts := strings.Split(value, ".")
		if len(parts) == 3 {
			w.note(kind, parts[1])
			w.note(kind, parts[2])
		}
		w.note(kind, value)
	}
}

func (w *Watch) note(kind Kind, value string) {
	if len(value) >= least && !slices.Contains(w.secrets[value], kind) {
		w.secrets[value] = append(w.secrets[value], kind)
	}
}

// Harvest has f called before anything is searched, for secrets that are only found
// then.
func (w *Watch) Harvest(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.harvest = append(w.harvest, f)
}

// Look takes down what was said somewhere, to be searched for all kinds of secrets but
// these.
func (w *Watch) Look(place, text string, except ...Kind) {
	if text == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	at := sight{place, listOf(except)}
	if w.seen[at] == nil {
		w.seen[at] = map[string]bool{}
	}
	w.seen[at][text] = true
}

// listOf writes kinds so that one of them is found by its name between commas.
func listOf(kinds []Kind) string {
	list := ","
	for _, kind := range kinds {
		list += string(kind) + ","
	}
	return list
}

// Of returns the secrets that are known of one kind, in any order.
func (w *Watch) Of(kind Kind) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var known []string
	for secret, kinds := range w.secrets {
		if slices.Contains(kinds, kind) {
			known = append(known, secret)
		}
	}
	return known
}

func (w *Watch) search() {
	w.t.Helper()
	w.mu.Lock()
	harvest := w.harvest
	w.mu.Unlock()
	for _, f := range harvest {
		f()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	said := map[sight]string{}
	for at, texts := range w.seen {
		said[at] = strings.Join(slices.Collect(maps.Keys(texts)), "\n")
	}
	found := map[string]bool{} // each kind once, in each place
	for secret, kinds := range w.secrets {
		for _, spelt := range spellingsOf(secret) {
			for at, text := range said {
				let := slices.ContainsFunc(kinds, func(kind Kind) bool { return strings.Contains(at.except, listOf([]Kind{kind})) })
				if let || !strings.Contains(text, spelt) {
					continue
				}
				if failure := fmt.Sprintf("canary: a secret (%s) is in %s", kinds[0], at.place); !found[failure] {
					found[failure] = true
					w.t.Errorf("%s", failure)
				}
			}
		}
	}
}

// spellingsOf are the ways in which printers, encoders and addresses write a secret.
func spellingsOf(secret string) []string {
	raw := []byte(secret)
	all := []string{
		secret,
		url.QueryEscape(secret),
		url.PathEscape(secret),
		hex.EncodeToString(raw),
		strings.ToUpper(hex.EncodeToString(raw)),
		strings.TrimRight(base64.StdEncoding.EncodeToString(raw), "="),
		base64.RawURLEncoding.EncodeToString(raw),
		strings.Trim(fmt.Sprintf("%q", secret), `"`),
		strings.Trim(fmt.Sprint(raw), "[]"),
		strings.Trim(fmt.Sprintf("%#v", raw), "[]byte{}"),
	}
	slices.Sort(all)
	return slices.Compact(all)
}
