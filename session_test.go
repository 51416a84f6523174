package gatehouse

import (
	"bytes"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
)

func frameForTest() []byte {
	s := session{id: newSessionID(), begun: 1_800_000_000_123, seen: 1_800_000_060, ends: 1_800_043_200, under: []byte(`{"name":"Alice"}`), own: []byte(`{"level":7}`)}
	s.tokens = oidc.TokenSet{AccessToken: "a.b.c", RefreshToken: "r", IDToken: "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.AAAA", Expires: time.Unix(1_800_000_300, 0)}.Pack()
	return s.frame()
}

func parseSession(frame []byte) (s session, err error) {
	err = s.parse(frame)
	return s, err
}

func TestSessionFrame(t *testing.T) {
	frame := frameForTest()
	s, err := parseSession(frame)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.frame(), frame) {
		t.Error("the frame changed")
	}
	claims, err := s.claims()
	if err != nil || claims["sub"] != "alice" || claims["name"] != "Alice" || claims["level"] != 7.0 {
		t.Errorf("claims %v, %v", claims, err)
	}
	for i := range frame {
		if _, err := parseSession(frame[:i]); err == nil {
			t.Errorf("the first %d bytes are a session", i)
		}
	}
	if _, err := parseSession(append(frame, 0)); err == nil {
		t.Error("trailing bytes are accepted")
	}
	s.ends = 1 << 60 // which overflows in milliseconds
	if _, err := parseSession(s.frame()); err == nil {
		t.Error("a moment beyond all times is accepted")
	}
}

func TestSessionExpiry(t *testing.T) {
	s := session{begun: 1_000_000, seen: 2000, ends: 3000}
	for idle, want := range map[time.Duration]int64{0: 3000, -1: 3000, 500 * time.Second: 2500, 2000 * time.Second: 3000} {
		if got := s.expires(idle).Unix(); got != want {
			t.Errorf("idle %v: expires at %d, want %d", idle, got, want)
		}
	}
}

func FuzzParseSession(f *testing.F) {
	f.Fuzz(func(t *testing.T, frame []byte) {
		s, err := parseSession(frame)
		if err != nil {
			return
		}
		_, _ = s.claims()
		_, _, _ = s.layers()
		again, err := parseSession(s.frame())
		if err != nil || again.id != s.id || again.ends != s.ends || !bytes.Equal(again.own, s.own) {
			t.Fatalf("%x doesn't round-trip: %v", frame, err)
		}
	})
}

func TestTicket(t *testing.T) {
	v := &storeVault{naming: names{"https://idp.example", "app"}.session}
	ticket := v.newTicket(newSessionID())
	frame := ticket.frame()
	again, ok := v.parseTicket(frame)
	if !ok || *again != *ticket || len(again.name) != nameLength || again.name[0] != 's' {
		t.Errorf("%v, %v", again, ok)
	}
	for i := range frame {
		if _, ok := v.parseTicket(frame[:i]); ok {
			t.Errorf("the first %d bytes are a ticket", i)
		}
	}
	if _, ok := v.parseTicket(append(frame, 0)); ok {
		t.Error("trailing bytes are accepted")
	}
	if _, ok := v.parseTicket(append([]byte{ticketVersion + 1}, frame[1:]...)); ok {
		t.Error("another version is accepted")
	}
	if _, ok := v.parseTicket(frameForTest()); ok {
		t.Error("a session is a ticket")
	}
	if _, err := parseSession(frame); err == nil {
		t.Error("a ticket is a session")
	}
	elsewhere := names{"https://idp.example", "other"}
	if elsewhere.session(ticket.id) == ticket.name || elsewhere.user("a") == elsewhere.sid("a") {
		t.Error("two things have one name")
	}
}

// FuzzParseTicket: whatever a cookie holds, a ticket is of one form alone, and
// never a session.
func FuzzParseTicket(f *testing.F) {
	v := &storeVault{naming: names{"https://idp.example", "app"}.session}
	f.Fuzz(func(t *testing.T, frame []byte) {
		ticket, ok := v.parseTicket(frame)
		if !ok {
			return
		}
		if !bytes.Equal(ticket.frame(), frame) || ticket.name != v.naming(ticket.id) {
			t.Fatalf("%x doesn't round-trip", frame)
		}
		if _, err := parseSession(frame); err == nil {
			t.Fatalf("%x is a session too", frame)
		}
	})
}

func FuzzParseEntry(f *testing.F) {
	f.Fuzz(func(t *testing.T, frame []byte) {
		entry, err := parseEntry("id", frame)
		if err != nil {
			return
		}
		again, err := parseEntry("id", entry.frame())
		if err != nil || again != entry {
			t.Fatalf("%x doesn't round-trip: %v", frame, err)
		}
	})
}
