package rbac

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rule decides about a subject at a moment. Rules are made by the functions of
// this package, are immutable, and allocate nothing when they are checked.
type Rule interface {
	// Check decides. now is for rules about how long ago somebody signed in.
	Check(s *Subject, now time.Time) Decision
	// String returns the rule as it is written in Go.
	String() string

	sealed()
}

// leaf is a rule without rules in it. Its decisions are made when it is, so that
// checking it allocates nothing.
type leaf struct {
	text        string
	check       func(s *Subject) Outcome
	no, unknown Decision
}

func newLeaf(text string, check func(s *Subject) Outcome) *leaf {
	return &leaf{
		text:    text,
		check:   check,
		no:      Decision{Outcome: False, Reason: text + " is false"},
		unknown: Decision{Reason: text + " is unknown"},
	}
}

func (l *leaf) Check(s *Subject, _ time.Time) Decision {
	switch l.check(s) {
	case True:
		return Decision{Outcome: True}
	case False:
		return l.no
	}
	return l.unknown
}

func (l *leaf) String() string { return l.text }
func (l *leaf) sealed()        {}

// known makes a leaf over claims, which is Unknown for a stranger: what isn't
// known of anybody can't be negated either.
func known(text string, check func(s *Subject) Outcome) *leaf {
	return newLeaf(text, func(s *Subject) Outcome {
		if s.anonymous() {
			return Unknown
		}
		return check(s)
	})
}

// Public lets everybody in, signed in or not.
func Public() Rule { return newLeaf("Public()", func(*Subject) Outcome { return True }) }

// SignedIn lets in whoever is signed in.
func SignedIn() Rule {
	return newLeaf("SignedIn()", func(s *Subject) Outcome {
		if s.anonymous() {
			return False
		}
		return True
	})
}

// Role lets in who has the role, by name, exactly, or one that includes it. The
// empty name is Unknown.
func Role(role string) Rule {
	return known(call("Role", role), func(s *Subject) Outcome { return named(&s.roles, role) })
}

// Group lets in who is in the group. The empty name is Unknown.
func Group(group string) Rule {
	return known(call("Group", group), func(s *Subject) Outcome { return named(&s.groups, group) })
}

func named(names *set, name string) Outcome {
	if name == "" {
		return Unknown
	}
	return names.has(name)
}

// AnyRole lets in who has at least one of the roles. None is Unknown.
func AnyRole(roles ...string) Rule {
	roles = slices.Clone(roles)
	return known(call("AnyRole", roles...), func(s *Subject) Outcome {
		outcome := Unknown
		for i, role := range roles {
			has := named(&s.roles, role)
			if has == True {
				return True
			}
			if i == 0 || has == Unknown {
				outcome = has
			}
		}
		return outcome
	})
}

// AllRoles lets in who has every one of the roles. None is Unknown.
func AllRoles(roles ...string) Rule {
	roles = slices.Clone(roles)
	return known(call("AllRoles", roles...), func(s *Subject) Outcome { return hasAll(&s.roles, roles) })
}

func hasAll(names *set, wanted []string) Outcome {
	if len(wanted) == 0 {
		return Unknown
	}
	outcome := True
	for _, name := range wanted {
		switch named(names, name) {
		case False:
			return False
		case Unknown:
			outcome = Unknown
		}
	}
	return outcome
}

// Scope lets in who was granted every one of the scopes. None is Unknown. A
// denial names them all, since that is what has to be asked for (RFC 6750 §3.1).
func Scope(scopes ...string) Rule {
	scopes = slices.Clone(scopes)
	rule := known(call("Scope", scopes...), func(s *Subject) Outcome { return hasAll(&s.scopes, scopes) })
	rule.no.Scopes = scopes
	return rule
}

// Func lets in whomever allowed says. name stands for it in logs. A nil or
// panicking function is Unknown, and so is every stranger: allowed is called for
// subjects that are signed in.
func Func(name string, allowed func(s *Subject) bool) Rule {
	return known(call("Func", name), func(s *Subject) (outcome Outcome) {
		if allowed == nil {
			return Unknown
		}
		defer func() {
			if recover() != nil {
				outcome = Unknown
			}
		}()
		if allowed(s) {
			return True
		}
		return False
	})
}

func call(name string, arguments ...string) string {
	quoted := make([]string, len(arguments))
	for i, argument := range arguments {
		quoted[i] = strconv.Quote(argument)
	}
	return fmt.Sprintf("%s(%s)", name, strings.Join(quoted, ", "))
}
