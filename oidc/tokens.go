package oidc

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/secret"
)

// TokenSet are the tokens of one answer, as strings.
type TokenSet struct {
	AccessToken, RefreshToken, IDToken string
	// Scope is what was granted, separated by spaces: as the provider says, or what
	// was asked for where it says nothing (RFC 6749 §5.1).
	Scope string
	// Issued and Expires are when the access token was received and when it
	// expires, in whole seconds.
	Issued, Expires time.Time
	// ProofKey is the key that the tokens are bound to (RFC 9449); the zero key for
	// bearer tokens.
	ProofKey ProofKey
}

// Tokens is a view of tokens in a compact binary form, in which the segments of
// JWTs are bytes rather than base64url. Strings are built when they are asked
// for. The zero Tokens holds none. It is immutable, and never prints itself.
type Tokens struct{ view **view } // a pointer to a pointer, which no verb of fmt follows

// view are the parts of a frame, which they alias.
type view struct {
	self                       *view // what Tokens points to, so that it needs no memory of its own
	frame                      []byte
	issued, expires            int64
	access, refresh, id, scope []byte
	proofKey                   []byte
}

// The frame is: version, issued and expires as uvarint unix seconds, and access
// token, refresh token, ID token and scope as packed texts, each behind its
// uvarint length. A packed text is its dot-separated segments, each behind a
// uvarint that is twice its length, plus one where the segment is kept literally
// because it isn't canonical base64url. Tokens that are bound to a key have another
// version, in which the key comes first, as it is.
const (
	tokensVersion      = 1
	boundTokensVersion = 2
)

var errTokens = errors.New("oidc: not a frame of tokens")

// Pack returns the compact form.
func (s TokenSet) Pack() Tokens {
	frame := []byte{tokensVersion}
	if key := s.ProofKey.Bytes(); len(key) == proofKeyLength {
		frame = append([]byte{boundTokensVersion}, key...)
	}
	frame = binary.AppendUvarint(frame, unixSeconds(s.Issued))
	frame = binary.AppendUvarint(frame, unixSeconds(s.Expires))
	for _, text := range []string{s.AccessToken, s.RefreshToken, s.IDToken, s.Scope} {
		packed := packText(text)
		frame = binary.AppendUvarint(frame, uint64(len(packed)))
		frame = append(frame, packed...)
	}
	packed, err := ParseTokens(frame)
	if err != nil { // what was just written reads back
		panic(err)
	}
	return packed
}

func unixSeconds(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(max(t.Unix(), 0))
}

func packText(text string) []byte {
	if text == "" {
		return nil
	}
	var packed []byte
	for segment := range strings.SplitSeq(text, ".") {
		decoded, err := base64.RawURLEncoding.DecodeString(segment)
		if err == nil && base64.RawURLEncoding.EncodeToString(decoded) == segment {
			packed = binary.AppendUvarint(packed, uint64(len(decoded))<<1)
			packed = append(packed, decoded...)
		} else {
			packed = binary.AppendUvarint(packed, uint64(len(segment))<<1|1)
			packed = append(packed, segment...)
		}
	}
	return packed
}

// nextSegment returns the first segment of a packed text and the rest of it.
func nextSegment(packed []byte) (segment []byte, literal bool, rest []byte, ok bool) {
	header, n := binary.Uvarint(packed)
	length := header >> 1
	if n <= 0 || length > uint64(len(packed)-n) {
		return nil, false, nil, false
	}
	return packed[n : n+int(length)], header&1 == 1, packed[n+int(length):], true
}

// ParseTokens reads the compact form, which the Tokens keep. It checks the whole
// structure, and nothing of what the tokens say.
func ParseTokens(frame []byte) (Tokens, error) {
	v := &view{frame: frame}
	var rest []byte
	switch {
	case len(frame) > 0 && frame[0] == tokensVersion:
		rest = frame[1:]
	case len(frame) > proofKeyLength && frame[0] == boundTokensVersion:
		v.proofKey, rest = frame[1:1+proofKeyLength], frame[1+proofKeyLength:]
	default:
		return Tokens{}, errTokens
	}
	for _, moment := range []*int64{&v.issued, &v.expires} {
		value, n := binary.Uvarint(rest)
		if n <= 0 || value > 1<<40 {
			return Tokens{}, errTokens
		}
		*moment, rest = int64(value), rest[n:]
	}
	for _, packed := range []*[]byte{&v.access, &v.refresh, &v.id, &v.scope} {
		length, n := binary.Uvarint(rest)
		if n <= 0 || length > uint64(len(rest)-n) {
			return Tokens{}, errTokens
		}
		*packed, rest = rest[n:n+int(length)], rest[n+int(length):]
		for left := *packed; len(left) > 0; {
			var ok bool
			if _, _, left, ok = nextSegment(left); !ok {
				return Tokens{}, errTokens
			}
		}
	}
	if len(rest) != 0 {
		return Tokens{}, errTokens
	}
	v.self = v
	return Tokens{&v.self}, nil
}

