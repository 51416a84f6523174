package gatehouse

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"maps"

	"github.com/gatehouse-go/gatehouse/internal/claims"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/refresh"
)

// session is somebody's sign-in. What is kept of it, in a cookie or in a store,
// is a compact binary frame, read without copying. Opening one parses no claims
// and builds no token strings.
//
//	version  1 byte
//	id       16 bytes, ours, minted at sign-in and kept by renewals
//	begun    uvarint, unix milliseconds
//	seen, ends  uvarint, unix seconds
//	tokens, under, over, own, asked  uvarint length, then bytes
type session struct {
	id     sessionID
	begun  int64 // to the millisecond, because revocations spare what begins after them
	seen   int64 // when a request last slid the idle timeout
	ends   int64 // never moves past begun + SessionLifetime
	tokens oidc.Tokens

	// Claims are layered, as JSON objects or nothing: under, the ID token's
	// payload, over, own; a later layer wins.
	under []byte // userinfo, and what earlier ID tokens said that this one omits
	over  []byte // userinfo newer than the ID token
	own   []byte // the application's, from Admit

	asked asked // see there

	place place // where it came from; no part of the frame
}

// sessionID names a session for as long as it lives.
type sessionID [16]byte

const sessionVersion = 1

// maxMoment is far from now, in seconds and in milliseconds, and from overflow.
const maxMoment = 1 << 50

var errSession = errors.New("gatehouse: not a session frame")

func newSessionID() (id sessionID) {
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return id
}

func (s *session) frame() []byte {
	tokens := s.tokens.Bytes()
	b := make([]byte, 0, 1+len(s.id)+8*binary.MaxVarintLen64+len(tokens)+len(s.under)+len(s.over)+len(s.own)+len(s.asked))
	b = append(b, sessionVersion)
	b = append(b, s.id[:]...)
	for _, moment := range []int64{s.begun, s.seen, s.ends} {
		b = binary.AppendUvarint(b, uint64(moment))
	}
	for _, part := range [][]byte{tokens, s.under, s.over, s.own, s.asked} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}

// parse reads a frame, which s then aliases.
func (s *session) parse(b []byte) error {
	if len(b) < 1+len(s.id) || b[0] != sessionVersion {
		return errSession
	}
	b = b[1+copy(s.id[:], b[1:]):]
	for _, moment := range []*int64{&s.begun, &s.seen, &s.ends} {
		value, n := binary.Uvarint(b)
		if n <= 0 || value > maxMoment {
			return errSession
		}
		*moment, b = int64(value), b[n:]
	}
	var tokens []byte
	for _, part := range []*[]byte{&tokens, &s.under, &s.over, &s.own, (*[]byte)(&s.asked)} {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return errSession
		}
		*part, b = b[n:n+int(length)], b[n+int(length):]
	}
	if len(b) != 0 || !s.asked.valid() {
		return errSession
	}
	var err error
	s.tokens, err = oidc.ParseTokens(tokens)
	return err
}

// claims merges the layers into a map of the caller's own.
func (s *session) claims() (map[string]any, error) {
	merged := map[string]any{}
	for _, layer := range [][]byte{s.under, s.tokens.IDTokenPayload(), s.over, s.own} {
		if len(layer) == 0 {
			continue
		}
		values, err := claims.Parse(layer)
		if err != nil {
			return nil, err
		}
		if len(merged) == 0 {
			merged = values // ours, and mostly the only ones
			continue
		}
		maps.Copy(merged, values)
	}
	return merged, nil
}

// key names the tokens of this session to the renewal group. The session is part of
// it, because tokens need not differ: a provider that is there for signing in alone
// may give everybody the same access token, and one browser's session must
// never be the answer to another's.
func (s *session) key() refresh.Key {
	return refresh.KeyOf(s.id[:], s.tokens.RawRefresh(), s.tokens.RawAccess())
}
