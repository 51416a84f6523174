package rbac

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Policy says where claims hold what rules ask for. The zero Policy finds roles
// in the claim "roles", groups in "groups", and scopes in "scope" and "scp".
type Policy struct {
	// Roles, Groups and Scopes are the paths at which they are found; what is
	// found at several is joined. A string is one role or group, an array of
	// strings is many; anything else is none, and makes rules about them
	// Unknown. Strings at Scopes are lists separated by spaces (RFC 6749 §3.3).
	Roles, Groups, Scopes []Path
	// Hierarchy says which other roles a role includes: {"admin": {"editor"},
	// "editor": {"viewer"}} makes every admin a viewer too. A cycle makes its
	// roles the same.
	Hierarchy map[string][]string
	// SplitRoles are characters that separate roles and groups within a string.
	// Empty never splits.
	SplitRoles string
}

// Resolver reads claims by a Policy. It is immutable and safe for concurrent use.
type Resolver struct {
	policy   Policy
	included map[string][]string // transitively
}

// Compile checks the policy and returns its Resolver. The error joins every
// mistake, each naming its field.
func (p Policy) Compile() (*Resolver, error) {
	var mistakes []error
	paths := func(field string, given []Path, fallback ...Path) []Path {
		if given == nil {
			return fallback
		}
		for i, path := range given {
			if !path.valid() {
				mistakes = append(mistakes, fmt.Errorf("%s[%d]: must have 1 to %d names, none of them empty", field, i, maxDepth))
			}
		}
		return clonePaths(given)
	}
	compiled := Policy{
		Roles:      paths("Roles", p.Roles, Path{"roles"}),
		Groups:     paths("Groups", p.Groups, Path{"groups"}),
		Scopes:     paths("Scopes", p.Scopes, Path{"scope"}, Path{"scp"}),
		SplitRoles: p.SplitRoles,
	}
	for _, role := range slices.Sorted(maps.Keys(p.Hierarchy)) {
		if role == "" || slices.Contains(p.Hierarchy[role], "") {
			mistakes = append(mistakes, fmt.Errorf("%s[%q]: role names must not be empty", "Hierarchy", role))
		}
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	r := &Resolver{policy: compiled, included: map[string][]string{}}
	for role := range p.Hierarchy {
		reached := map[string]struct{}{}
		reach(p.Hierarchy, role, reached)
		delete(reached, role)
		r.included[role] = slices.Sorted(maps.Keys(reached))
	}
	return r, nil
}

func clonePaths(paths []Path) []Path {
	cloned := make([]Path, len(paths))
	for i, path := range paths {
		cloned[i] = slices.Clone(path)
	}
	return cloned
}

func reach(hierarchy map[string][]string, role string, reached map[string]struct{}) {
	if _, been := reached[role]; been {
		return
	}
	reached[role] = struct{}{}
	for _, included := range hierarchy[role] {
		reach(hierarchy, included, reached)
	}
}

// Subject reads the claims of one person. Without a sub they are nobody's, and
// the Subject is nil: anonymous. The claims are kept and must not change
// afterwards.
func (r *Resolver) Subject(claims map[string]any) *Subject {
	sub, _ := claims["sub"].(string)
	if sub == "" {
		return nil
	}
	iss, _ := claims["iss"].(string)
	s := &Subject{issuer: iss, id: sub, claims: claims}
	s.roles = r.collect(claims, r.policy.Roles, r.policy.SplitRoles)
	for _, role := range s.roles.sorted() {
		for _, included := range r.included[role] {
			s.roles.add(included)
		}
	}
	s.groups = r.collect(claims, r.policy.Groups, r.policy.SplitRoles)
	s.scopes = r.collect(claims, r.policy.Scopes, " ")
	return s
}

// collect joins what is found at the paths.
func (r *Resolver) collect(claims map[string]any, paths []Path, separators string) set {
	var found set
	for _, path := range paths {
		value, there := path.find(claims)
		switch {
		case there == True:
			found.take(value, separators)
		case there == Unknown, left(claims, path[0]):
			found.malformed = true
		}
	}
	return found
}

// left reports whether the provider left a list out and says where else it is:
// an overage of Microsoft Entra ID, a distributed claim (OpenID Connect Core 1.0
// §5.6.2).
func left(claims map[string]any, name string) bool {
	if elsewhere, ok := claims["_claim_names"].(map[string]any); ok {
		if _, ok := elsewhere[name]; ok {
			return true
		}
	}
	has, _ := claims["hasgroups"].(bool)
	return has && name == "groups"
}

// maxEntries bounds what is taken from one list.
const maxEntries = 10_000

// set is a set of names, and whether there might be more than it holds.
type set struct {
	names     map[string]struct{}
	malformed bool
}

func (s *set) add(name string) {
	if s.names == nil {
		s.names = map[string]struct{}{}
	}
	s.names[name] = struct{}{}
}

// take adds a string or every string of an array, or nothing of either.
func (s *set) take(value any, separators string) {
	var names []string
	switch value := value.(type) {
	case string:
		names = split(value, separators)
	case []string:
		for _, name := range value {
			names = append(names, split(name, separators)...)
		}
	case []any:
		for _, element := range value {
			name, ok := element.(string)
			if !ok {
				s.malformed = true
				return
			}
			names = append(names, split(name, separators)...)
		}
	default:
		s.malformed = true
		return
	}
	if len(names) > maxEntries {
		s.malformed = true
		return
	}
	for _, name := range names {
		if name != "" {
			s.add(name)
		}
	}
}

func split(text, separators string) []string {
	if separators == "" {
		return []string{text}
	}
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) })
}

// has says whether name is in the set. What is there is there, even when more
// might be missing.
func (s *set) has(name string) Outcome {
	if _, ok := s.names[name]; ok {
		return True
	}
	if s.malformed {
		return Unknown
	}
	return False
}

func (s *set) sorted() []string { return slices.Sorted(maps.Keys(s.names)) }
