// Package rbac decides by claims who may do what. It knows no HTTP, does no I/O
// and never asks the time: a decision depends on a rule, a subject and a moment,
// all of them given.
//
// A [Policy] says where in the claims roles, groups and scopes are found; its
// [Resolver] reads the claims of one person once into a [Subject]. A [Rule] is
// checked against a Subject:
//
//	policy, err := rbac.Policy{Roles: []rbac.Path{{"realm_access", "roles"}}}.Compile()
//	rule := rbac.All(rbac.Role("editor"), rbac.Not(rbac.Group("interns")))
//	…
//	decision := rule.Check(policy.Subject(claims), time.Now())
//	if decision.Outcome != rbac.True { … }
//
// Rules are three-valued, after Kleene. What can't be told (claims of an
// unexpected shape, a list that the provider left out because it is too long, a
// nil, empty or panicking rule) is [Unknown], the negation of Unknown is Unknown,
// and only [True] lets anybody in.
//
// # Claims
//
// Claims are what encoding/json makes of an object, and for tests also what one
// writes by hand: []string, and every numeric type. Names are exact; a dot in one
// is a letter like any other. A claim that is null is absent. A list of roles,
// groups, scopes or permissions is a string or an array of strings, of at most 10,000
// entries. The empty string is no entry.
//
// Where the provider says that a claim is elsewhere (the member names of
// _claim_names, OpenID Connect Core 1.0 §5.6.2; hasgroups of Microsoft Entra ID),
// what is there counts, and what isn't is Unknown. An application that fetches the
// rest itself sets the claim, and _claim_names or hasgroups to nil.
package rbac
