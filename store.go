package gatehouse

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Store keeps sessions on the server, for [Config.Store]. It sees neither tokens
// nor ids that open anything: an id is a hash, and a value is sealed under a key
// that only the session's cookie holds.
//
// An id is short ASCII. Every method returns an error when it can't be said or
// done now, which a panic counts as, heeds ctx, and has a deadline of its own.
// Implementations are safe for concurrent use; package storetest says whether one
// is right.
type Store interface {
	// Load returns what is kept under id; nil without an error when nothing is,
	// or when it has expired. The value must not be modified by either side.
	Load(ctx context.Context, id string) (value []byte, err error)
	// Save keeps value until expires, provided that what is kept is still
	// previous, byte for byte; a nil previous stands for nothing. Otherwise it
	// changes nothing and returns false. The comparison and the change are one
	// step, whoever else saves or deletes.
	Save(ctx context.Context, id string, previous, value []byte, expires time.Time) (saved bool, err error)
	// Delete keeps nothing under id. It is no error when nothing is.
	Delete(ctx context.Context, id string) error
}

// Revocations is a denylist that several processes share, for
// [Config.Revocations]. Names are opaque, short ASCII.
type Revocations interface {
	// Revoke denies what name stands for to whatever began before the time
	// before. It keeps that until until. Of several revocations of one name the
	// latest times count.
	Revoke(ctx context.Context, name string, before, until time.Time) error
	// Revoked returns the before of each name, zero where it is not revoked.
	// It is asked for every request, so it should answer from memory. With an
	// error it may return what is known even so, which is obeyed.
	Revoked(ctx context.Context, names ...string) (before []time.Time, err error)
}

// Watcher is what a [Revocations] or a [Store] may be besides: it calls changed as
// soon as another process has revoked names, or deleted or saved what this one has
// loaded under such an id, or, with nil, may have done so with any. stop ends that.
// changed returns quickly. A panic of Watch is an error of [New], one of stop an error
// of [Gate.Close].
type Watcher interface {
	Watch(changed func(names []string)) (stop func())
}

// readier is what a store, a denylist or a coordinator may be besides.
type readier interface {
	Ready(ctx context.Context) error
}

// remote is one of them, by the field that names it.
type remote struct {
	field string
	readier
}

// remote returns those that are named, each of which may stand for others.
func (c Config) remote() (found []remote) {
	for _, part := range []struct {
		field string
		value any
	}{{"Store", c.Store}, {"Revocations", c.Revocations}, {"Coordinator", c.Coordinator}} {
		if ready, ok := part.value.(readier); ok {
			found = append(found, remote{part.field, ready})
		}
	}
	return found
}

// storeBudget is how long a request waits for a store or a denylist, at most.
const storeBudget = 3 * time.Second

// errStore is one that can't be reached, or that fails.
var errStore = errors.New("gatehouse: the session store does not answer")

// unreachable is a failing store as an answer: nobody is signed out by it.
func unreachable(err error) error {
	return storeFailure("Your sign-in can't be checked right now. You are still signed in; please try again in a moment.", err)
}

// unkept is unreachable for what was to be done.
func unkept(err error) error {
	return storeFailure("This can't be done right now. Please try again in a moment.", err)
}

func storeFailure(message string, err error) error {
	return &Error{Status: http.StatusServiceUnavailable, Message: message, RetryAfter: retryAfter, Cause: errors.Join(errStore, err)}
}
