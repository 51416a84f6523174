package gatehouse

import (
	"context"
	"encoding/binary"
	"errors"
	"time"
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
