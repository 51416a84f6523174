package main

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/rbac"
	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

// strangers is how many different sessions the rows "first seen" go round in:
// more than the gate is told to remember, so that none is when it comes again.
const (
	remembered = 16
	strangers  = 100
)

// cookies are whole requests of a signed-in person, from the middleware to the
// end of an empty handler.
func cookies(s signer) []contender {
	return append(gates(s), bare(), withSecurecookie(s), withSessions(s), withSCS(s))
}

func bare() contender {
	handler, r := http.HandlerFunc(done), request("")
	return contender{name: "bare handler", run: func(n int) {
		for range n {
			serve(handler, r)
		}
	}}
}

func gates(s signer) []contender {
	return []contender{
		gate("gatehouse, first seen", newGate(s, 0, nil), anybody, strangers),
		gate("gatehouse, seen before", newGate(s, 0, nil), anybody, 1),
		gate("gatehouse, first seen, a role required", newGate(s, 0, nil), admins, strangers),
		gate("gatehouse, seen before, a role required", newGate(s, 0, nil), admins, 1),
		gate("gatehouse, in-memory store, first seen", newGate(s, 0, memoryStore()), anybody, strangers),
		gate("gatehouse, in-memory store, seen before", newGate(s, 0, memoryStore()), anybody, 1),
	}
}

func anybody(*gatehouse.Gate) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return next }
}

func admins(g *gatehouse.Gate) func(http.Handler) http.Handler { return g.Require(rbac.Role("admin")) }

func memoryStore() gatehouse.Store { return gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{}) }

// newGate signs people in that have so many groups.
func newGate(s signer, groups int, store gatehouse.Store) *gatehouse.Gate {
	return must(gatehouse.New(gatehouse.Config{
		Issuer: issuer, ClientID: clientID, ClientSecret: "secret", BaseURL: baseURL, Store: store,
		SessionKeys: []cookie.Key{cookie.NewKey()}, SkipUserinfo: true, RememberedSessions: remembered,
		HTTPClient: (&provider{signer: s, groups: groups}).client(),
	}))
}

// gate serves people in turn.
func gate(name string, g *gatehouse.Gate, guard func(*gatehouse.Gate) func(http.Handler) http.Handler, people int) contender {
	handler := g.Wrap(guard(g)(http.HandlerFunc(done)))
	requests := make([]*http.Request, people)
	bytes := 0
	for i := range requests {
		header := signIn(handler)
		requests[i], bytes = request(header), cookieBytes(header)
	}
	next := 0
	return contender{name: name, cookieBytes: bytes, run: func(n int) {
		for range n {
			serve(handler, requests[next])
			next = (next + 1) % len(requests)
		}
	}}
}

// content is what applications keep in sessions that libraries seal for them.
type content struct {
	Tokens
	Expires time.Time      `json:"expires"`
	Claims  map[string]any `json:"claims"`
}

func newContent(s signer) content {
	return content{s.tokens(1, 0, text(43)), time.Now().Add(time.Hour), person(1, 0)}
}

func (c content) live() bool { return time.Now().Before(c.Expires) }

// withSecurecookie encodes JSON and seals, over as many cookies as it takes.
func withSecurecookie(s signer) contender {
	codec := securecookie.New(securecookie.GenerateRandomKey(64), securecookie.GenerateRandomKey(32))
	codec.SetSerializer(securecookie.JSONEncoder{})
	codec.MaxLength(0)
	header := split("session", must(codec.Encode("session", newContent(s))))
	middleware := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var found content
			if codec.Decode("session", joined(r, "session"), &found) != nil || !found.live() {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contentKey{}, &found)))
		})
	}
	return peer("securecookie with JSON", middleware, header)
}

type contentKey struct{}

// peer is one person's requests behind somebody's middleware.
func peer(name string, middleware func(http.Handler) http.Handler, header string) contender {
	handler, r := middleware(http.HandlerFunc(done)), request(header)
	return contender{name: name, cookieBytes: cookieBytes(header), run: func(n int) {
		for range n {
			serve(handler, r)
		}
	}}
}

const pieceBytes = 3900

// split is a Cookie header of pieces that browsers keep.
func split(name, value string) string {
	var pairs []string
	for piece := range (len(value) + pieceBytes - 1) / pieceBytes {
		pairs = append(pairs, name+suffix(piece)+"="+value[piece*pieceBytes:min((piece+1)*pieceBytes, len(value))])
	}
	return strings.Join(pairs, "; ")
}

func suffix(piece int) string { return string(rune('0' + piece)) }

// joined reads what split wrote, as net/http offers it.
func joined(r *http.Request, name string) string {
	var value strings.Builder
	for piece := 0; ; piece++ {
		c, err := r.Cookie(name + suffix(piece))
		if err != nil {
			return value.String()
		}
		value.WriteString(c.Value)
	}
}

// withSessions keeps a value as gorilla/sessions does: gob, in one cookie whose
// length is not limited here, though browsers would not keep it.
func withSessions(s signer) contender {
	gob.Register(content{})
	gob.Register([]string{})
	store := sessions.NewCookieStore(securecookie.GenerateRandomKey(64), securecookie.GenerateRandomKey(32))
	for _, codec := range store.Codecs {
		codec.(*securecookie.SecureCookie).MaxLength(0)
	}
	w, r := httptest.NewRecorder(), request("")
	session := must(store.New(r, "session"))
	session.Values["content"] = newContent(s)
	check(session.Save(r, w))
	middleware := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// The registry of a request lives in its context; this one is used again.
			r = r.WithContext(context.Background())
			session, err := store.Get(r, "session")
			if err != nil || !session.Values["content"].(content).live() {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	return peer("gorilla/sessions CookieStore", middleware, cookieHeader(w.Header()))
}

// withSCS keeps the session in the memory of the process, behind a random id.
func withSCS(s signer) contender {
	gob.Register(map[string]any{})
	manager := scs.New()
	kept := newContent(s)
	begin := manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		encoded := must(json.Marshal(kept))
		manager.Put(r.Context(), "content", encoded)
		w.WriteHeader(http.StatusNoContent)
	}))
	w := httptest.NewRecorder()
	begin.ServeHTTP(w, request(""))
	middleware := func(next http.Handler) http.Handler {
		return manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var found content
			if json.Unmarshal(manager.GetBytes(r.Context(), "content"), &found) != nil || !found.live() {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		}))
	}
	return peer("alexedwards/scs, in memory", middleware, cookieHeader(w.Header()))
}
