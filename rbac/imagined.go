package rbac

import (
	"cmp"
	"slices"
)

// Imagine returns somebody who is signed in and has the roles, those that they
// include, and no others, and of whom nothing else is known: every other rule
// about their claims is Unknown. What is True of them is true of everybody with
// just these roles, and what is False of nobody, which is how a policy is shown
// without anybody's claims. Nobody may be let in by it.
func (r *Resolver) Imagine(roles ...string) *Subject {
	if r == nil || r.included == nil {
		return nil
	}
	open := list{doubt: unsaid}
	s := &Subject{id: "somebody", imagined: true, roles: list{doubt: lacking}, groups: open, scopes: open, permissions: open}
	for _, role := range roles {
		if role != "" {
			s.roles.add(role)
		}
	}
	r.include(&s.roles)
	return s
}

// Vocabulary returns the roles that the rules and the policy's hierarchy name,
// each once: those that include fewer others first, and then by name. Nil rules
// name none.
func (r *Resolver) Vocabulary(rules ...Rule) []string {
	var included map[string][]string
	if r != nil {
		included = r.included
	}
	var names []string
	note := func(role string) {
		if role != "" {
			names = append(names, role)
		}
	}
	for _, rule := range rules {
		if rule != nil {
			rule.roles(note)
		}
	}
	for role, others := range included {
		names = append(append(names, role), others...)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(included[a]), len(included[b])), cmp.Compare(a, b))
	})
	return slices.Compact(names)
}
