package rbac

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Policy says where claims hold what rules ask for. The zero Policy finds roles
// in the claim "roles", groups in "groups", scopes in "scope" and "scp", and
// permissions in "permissions".
type Policy struct {
	// Roles, Groups, Scopes and Permissions are the paths at which they are found;
	// what is found at several is joined. A string is one role, group or
	// permission, an array of strings is many; anything else is none, and makes
	// rules about them Unknown. Strings at Scopes are lists separated by spaces
	// (RFC 6749 §3.3).
	Roles, Groups, Scopes, Permissions []Path
	// Hierarchy says which other roles a role includes: {"admin": {"editor"},
	// "editor": {"viewer"}} makes every admin a viewer too. A cycle makes its
	// roles the same.
	Hierarchy map[string][]string
	// SplitRoles are characters that separate roles within a string, also within
	// one that is an element of an array; letters and digits are a mistake. Empty
	// never splits. Groups are never split: their names may have spaces and commas.
	SplitRoles string
}

// Resolver reads claims by a Policy. Make one with [Policy.Compile]. It is
// immutable and safe for concurrent use.
type Resolver struct {
	roles, groups, scopes, permissions source

	included map[string][]string // transitively; never nil
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
	r := &Resolver{
		roles:       source{paths("Roles", p.Roles, Path{"roles"}), p.SplitRoles},
		groups:      source{paths("Groups", p.Groups, Path{"groups"}), ""},
		scopes:      source{paths("Scopes", p.Scopes, Path{"scope"}, Path{"scp"}), " "},
		permissions: source{paths("Permissions", p.Permissions, Path{"permissions"}), ""},
		included:    make(map[string][]string, len(p.Hierarchy)),
	}
	if strings.ContainsFunc(p.SplitRoles, isAlphanumeric) {
		mistakes = append(mistakes, fmt.Errorf("%s: must not hold letters or digits, is %q", "SplitRoles", p.SplitRoles))
	}
	for _, role := range slices.Sorted(maps.Keys(p.Hierarchy)) {
		if role == "" || slices.Contains(p.Hierarchy[role], "") {
			mistakes = append(mistakes, fmt.Errorf("%s[%q]: role names must not be empty", "Hierarchy", role))
		}
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	for role := range p.Hierarchy {
		reached := map[string]struct{}{}
		reach(p.Hierarchy, role, reached)
		delete(reached, role)
		r.included[role] = slices.Sorted(maps.Keys(reached))
	}
	return r, nil
}

func isAlphanumeric(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

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

// Subject reads the claims of one person. Without a sub, or with an iss that is
// no string, they are nobody's, and the Subject is nil: anonymous. So is
// everybody to a nil or zero Resolver. The claims are kept and must not change
// afterwards.
func (r *Resolver) Subject(claims map[string]any) *Subject {
	sub, _ := claims["sub"].(string)
	iss, ok := claims["iss"].(string)
	if sub == "" || !ok && claims["iss"] != nil || r == nil || r.included == nil {
		return nil
	}
	s := &Subject{
		issuer:      iss,
		id:          sub,
		claims:      claims,
		roles:       r.roles.read(claims),
		groups:      r.groups.read(claims),
		scopes:      r.scopes.read(claims),
		permissions: r.permissions.read(claims),
	}
	r.include(&s.roles)
	return s
}

// include adds the roles that those in the list include.
func (r *Resolver) include(roles *list) {
	for _, role := range roles.names {
		for _, included := range r.included[role] {
			roles.add(included)
		}
	}
}
