package gatehouse

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/memo"
	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/gatehouse-go/gatehouse/internal/useragent"
)

// Directory lists the sessions of each person. Owners and ids are opaque, short
// ASCII; entries are sealed.
type Directory interface {
	// Enter lists entry under owner and id until expires, in place of an
	// earlier one.
	Enter(ctx context.Context, owner, id string, entry []byte, expires time.Time) error
	// List returns the entries of owner, by id.
	List(ctx context.Context, owner string) (map[string][]byte, error)
	// Leave removes an entry. It is no error when there is none.
	Leave(ctx context.Context, owner, id string) error
}

// directory lists who is signed in where. It is a convenience: what it doesn't
// know can be revoked all the same.
type directory struct {
	list  Directory
	codec *cookie.Codec // seals entries, each for its owner and id
	names names
	known *memo.Memo[string, struct{}] // sessions at the provider of those that this process has listed
}

// maxKnown bounds how many sessions at the provider are remembered, some 150 bytes each.
const maxKnown = 65_536

// maxListed bounds how many sessions of one person are looked at.
const maxListed = 100

// directoryBudget is how long a request waits for an entry to be written.
const directoryBudget = time.Second

// newDirectory lists in what the configuration has that can, otherwise in this
// process's memory.
func newDirectory(c Config) (*directory, error) {
	codec, err := cookie.NewCodec(c.SessionKeys, "directory", c.Issuer, c.ClientID)
	if err != nil {
		return nil, mistake.From("SessionKeys", err)
	}
	d := &directory{codec: codec, names: names{c.Issuer, c.ClientID}, known: memo.New[string, struct{}](maxKnown)}
	if named := firstOf[Directory](nil, c.Store, c.Revocations); named != nil {
		d.list = sturdyDirectory{named}
		return d, nil
	}
	d.list = NewMemoryStore(MemoryStoreConfig{MaxBytes: 32 << 20, Clock: c.Clock})
	return d, nil
}

// enter lists a session, or what is new about it.
func (d *directory) enter(ctx context.Context, id string, s *session, where string, ends, expires time.Time) error {
	claims, err := s.claims()
	if err != nil {
		return err
	}
	people := d.names.people(claims)
	d.known.Put(people[1], struct{}{})
	entry := Session{Began: time.UnixMilli(s.begun), Seen: time.Unix(s.seen, 0), Ends: ends, Where: where, provider: people[1]}
	sealed, err := d.codec.Encode(people[0]+id, entry.frame())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, directoryBudget)
	defer cancel()
	return d.list.Enter(ctx, people[0], id, []byte(sealed), expires)
}

// of returns the sessions of a user, the latest seen first. What isn't an entry
// of ours is passed over.
func (d *directory) of(ctx context.Context, sub string) ([]Session, error) {
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	owner := d.names.user(sub)
	entries, err := d.list.List(ctx, owner)
	if err != nil {
		return nil, unreachable(err)
	}
	var found []Session
	for id, sealed := range entries {
		var frame []byte
		if d.codec.Decode(owner+id, string(sealed), &frame) != nil {
			continue
		}
		if entry, err := parseEntry(id, frame); err == nil {
			found = append(found, entry)
		}
	}
	slices.SortFunc(found, func(a, b Session) int {
		return cmp.Or(b.Seen.Compare(a.Seen), b.Began.Compare(a.Began), cmp.Compare(a.ID, b.ID))
	})
	return found[:min(len(found), maxListed)], nil
}

// knows reports whether a session here is, or was, of that session at the provider. That
// it isn't known to be says little: there are other processes.
func (d *directory) knows(provider string) bool {
	_, known := d.known.Get(provider)
	return known
}

func (d *directory) leave(ctx context.Context, sub, id string) error {
	ctx, cancel := context.WithTimeout(ctx, directoryBudget)
	defer cancel()
	return d.list.Leave(ctx, d.names.user(sub), id)
}

// whereOf says where a request comes from.
func whereOf(r *http.Request) string { return useragent.Describe(r.UserAgent()) }

// enter lists a session. That it can't be listed keeps nobody out.
func (g *Gate) enter(ctx context.Context, s *session, where string) {
	if err := g.directory.enter(ctx, g.nameOf(s), s, where, g.lastsUntil(s), g.unusedUntil(s)); err != nil {
		g.event(ctx, slog.LevelWarn, "directory", "failed", err.Error(), s)
	}
}

// leave lists a session no longer.
func (g *Gate) leave(ctx context.Context, s *session) {
	claims, err := s.claims()
	if err != nil {
		return
	}
	sub, _ := claims["sub"].(string)
	if err := g.directory.leave(ctx, sub, g.nameOf(s)); err != nil {
		g.event(ctx, slog.LevelWarn, "directory", "failed", err.Error(), s)
	}
}
