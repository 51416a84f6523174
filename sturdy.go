package gatehouse

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/caught"
)

// sturdy is a store whose panics are errors: whoever is served by it is answered,
// and what it is asked for in the background doesn't end the process. The same goes
// for a denylist and a directory.
type (
	sturdy          struct{ Store }
	sturdyDenylist  struct{ Revocations }
	sturdyDirectory struct{ Directory }
)

const (
	whoseStore     = "the store"
	whoseDenylist  = "the shared denylist"
	whoseDirectory = "the directory"
)

func (s sturdy) Load(ctx context.Context, id string) (value []byte, err error) {
	defer caught.Into(&err, whoseStore)
	return s.Store.Load(ctx, id)
}

func (s sturdy) Save(ctx context.Context, id string, previous, value []byte, expires time.Time) (saved bool, err error) {
	defer caught.Into(&err, whoseStore)
	return s.Store.Save(ctx, id, previous, value, expires)
}

func (s sturdy) Delete(ctx context.Context, id string) (err error) {
	defer caught.Into(&err, whoseStore)
	return s.Store.Delete(ctx, id)
}

func (l sturdyDenylist) Revoke(ctx context.Context, name string, before, until time.Time) (err error) {
	defer caught.Into(&err, whoseDenylist)
	return l.Revocations.Revoke(ctx, name, before, until)
}

func (l sturdyDenylist) Revoked(ctx context.Context, names ...string) (before []time.Time, err error) {
	defer caught.Into(&err, whoseDenylist)
	return l.Revocations.Revoked(ctx, names...)
}

func (d sturdyDirectory) Enter(ctx context.Context, owner, id string, entry []byte, expires time.Time) (err error) {
	defer caught.Into(&err, whoseDirectory)
	return d.Directory.Enter(ctx, owner, id, entry, expires)
}

func (d sturdyDirectory) List(ctx context.Context, owner string) (entries map[string][]byte, err error) {
	defer caught.Into(&err, whoseDirectory)
	return d.Directory.List(ctx, owner)
}

func (d sturdyDirectory) Leave(ctx context.Context, owner, id string) (err error) {
	defer caught.Into(&err, whoseDirectory)
	return d.Directory.Leave(ctx, owner, id)
}

// ask is its Ready.
func (r remote) ask(ctx context.Context) (err error) {
	defer caught.Into(&err, "it")
	return r.Ready(ctx)
}
