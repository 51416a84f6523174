package rbac_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/rbac"
)

func TestTruthTables(t *testing.T) {
	const T, F, U = rbac.True, rbac.False, rbac.Unknown
	rules := map[rbac.Outcome]rbac.Rule{T: yes, F: no, U: unknown}
	bob := subject(t, rbac.Policy{}, `{}`)
	for _, c := range []struct{ a, b, all, any rbac.Outcome }{
		{T, T, T, T}, {T, F, F, T}, {T, U, U, T},
		{F, T, F, T}, {F, F, F, F}, {F, U, F, U},
		{U, T, U, T}, {U, F, F, U}, {U, U, U, U},
	} {
		if got := rbac.All(rules[c.a], rules[c.b]).Check(bob, now).Outcome; got != c.all {
			t.Errorf("%v and %v = %v, want %v", c.a, c.b, got, c.all)
		}
		if got := rbac.Any(rules[c.a], rules[c.b]).Check(bob, now).Outcome; got != c.any {
			t.Errorf("%v or %v = %v, want %v", c.a, c.b, got, c.any)
		}
	}
	for a, want := range map[rbac.Outcome]rbac.Outcome{T: F, F: T, U: U} {
		if got := rbac.Not(rules[a]).Check(bob, now).Outcome; got != want {
			t.Errorf("not %v = %v, want %v", a, got, want)
		}
	}
}

// TestWhatIsReported: a denial that can't be mended wins in All, one that can in
// Any.
func TestWhatIsReported(t *testing.T) {
	bob := subject(t, rbac.Policy{}, `{"roles":["user"]}`)
	role, scope := rbac.Role("admin"), rbac.Scope("orders:write")
	for _, c := range []struct {
		rule   rbac.Rule
		reason string
		scopes int
	}{
		{rbac.All(scope, role), `Role("admin") is false`, 0},
		{rbac.All(role, scope), `Role("admin") is false`, 0},
		{rbac.All(rbac.SignedIn(), scope), `Scope("orders:write") is false`, 1},
		{rbac.All(scope, unknown), `Func("unknown") is unknown: it has nothing to look for`, 0},
		{rbac.Any(role, scope), `Scope("orders:write") is false`, 1},
		{rbac.Any(scope, role), `Scope("orders:write") is false`, 1},
		{rbac.Any(rbac.All(role, scope), role), `Any(All(Role("admin"), Scope("orders:write")), Role("admin")) is false`, 0},
	} {
		got := c.rule.Check(bob, now)
		if got.Reason != c.reason || len(got.Scopes) != c.scopes {
			t.Errorf("%v: %q, scopes %v", c.rule, got.Reason, got.Scopes)
		}
	}
}

// TestReasons: a denial says which rule it was and, if that is Unknown, why.
func TestReasons(t *testing.T) {
	const secret = "hunter2"
	claims := `{"plan":"hunter2","roles":["user"],"groups":7,"_claim_names":{"dept":"src1"},"scope":"a"}`
	plan := rbac.Claim(rbac.Path{"plan"}, secret)
	for _, c := range []struct {
		rule rbac.Rule
		want string
	}{
		{rbac.Role("admin"), `Role("admin") is false`},
		{rbac.Role(""), `Role("") is unknown: it has nothing to look for`},
		{rbac.Group("staff"), `Group("staff") is unknown: a claim has an unexpected shape`},
		{rbac.Claim(rbac.Path{"dept"}, "x"), `Claim(Path{"dept"}, …) is unknown: the provider left a claim out and says where else it is`},
		{rbac.Not(plan), `Not(Claim(Path{"plan"}, …)) is false`},
		{rbac.Any(rbac.Role("admin"), rbac.Not(plan)), `Any(Role("admin"), Not(Claim(Path{"plan"}, …))) is false`},
		{rbac.Any(rbac.Role("admin"), nil), `nil is unknown: it has nothing to look for`},
		{rbac.All(nil, rbac.Role("admin")), `Role("admin") is false`},
		{rbac.All(rbac.Scope("b"), nil), `nil is unknown: it has nothing to look for`},
		{rbac.All(), `All() is unknown: it has no rules`},
		{rbac.Any(), `Any() is unknown: it has no rules`},
		{rbac.Not(rbac.Any()), `Any() is unknown: it has no rules`},
		{rbac.Func("own", func(*rbac.Subject) bool { panic(secret) }), `Func("own") is unknown: it panicked with a string`},
	} {
		got := c.rule.Check(subject(t, rbac.Policy{}, claims), now)
		if got.Reason != c.want || strings.Contains(got.Reason, secret) {
			t.Errorf("%v: %q, want %q", c.rule, got.Reason, c.want)
		}
	}
	if got := rbac.All(rbac.Role("admin")).Check(nil, now).Reason; got != `Role("admin") is unknown: nobody is signed in` {
		t.Errorf("to a stranger: %q", got)
	}
}

// TestScopesAskedFor: a new token is asked for with all scopes that it needs.
func TestScopesAskedFor(t *testing.T) {
	a, b, c := rbac.Scope("a"), rbac.Scope("b"), rbac.Scope("c")
	role := rbac.Role("admin")
	for _, x := range []struct {
		rule rbac.Rule
		want string
	}{
		{b, "b"},
		{rbac.Scope("a", "b", "b"), "a b"},
		{rbac.Scope("b", ""), ""},
		{rbac.Scope("b", "c d"), ""},
		{rbac.All(a, b), "a b"},
		{rbac.All(b, c), "b c"},
		{rbac.All(b, rbac.All(a, rbac.Scope("c", "b"))), "b a c"},
		{rbac.All(a, rbac.Any(role, b)), "a b"},
		{rbac.All(b, role), ""},
		{rbac.Any(role, rbac.All(a, c)), "a c"},
		{rbac.Any(nil, c), "c"},
		{rbac.Any(a, b), ""}, // holds
		{rbac.Not(a), ""},
		{rbac.Not(rbac.Not(b)), ""},
		{rbac.Not(rbac.Any(b, nil)), ""},
		{rbac.All(rbac.Not(a), b), ""},
		{rbac.All(rbac.Func("f", func(*rbac.Subject) bool { return true }), b), "b"},
	} {
		bob := subject(t, rbac.Policy{}, `{"scope":"a"}`)
		got := x.rule.Check(bob, now).Scopes
		if strings.Join(got, " ") != x.want {
			t.Errorf("%v asks for %v, want %s", x.rule, got, x.want)
		}
		if cap(got) != len(got) {
			t.Errorf("%v: an append writes into the rule", x.rule)
		}
		if strangers := x.rule.Check(nil, now).Scopes; strangers != nil {
			t.Errorf("%v asks a stranger for %v", x.rule, strangers)
		}
	}
}
