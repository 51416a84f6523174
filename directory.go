package gatehouse

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/gatehouse-go/gatehouse/internal/useragent"
)

// Session is one of somebody's sessions, as [Gate.Sessions] lists them.
type Session struct {
	// ID names it to [Gate.Revoke]. It opens nothing.
	ID string
	// Began is when the person signed in, Seen when a request last counted as
	// use, to a few minutes, and Ends when it is over at the latest.
	Began, Seen, Ends time.Time
	// Where is the browser and the system it runs on, in words such as "Firefox
	// on Windows"; "" where it said neither. Nothing more of the request is kept,
	// and no address.
	Where string

	provider string // the name under which a logout at the provider revokes it
}

// directory lists who is signed in where. It is a convenience: what it doesn't
// know can be revoked all the same.
type directory struct {
	list  Directory
	codec *cookie.Codec // seals entries, each for its owner and id
	names names
}

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
	d := &directory{codec: codec, names: names{c.Issuer, c.ClientID}}
	if named := firstOf[Directory](nil, c.Store, c.Revocations); named != nil {
		d.list = sturdyDirectory{named}
		return d, nil
	}
	d.list = NewMemoryStore(MemoryStoreConfig{MaxBytes: 32 << 20, Clock: c.Clock})
	return d, nil
}

const (
	entryVersion = 1
	maxWhere     = 64
)

func (s Session) frame() []byte {
	frame := []byte{entryVersion}
	for _, moment := range []int64{s.Began.UnixMilli(), s.Seen.Unix(), s.Ends.Unix()} {
		frame = binary.AppendUvarint(frame, uint64(moment))
	}
	return append(append(frame, s.provider...), s.Where...)
}

var errEntry = errors.New("gatehouse: not an entry of a session")

func parseEntry(id string, frame []byte) (Session, error) {
	if len(frame) == 0 || frame[0] != entryVersion {
		return Session{}, errEntry
	}
	rest := frame[1:]
	var moments [3]int64
	for i := range moments {
		value, n := binary.Uvarint(rest)
		if n <= 0 || value > maxMoment {
			return Session{}, errEntry
		}
		moments[i], rest = int64(value), rest[n:]
	}
	if len(rest) < nameLength || len(rest) > nameLength+maxWhere {
		return Session{}, errEntry
	}
	return Session{
		ID:       id,
		Began:    time.UnixMilli(moments[0]),
		Seen:     time.Unix(moments[1], 0),
		Ends:     time.Unix(moments[2], 0),
		Where:    string(rest[nameLength:]),
		provider: string(rest[:nameLength]),
	}, nil
}

// enter lists a session, or what is new about it.
func (d *directory) enter(ctx context.Context, id string, s *session, where string, ends, expires time.Time) error {
	claims, err := s.claims()
	if err != nil {
		return err
	}
	people := d.names.people(claims)
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

func (d *directory) leave(ctx context.Context, sub, id string) error {
	ctx, cancel := context.WithTimeout(ctx, directoryBudget)
	defer cancel()
	return d.list.Leave(ctx, d.names.user(sub), id)
}

// Sessions returns the live sessions of a user of the issuer, by the sub claim,
// the latest seen first, a hundred at most. It knows those of all processes where
// [Config.Store] or [Config.Revocations] is a [Directory], otherwise those that
// this process has seen begin or be used. An error says that the directory can't be
// read now, or that the Gate was made by [NewResourceServer] and has none.
func (g *Gate) Sessions(ctx context.Context, sub string) ([]Session, error) {
	if g.directory == nil {
		return nil, errSignsNobodyIn
	}
	listed, err := g.directory.of(ctx, sub)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeBudget) // for all of them
	defer cancel()
	alive := listed[:0]
	user := g.names.user(sub)
	for _, one := range listed {
		before, err := g.denials.latest(ctx, one.ID, user, one.provider)
		if err != nil {
			return nil, err
		}
		if before.IsZero() || one.Began.UnixMilli() > before.UnixMilli() {
			alive = append(alive, one)
		}
	}
	return alive, nil
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