func (t Tokens) parts() *view {
	if t.view == nil {
		return &view{}
	}
	return *t.view
}

func unpackText(packed []byte) string {
	if len(packed) == 0 {
		return ""
	}
	var text []byte
	for first := true; len(packed) > 0; first = false {
		segment, literal, rest, ok := nextSegment(packed)
		if !ok {
			return ""
		}
		if !first {
			text = append(text, '.')
		}
		if literal {
			text = append(text, segment...)
		} else {
			text = base64.RawURLEncoding.AppendEncode(text, segment)
		}
		packed = rest
	}
	return string(text)
}

// Bytes returns the compact form. It holds the tokens in the clear, and must not
// be modified.
func (t Tokens) Bytes() []byte { return t.parts().frame }

// AccessToken returns the access token.
func (t Tokens) AccessToken() string { return unpackText(t.parts().access) }

// RefreshToken returns the refresh token, "" where there is none.
func (t Tokens) RefreshToken() string { return unpackText(t.parts().refresh) }

// IDToken returns the ID token.
func (t Tokens) IDToken() string { return unpackText(t.parts().id) }

// Scope returns the scopes that were granted, separated by spaces; "" for none.
func (t Tokens) Scope() string { return unpackText(t.parts().scope) }

// ProofKey returns the key that the tokens are bound to, the zero key for bearer
// tokens.
func (t Tokens) ProofKey() ProofKey {
	raw := t.parts().proofKey
	if raw == nil {
		return ProofKey{}
	}
	return ProofKey{secret.New(string(raw))}
}

// HasRefresh reports whether there is a refresh token.
func (t Tokens) HasRefresh() bool { return len(t.parts().refresh) > 0 }

// Issued returns when the access token was received.
func (t Tokens) Issued() time.Time { return unixTime(t.parts().issued) }

// Expires returns when the access token expires.
func (t Tokens) Expires() time.Time { return unixTime(t.parts().expires) }

func unixTime(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// RawAccess and RawRefresh return the packed bytes of a token, to be hashed: two
// tokens have the same bytes when they are the same.
func (t Tokens) RawAccess() []byte { return t.parts().access }

// RawRefresh is like RawAccess.
func (t Tokens) RawRefresh() []byte { return t.parts().refresh }

// IDTokenPayload returns the ID token's claims as the JSON that was signed, nil
// where there is none. It is not verified here: that was done when the token was
// received.
func (t Tokens) IDTokenPayload() []byte {
	_, _, rest, ok := nextSegment(t.parts().id)
	if !ok {
		return nil
	}
	payload, literal, _, ok := nextSegment(rest)
	if !ok || literal {
		return nil
	}
	return bytes.TrimSpace(payload)
}

// renewedBy carries over the tokens that the answer to a refresh leaves out (RFC 6749
// §6, OpenID Connect Core 1.0 §12.2).
func (t Tokens) renewedBy(s TokenSet) TokenSet {
	if s.RefreshToken == "" {
		s.RefreshToken = t.RefreshToken()
	}
	if s.IDToken == "" {
		s.IDToken = t.IDToken()
	}
	return s
}

// Format prints no token, whatever the verb.
func (Tokens) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Redacted) }

// LogValue logs no token.
func (Tokens) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }

// MarshalText encodes no token.
func (Tokens) MarshalText() ([]byte, error) { return []byte(secret.Redacted), nil }

// Format prints no token, whatever the verb.
func (TokenSet) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Redacted) }

// LogValue logs no token.
func (TokenSet) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }

// MarshalText encodes no token.
func (TokenSet) MarshalText() ([]byte, error) { return []byte(secret.Redacted), nil }
