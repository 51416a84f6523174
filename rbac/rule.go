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
	// Explain decides as Check does, and says what of the rule held and what
	// didn't. Nothing is skipped, so it costs more than Check.
	Explain(s *Subject, now time.Time) Explanation
	// String returns the rule as it is written in Go.
	String() string

	// label is String without the values that claims are compared with: it goes
	// into reasons, and so into logs.
	label() string
	// necessary is what has to be asked for, or the rule can't hold.
	necessary() demand
	// asking returns the rule with a demand added to what its denials ask for.
	asking(demand demand) Rule
	// roles calls name with every role that the rule names.
	roles(name func(role string))
}

// Public lets everybody in, signed in or not.
func Public() Rule { return forAll("Public()", held) }

// SignedIn lets in whoever is signed in. For others it is False, not Unknown:
// Not(SignedIn()) lets them in.
func SignedIn() Rule { return forAll("SignedIn()", lacking) }

// forAll is a rule that everybody satisfies who is signed in.
func forAll(text string, strangers finding) Rule {
	l := newLeaf(text, text, func(*Subject) finding { return held })
	l.strangers = strangers
	return l
}

// Role lets in who has the role, by name, exactly, or one that includes it. The
// empty name is Unknown.
func Role(role string) Rule {
	return overRoles("Role", func(s *Subject) finding { return s.roles.find(role) }, role)
}

// AnyRole lets in who has at least one of the roles. None is Unknown.
func AnyRole(roles ...string) Rule {
	roles = slices.Clone(roles)
	return overRoles("AnyRole", func(s *Subject) finding { return s.roles.findAny(roles) }, roles...)
}

// AllRoles lets in who has every one of the roles. None is Unknown.
func AllRoles(roles ...string) Rule {
	roles = slices.Clone(roles)
	return overRoles("AllRoles", func(s *Subject) finding { return s.roles.findAll(roles) }, roles...)
}

func overRoles(constructor string, check func(s *Subject) finding, roles ...string) Rule {
	rule := named(constructor, check, roles...)
	rule.named = slices.Clone(roles)
	return rule
}

// Group lets in who is in the group. The empty name is Unknown.
func Group(group string) Rule {
	return named("Group", func(s *Subject) finding { return s.groups.find(group) }, group)
}

// Scope lets in who was granted every one of the scopes. None is Unknown, and so
// is a name that no scope can have (RFC 6749 §3.3), such as "" or "a b". A denial
// names them all, since that is what has to be asked for (RFC 6750 §3.1).
func Scope(scopes ...string) Rule {
	wanted := slices.Clone(scopes)
	for i, scope := range wanted {
		if strings.ContainsFunc(scope, notInScope) {
			wanted[i] = ""
		}
	}
	rule := named("Scope", func(s *Subject) finding { return s.scopes.findAll(wanted) }, scopes...)
	if slices.Contains(wanted, "") { // more scopes are no help to a rule that can't hold
		return rule
	}
	return rule.demanding(demand{scopes: wanted}, demand{})
}

// Permission lets in who has every one of the permissions, which are names like
// roles, by which some providers say what a token may be used for (Auth0 in the
// claim "permissions"). None is Unknown, and so is the empty name. Unlike a scope
// a permission can't be had by asking, so a denial can't be mended.
func Permission(permissions ...string) Rule {
	permissions = slices.Clone(permissions)
	return named("Permission", func(s *Subject) finding { return s.permissions.findAll(permissions) }, permissions...)
}

// notInScope reports whether r is none of the characters of a scope-token
// (RFC 6749 §3.3).
func notInScope(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }

// Func lets in whomever allowed says. name stands for it in logs. A nil or
// panicking function is Unknown, and so is every stranger: allowed is called for
// subjects that are signed in. Of a panic the reason tells the type, and nothing
// else. allowed may be called by several goroutines at once.
func Func(name string, allowed func(s *Subject) bool) Rule {
	text := call("Func", strconv.Quote(name))
	if allowed == nil {
		return newLeaf(text, text, func(*Subject) finding { return vacuous })
	}
	return &function{newLeaf(text, text, func(s *Subject) finding {
		switch {
		case s.imagined:
			return unsaid
		case allowed(s):
			return held
		}
		return lacking
	})}
}

// function is a leaf whose check isn't ours.
type function struct{ *leaf }

func (f *function) Check(s *Subject, now time.Time) (d Decision) {
	defer func() {
		if v := recover(); v != nil { // the value may hold anything, and claims too
			d = Decision{Reason: fmt.Sprintf("%s is unknown: it panicked with a %T", f.name, v)}
		}
	}()
	return f.leaf.Check(s, now)
}

func (f *function) Explain(s *Subject, now time.Time) Explanation {
	return explanation(f.name, f.Check(s, now))
}

func (f *function) asking(demand) Rule { return f }

// named makes a leaf out of a constructor and the names it was given.
func named(constructor string, check func(s *Subject) finding, names ...string) *leaf {
	text := call(constructor, quoted(names)...)
	return newLeaf(text, text, check)
}

func quoted(names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return quoted
}

// call writes a call of a constructor.
func call(constructor string, arguments ...string) string {
	return constructor + "(" + strings.Join(arguments, ", ") + ")"
}
