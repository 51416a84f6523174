package replicas

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// ledger knows who used which refresh token, and which processes were killed.
//
// A process that is killed after the provider has answered, and before it has told
// anybody, takes the new refresh token with it. Nobody has one then but the old, and
// whoever uses that is told that the session has ended.
type ledger struct {
	mu     sync.Mutex
	owners map[string]string // from a refresh token to the name of its person
	uses   map[string]use
	killed map[string]time.Time
	lost   map[string][]time.Time // when a person's session ended because its holder was killed
	wrong  []string
	victim string        // whose next renewal is answered too late
	caught chan struct{} // closed when the provider has renewed for the victim
}

type use struct {
	by string // a process
	at time.Time
}

// untold is how long a process may take to tell the others what it renewed, on a
// machine that is busy.
const untold = 4 * time.Second

func newLedger() *ledger {
	return &ledger{owners: map[string]string{}, uses: map[string]use{}, killed: map[string]time.Time{}, lost: map[string][]time.Time{}}
}

// watch stands before the provider's token endpoint, behind what fails there.
func (l *ledger) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		if l.note(r.PostForm.Get("refresh_token"), r.Header.Get(nameHeader), answer) {
			<-r.Context().Done() // the victim dies before it hears of it
			panic(http.ErrAbortHandler)
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// catch returns what is closed once a process, until it is killed, waits for an
// answer that the provider has already given.
func (l *ledger) catch(name string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.victim, l.caught = name, make(chan struct{})
	return l.caught
}

// note reports whether the answer is not to arrive.
func (l *ledger) note(used, by string, answer *httptest.ResponseRecorder) (caught bool) {
	var tokens struct {
		Refresh string `json:"refresh_token"`
		ID      string `json:"id_token"`
	}
	_ = json.Unmarshal(answer.Body.Bytes(), &tokens)
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if answer.Code == http.StatusOK {
		l.owners[tokens.Refresh] = subjectOf(tokens.ID)
		if used != "" {
			l.uses[used] = use{by, now}
		}
		if caught = used != "" && l.victim == by; caught {
			l.victim = ""
			close(l.caught)
		}
		return caught
	}
	first, again := l.uses[used]
	if !again {
		return false
	}
	// What it asked for before it died may be answered any time later.
	owner, killed := l.owners[used], l.killed[first.by]
	if !killed.IsZero() && killed.Before(first.at.Add(untold)) {
		l.lost[owner] = append(l.lost[owner], now)
		return false
	}
	l.wrong = append(l.wrong, fmt.Sprintf("%s's refresh token was used by %s, and %v later by %s; %s was killed %v",
		owner, first.by, now.Sub(first.at).Round(time.Millisecond), by, first.by, killed))
	return false
}

// subjectOf reads an ID token that the provider has just made.
func subjectOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	var said struct{ Sub string }
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	_ = json.Unmarshal(payload, &said)
	return said.Sub
}

func (l *ledger) kill(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.killed[name], l.victim = time.Now(), ""
}

// excused reports whether a person's session that began then was lost by a process
// that was killed.
func (l *ledger) excused(name string, since time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.lost[name] {
		if at.After(since) {
			return true
		}
	}
	return false
}

// reuses returns how many tokens were used again after their holder was killed, and
// what else was used twice.
func (l *ledger) reuses() (killed int, wrong []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, times := range l.lost {
		killed += len(times)
	}
	return killed, l.wrong
}
