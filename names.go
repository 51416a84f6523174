package gatehouse

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// names are what stores, directories and denylists know people and sessions as:
// hashes, which say nothing, and which differ by issuer and client, so that
// several gates can share one server.
type names struct{ issuer, client string }

// nameLength is that of every name: a letter for its kind, and 192 bits in
// base64url.
const nameLength = 1 + 32

// The kinds of names that are told apart again by what they begin with.
const sessionKind, userKind, sidKind, sidlessKind = 's', 'u', 'p', 'n'

// session names one session of ours.
func (n names) session(id sessionID) string { return n.of(sessionKind, string(id[:])) }

// sid names a session at the provider (OpenID Connect Front-Channel Logout 1.0
// §3).
func (n names) sid(sid string) string { return n.of(sidKind, sid) }

// user names everything of a user's, and sidless what of it has no sid.
func (n names) user(sub string) string    { return n.of(userKind, sub) }
func (n names) sidless(sub string) string { return n.of(sidlessKind, sub) }

// over names a session, by its name, that ended without being revoked, to handlers
// that live long. Requests find out by themselves.
func (n names) over(session string) string { return n.of('e', session) }

// token names a logout token by its jti.
func (n names) token(jti string) string { return n.of('j', jti) }

// people are the names under which somebody's session may be revoked besides
// its own.
func (n names) people(claims map[string]any) [2]string {
	sub, _ := claims["sub"].(string)
	if sid, ok := claims["sid"].(string); ok && sid != "" {
		return [2]string{n.user(sub), n.sid(sid)}
	}
	return [2]string{n.user(sub), n.sidless(sub)}
}

// ofSession reports whether a name is of a session of ours, ofPeople whether it is one
// of [names.people].
func ofSession(name string) bool { return name != "" && name[0] == sessionKind }

func ofPeople(name string) bool {
	return name != "" && (name[0] == userKind || name[0] == sidKind || name[0] == sidlessKind)
}

func (n names) of(kind byte, what string) string {
	var plain []byte
	for _, part := range []string{n.issuer, n.client, what} {
		plain = binary.AppendUvarint(plain, uint64(len(part)))
		plain = append(plain, part...)
	}
	hash := sha256.Sum256(append(plain, kind))
	name := append(make([]byte, 0, nameLength), kind)
	return string(base64.RawURLEncoding.AppendEncode(name, hash[:24]))
}
