package gatehouse

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/budget"
	"github.com/gatehouse-go/gatehouse/internal/sealing"
)

// storeVault keeps sessions in a [Store]. The cookie holds a ticket: an id, and
// the key under which the session is sealed there. Renewals and the idle timeout
// change the store alone; the cookie stays as it was at sign-in.
type storeVault struct {
	jar      *cookie.Jar
	store    Store
	opened   *opened // those seen before, by the text of their ticket
	naming   func(sessionID) string
	lifetime time.Duration
	reader
}

// maxStored bounds a session in a store.
const maxStored = 1 << 20

// ticket is what the cookie of a stored session says.
type ticket struct {
	id   sessionID
	key  [32]byte
	name string // what the store knows the session as
}

const ticketVersion = 't' // which no session frame begins with

func (v *storeVault) newTicket(id sessionID) *ticket {
	t := &ticket{id: id, name: v.naming(id)}
	_, _ = rand.Read(t.key[:]) // never fails (crypto/rand)
	return t
}

func (t *ticket) frame() []byte {
	return append(append([]byte{ticketVersion}, t.id[:]...), t.key[:]...)
}

func (v *storeVault) parseTicket(b []byte) (*ticket, bool) {
	t := &ticket{}
	if len(b) != 1+len(t.id)+len(t.key) || b[0] != ticketVersion {
		return nil, false
	}
	copy(t.key[:], b[1+copy(t.id[:], b[1:]):])
	t.name = v.naming(t.id)
	return t, true
}

// A value that replace returns is the sealed session behind one byte, which says
// whether the store has it. When the store failed in mid-renewal the tokens are
// new all the same, and the old ones spent: whoever asks next saves them.
const (
	valueSaved byte = iota
	valueUnsaved
)

func (v *storeVault) begin(ctx context.Context, s *session) (string, error) {
	t := v.newTicket(s.id)
	sealed, err := v.seal(t, s)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	saved, err := v.store.Save(ctx, t.name, nil, sealed, s.expires(v.idle))
	switch {
	case err != nil:
		return "", unkept(err)
	case !saved: // 128 random bits, twice
		return "", unkept(errors.New("gatehouse: the store holds a session under a new id"))
	}
	text, err := v.jar.Seal(t.frame(), v.expires(s))
	if err != nil {
		return "", unsealable(err)
	}
	return text, nil
}

func (v *storeVault) seal(t *ticket, s *session) ([]byte, error) {
	frame := s.frame()
	if len(frame) > maxStored {
		return nil, unsealable(fmt.Errorf("gatehouse: a session of %d bytes, at most %d are kept", len(frame), maxStored))
	}
	return sealing.Seal(t.key, t.name, frame)
}

func (v *storeVault) open(ctx context.Context, text string) (*Identity, error) {
	name := v.opened.name(text)
	known := v.opened.get(name)
	t, ok := v.ticketOf(known, text)
	if !ok {
		return nil, nil
	}
	sealed, err := v.load(ctx, t)
	if err != nil {
		return nil, err
	}
	if known != nil && bytes.Equal(known.session().place.kept, sealed) {
		return v.unlessOver(known), nil
	}
	who := v.unseal(t, sealed)
	if who != nil {
		v.opened.put(name, who)
	}
	return who, nil
}

func (v *storeVault) ticketOf(known *Identity, text string) (*ticket, bool) {
	if known != nil {
		return known.session().place.ticket, true
	}
	frame, err := v.jar.Open(text)
	if err != nil {
		return nil, false
	}
	return v.parseTicket(frame)
}

// load returns what the store keeps.
func (v *storeVault) load(ctx context.Context, t *ticket) ([]byte, error) {
	within := budget.Of(ctx, storeBudget)
	defer within.Spend()
	sealed, err := v.store.Load(within, t.name)
	if err != nil {
		return nil, unreachable(err)
	}
	return sealed, nil
}

// unseal returns whose session it is, nil when it isn't one: what somebody else
// wrote to the store opens under no cookie's key.
func (v *storeVault) unseal(t *ticket, sealed []byte) *Identity {
	frame, err := sealing.Open(t.key, t.name, sealed, maxStored)
	if err != nil {
		return nil
	}
	who := v.read(frame, place{ticket: t, kept: sealed})
	if who == nil || who.session().id != t.id {
		return nil
	}
	return who
}

// replace compares and sets. Where somebody else was faster it is their session
// that counts, unless they only used it: their use is carried over. With an
// error that is errStore the value is good, and not saved.
func (v *storeVault) replace(ctx context.Context, old, s *session) ([]byte, error) {
	t, previous := old.place.ticket, old.place.kept
	for range 4 {
		sealed, err := v.seal(t, s)
		if err != nil {
			return nil, err
		}
		saved, err := v.save(ctx, t, previous, sealed, s)
		if err != nil {
			return append([]byte{valueUnsaved}, sealed...), err
		}
		if saved {
			return append([]byte{valueSaved}, sealed...), nil
		}
		if previous, err = v.load(ctx, t); err != nil {
			return append([]byte{valueUnsaved}, sealed...), err
		}
		kept := v.unseal(t, previous)
		switch {
		case kept == nil:
			return nil, errGone
		case kept.session().key() != old.key():
			return append([]byte{valueSaved}, previous...), nil
		}
		merged := *s
		merged.seen = max(s.seen, kept.session().seen)
		s = &merged
	}
	return nil, fmt.Errorf("%w: it changes faster than it can be saved", errStore)
}

func (v *storeVault) save(ctx context.Context, t *ticket, previous, sealed []byte, s *session) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	saved, err := v.store.Save(ctx, t.name, previous, sealed, s.expires(v.idle))
	if err != nil {
		return false, unreachable(err)
	}
	return saved, nil
}

func (v *storeVault) reopen(ctx context.Context, old *session, value []byte) *Identity {
	if len(value) == 0 {
		return nil
	}
	who := v.unseal(old.place.ticket, value[1:])
	if who != nil && value[0] == valueUnsaved {
		// Whether this succeeds, or somebody else's did: the session is good.
		_, _ = v.save(ctx, old.place.ticket, old.place.kept, value[1:], who.session())
	}
	return who
}

// put has nothing to do: the ticket stays the same.
func (v *storeVault) put(http.ResponseWriter, *http.Request, *session, []byte) error { return nil }

func (v *storeVault) newer(ctx context.Context, s *session) (*session, []byte) {
	sealed, err := v.load(ctx, s.place.ticket)
	if err != nil {
		return nil, nil
	}
	kept := v.unseal(s.place.ticket, sealed)
	if kept == nil || kept.session().key() == s.key() {
		return nil, nil
	}
	return kept.session(), append([]byte{valueSaved}, sealed...)
}

func (v *storeVault) kept(ctx context.Context, s *session) (*session, error) {
	sealed, err := v.load(ctx, s.place.ticket)
	if err != nil {
		return nil, err
	}
	who := v.unseal(s.place.ticket, sealed)
	if who == nil {
		return nil, nil
	}
	return who.session(), nil
}

func (v *storeVault) end(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	if err := v.store.Delete(ctx, s.place.ticket.name); err != nil {
		return unreachable(err)
	}
	return nil
}

func (v *storeVault) name(text string) string {
	if t, ok := v.ticketOf(nil, text); ok {
		return t.name
	}
	return ""
}

// expires is the end of the ticket. The session's own end may move, and comes
// before.
func (v *storeVault) expires(s *session) time.Time {
	return time.UnixMilli(s.begun).Add(v.lifetime)
}
