package gatehouse

import (
	"github.com/gatehouse-go/gatehouse/internal/memo"
	"github.com/gatehouse-go/gatehouse/refresh"
)

// outdated are what a browser has something newer than: tokens that were renewed,
// sessions that were signed out, and those in whose place another sign-in has come.
// An answer's cookies are decided before its handler runs, which may take long, and
// the browser keeps what it hears last: an answer that comes too late would take back
// what has happened in another tab. So cookies are held against this once more at the
// last moment. It is bounded, and of this process alone: who isn't known to be outdated
// is answered as decided.
type outdated struct {
	known *memo.Memo[outdatedName, struct{}]
}

// outdatedName names tokens by their key, or a session by its name.
type outdatedName struct {
	key     refresh.Key
	session string
	other   bool // another one is in its place
}

// mostOutdated is how many are remembered, at some 200 bytes each.
const mostOutdated = 10_000

func newOutdated() outdated {
	return outdated{memo.New[outdatedName, struct{}](mostOutdated)}
}

func (o outdated) add(name outdatedName) { o.known.Put(name, struct{}{}) }

func (o outdated) has(name outdatedName) bool {
	_, ok := o.known.Get(name)
	return ok
}

// renewed notes that tokens have become others.
func (o outdated) renewed(key refresh.Key) { o.add(outdatedName{key: key}) }

// signedOut notes that a session's person has ended it.
func (o outdated) signedOut(session string) { o.add(outdatedName{session: session}) }

// replaced notes that its browser has another one.
func (o outdated) replaced(session string) { o.add(outdatedName{session: session, other: true}) }

// late reports of cookies that keep who, or with nil forget the session of that name,
// whether the browser has newer ones.
func (o outdated) late(session string, who *Identity) bool {
	switch {
	case session != "" && o.has(outdatedName{session: session, other: true}):
		return true
	case who == nil:
		return false
	}
	return o.has(outdatedName{session: session}) || o.has(outdatedName{key: who.key()})
}
