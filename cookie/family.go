package cookie

import (
	"net/http"
	"strings"
)

// maxMembers bounds how many members of a family are looked at.
const maxMembers = 64

// Member returns a jar for one member of a family of cookies: its name is this
// jar's, a "-" and id. An id is 1 to 64 letters, digits, "_" and "-"; the jar of
// any other finds nothing and refuses to set anything, so that an id may come
// from a stranger.
func (j *Jar) Member(id string) *Jar {
	member := *j
	member.name = j.name + "-" + id
	if j.name == "" || !validName(id) {
		member.name = ""
	}
	return &member
}

// Members returns the ids of the members that the request carries, in its order,
// each once; the first 64 of them. Whether their cookies are authentic is for the
// members' jars to say.
func (j *Jar) Members(r *http.Request) []string {
	var ids []string
	seen := map[string]bool{}
	for cookie := range cookies(r) {
		id, ok := j.memberID(cookie)
		if !ok || seen[id] {
			continue
		}
		seen[id] = true
		if ids = append(ids, id); len(ids) == maxMembers {
			break
		}
	}
	return ids
}

// maxFamily bounds the cookies of a [Jar.Family]: more than 64 members have.
const maxFamily = 1024

// Family returns a request that carries the cookies of the family's members and no
// others, the first 1024 of them. Whoever looks at several members of it doesn't go
// through all that the request carries for each: a header of a million semicolons is
// half a million cookies.
func (j *Jar) Family(r *http.Request) *http.Request {
	var members []string
	for cookie := range cookies(r) {
		if _, ok := j.memberID(cookie); !ok {
			continue
		}
		if members = append(members, cookie); len(members) == maxFamily {
			break
		}
	}
	return &http.Request{Header: http.Header{"Cookie": members}}
}

// WithoutFamily is [Jar.Without] for the cookies of all members.
func (j *Jar) WithoutFamily(r *http.Request) *http.Request {
	return without(r, func(cookie string) bool {
		_, ours := j.memberID(cookie)
		return ours
	})
}

// memberID is the id in the name of a member's cookie, or of a piece of it.
func (j *Jar) memberID(cookie string) (id string, ok bool) {
	rest, ours := strings.CutPrefix(cookie, j.name)
	if !ours || j.name == "" || !strings.HasPrefix(rest, "-") {
		return "", false
	}
	name, _, _ := strings.Cut(rest[1:], "=")
	id, _, _ = strings.Cut(name, ".")
	return id, validName(id)
}
