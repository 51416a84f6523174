package gatehouse

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/sealing"
)

// FuzzStoredSession: whatever a store holds under a ticket, it is nobody's session
// unless it was sealed for that ticket, is the session that the ticket names, and
// isn't over.
func FuzzStoredSession(f *testing.F) {
	store := NewMemoryStore(MemoryStoreConfig{Clock: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	fz := newFuzzed(f, func(c *Config) { c.Store = store })
	v, ok := fz.vault.(*storeVault)
	if !ok {
		f.Fatal("not kept in the store")
	}
	var id sessionID
	copy(id[:], "sixteen letters.")
	t := v.newTicket(id)
	text, err := v.jar.Seal(t.frame(), fz.now.Add(time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(test *testing.T, value []byte, ours bool) {
		ctx, sealed := context.Background(), value
		if ours {
			if sealed, err = sealing.Seal(t.key, t.name, value); err != nil {
				test.Fatal(err)
			}
		}
		if err := store.Delete(ctx, t.name); err != nil {
			test.Fatal(err)
		}
		if saved, err := store.Save(ctx, t.name, nil, sealed, fz.now.Add(time.Hour)); !saved || err != nil {
			return // too large
		}
		who, err := v.open(ctx, text)
		if err != nil {
			test.Fatalf("%x: %v", value, err)
		}
		s, notOne := parseSession(value)
		is := ours && notOne == nil && s.id == id && fz.now.Before(s.expires(v.idle))
		if (who != nil) != is {
			test.Fatalf("%x, sealed by us: %v: a session: %v", value, ours, who != nil)
		}
		old := &session{id: id, place: place{ticket: t}}
		for _, first := range []byte{valueSaved, valueUnsaved, 'x'} {
			if again := v.reopen(ctx, old, append([]byte{first}, sealed...)); (again != nil) != is {
				test.Fatalf("%x, sealed by us: %v: reopened: %v", value, ours, again != nil)
			}
		}
		if who == nil {
			return
		}
		if who.Subject() == "" != (who.Claims()["sub"] == nil) {
			if _, text := who.Claims()["sub"].(string); text {
				test.Fatalf("%x: %q, and the claims %v", value, who.Subject(), who.Claims())
			}
		}
	})
}

// FuzzDirectory: whatever a directory lists for somebody, nothing is shown that we
// didn't seal for them, and what is has a name, three moments and a few words.
func FuzzDirectory(f *testing.F) {
	fz := newFuzzed(f, nil)
	d := fz.directory
	owner, id := d.names.user("alice"), d.names.session(sessionID{1})
	f.Fuzz(func(t *testing.T, frame []byte, ours bool) {
		ctx, kept := context.Background(), frame
		if ours {
			sealed, err := d.codec.Encode(owner+id, frame)
			if err != nil {
				return
			}
			kept = []byte(sealed)
			elsewhere := d.names.user("bob")
			if err := d.list.Enter(ctx, elsewhere, id, kept, fz.now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if listed, err := d.of(ctx, "bob"); len(listed) != 0 || err != nil {
				t.Fatalf("an entry of somebody else's is listed: %v", err)
			}
		}
		if err := d.list.Enter(ctx, owner, id, kept, fz.now.Add(time.Hour)); err != nil {
			return // too large
		}
		listed, err := d.of(ctx, "alice")
		if err != nil || len(listed) > 1 || len(listed) == 1 && !ours {
			t.Fatalf("%x: %d are listed, %v", frame, len(listed), err)
		}
		for _, one := range listed {
			if one.ID != id || len(one.Where) > maxWhere || len(one.provider) != nameLength || one.Ends.Unix() > maxMoment || !bytes.Equal(one.frame()[1+17:], one.frame()[18:]) {
				t.Fatalf("%x is listed as %+v", frame, one)
			}
		}
	})
}
