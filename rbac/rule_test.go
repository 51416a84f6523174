package rbac_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/rbac"
)

var now = time.Unix(1_800_000_000, 0)

func resolver(t testing.TB, p rbac.Policy) *rbac.Resolver {
	t.Helper()
	r, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// subject reads claims written as JSON.
func subject(t testing.TB, p rbac.Policy, text string) *rbac.Subject {
	t.Helper()
	claims := map[string]any{"iss": "https://idp.example", "sub": "bob"}
	if err := json.Unmarshal([]byte(text), &claims); err != nil {
		t.Fatal(err)
	}
	return resolver(t, p).Subject(claims)
}

// Rules with a fixed outcome.
var (
	yes     = rbac.Func("yes", func(*rbac.Subject) bool { return true })
	no      = rbac.Func("no", func(*rbac.Subject) bool { return false })
	unknown = rbac.Func("unknown", nil)
)

func TestRules(t *testing.T) {
	const T, F, U = rbac.True, rbac.False, rbac.Unknown
	const claims = `{"roles":["editor","Admin"],"groups":["/staff"],"scope":"orders:read profile","email_verified":true,
		"level":3,"team":"blue","tags":["a",1,true],"address":{"country":"SE","zip":null},"big":12345678901234567}`
	for _, c := range []struct {
		rule rbac.Rule
		want rbac.Outcome
	}{
		{rbac.Public(), T},
		{rbac.SignedIn(), T},
		{rbac.Role("editor"), T},
		{rbac.Role("Editor"), F},
		{rbac.Role("admin"), F},
		{rbac.Role("edit"), F},
		{rbac.Role(""), U},
		{rbac.AnyRole("x", "editor"), T},
		{rbac.AnyRole("x", "y"), F},
		{rbac.AnyRole("x", ""), U},
		{rbac.AnyRole("", "x"), U},
		{rbac.AnyRole(), U},
		{rbac.AllRoles("editor", "Admin"), T},
		{rbac.AllRoles("editor", "x"), F},
		{rbac.AllRoles("editor", ""), U},
		{rbac.AllRoles(), U},
		{rbac.Group("/staff"), T},
		{rbac.Group("staff"), F},
		{rbac.Group(""), U},
		{rbac.Scope("orders:read"), T},
		{rbac.Scope("orders:read", "profile"), T},
		{rbac.Scope("orders:read", "orders:write"), F},
		{rbac.Scope("orders"), F},
		{rbac.Scope(), U},
		{rbac.Claim(rbac.Path{"email_verified"}, true), T},
		{rbac.Claim(rbac.Path{"email_verified"}, "true"), F},
		{rbac.Claim(rbac.Path{"level"}, 3), T},
		{rbac.Claim(rbac.Path{"level"}, 3.0), T},
		{rbac.Claim(rbac.Path{"level"}, uint8(3)), T},
		{rbac.Claim(rbac.Path{"level"}, json.Number("3")), T},
		{rbac.Claim(rbac.Path{"level"}, "3"), F},
		{rbac.Claim(rbac.Path{"level"}, 1, 2), F},
		{rbac.Claim(rbac.Path{"team"}, "red", "blue"), T},
		{rbac.Claim(rbac.Path{"team"}, "blu"), F},
		{rbac.Claim(rbac.Path{"team"}), T},
		{rbac.Claim(rbac.Path{"tags"}, "a"), T},
		{rbac.Claim(rbac.Path{"tags"}, 1), T},
		{rbac.Claim(rbac.Path{"tags"}, "b"), F},
		{rbac.Claim(rbac.Path{"address", "country"}, "SE"), T},
		{rbac.Claim(rbac.Path{"address", "zip"}), F},
		{rbac.Claim(rbac.Path{"address"}, "SE"), U},
		{rbac.Claim(rbac.Path{"team", "x"}, "SE"), U},
		{rbac.Claim(rbac.Path{"absent"}), F},
		{rbac.Claim(rbac.Path{"absent"}, "x"), F},
		{rbac.Claim(rbac.Path{"address.country"}, "SE"), F},
		{rbac.Claim(rbac.Path{}, "x"), U},
		{rbac.Claim(nil), U},
		{rbac.Claim(rbac.Path{""}), U},
		{rbac.Claim(rbac.Path{"team"}, []string{"blue"}), U},
		{rbac.Claim(rbac.Path{"team"}, nil), U},
		{rbac.Not(rbac.Role("banned")), T},
		{rbac.Not(nil), U},
		{rbac.All(), U},
		{rbac.Any(), U},
		{rbac.All(rbac.SignedIn(), nil), U},
		{rbac.Any(nil, rbac.SignedIn()), T},
		{rbac.Any(nil, no), U},
		{rbac.Not(rbac.All()), U},
		{rbac.Func("nil", nil), U},
		{rbac.Func("panics", func(*rbac.Subject) bool { panic("oops") }), U},
		{rbac.Not(rbac.Func("panics", func(*rbac.Subject) bool { panic("oops") })), U},
		{rbac.Func("reads", func(s *rbac.Subject) bool { return s.ID() == "bob" && s.Claim("address", "country") == "SE" }), T},
	} {
		got := c.rule.Check(subject(t, rbac.Policy{}, claims), now)
		if got.Outcome != c.want {
			t.Errorf("%v is %v, want %v", c.rule, got.Outcome, c.want)
		}
		if (got.Reason == "") != (got.Outcome == T) {
			t.Errorf("%v: %v because %q", c.rule, got.Outcome, got.Reason)
		}
	}
}

// TestStrangers: nothing but Public lets in somebody who isn't signed in.
func TestStrangers(t *testing.T) {
	r := resolver(t, rbac.Policy{})
	for name, stranger := range map[string]*rbac.Subject{
		"nil":       nil,
		"zero":      {},
		"no claims": r.Subject(nil),
		"no sub":    r.Subject(map[string]any{"iss": "x", "roles": []any{"admin"}}),
		"empty sub": r.Subject(map[string]any{"sub": "", "roles": []any{"admin"}}),
		"odd sub":   r.Subject(map[string]any{"sub": 7, "roles": []any{"admin"}}),
	} {
		for _, rule := range []rbac.Rule{
			rbac.SignedIn(), rbac.Role("admin"), rbac.Not(rbac.Role("banned")), rbac.Not(rbac.Group("x")), rbac.Not(rbac.Claim(rbac.Path{"x"})),
			rbac.Not(rbac.Scope("x")), rbac.Not(rbac.AnyRole("x")), rbac.Not(no), yes, rbac.All(), nil,
		} {
			if rule != nil && rule.Check(stranger, now).Outcome == rbac.True {
				t.Errorf("%s: %v lets a stranger in", name, rule)
			}
		}
		if rbac.Public().Check(stranger, now).Outcome != rbac.True {
			t.Errorf("%s: Public keeps a stranger out", name)
		}
		if stranger.ID() != "" || stranger.Issuer() != "" || len(stranger.Roles()) != 0 || stranger.Claim("sub") != nil && stranger.ID() != "" {
			t.Errorf("%s: %v", name, stranger)
		}
	}
}

func TestString(t *testing.T) {
	rule := rbac.All(rbac.AnyRole("editor", "admin"), rbac.Not(rbac.Group("interns")), rbac.Claim(rbac.Path{"a", "b"}, "x", 1), nil)
	const want = `All(AnyRole("editor", "admin"), Not(Group("interns")), Claim(Path{"a", "b"}, "x", 1), nil)`
	if rule.String() != want {
		t.Errorf("%s, want %s", rule, want)
	}
}

// TestNotSignedIn: who isn't signed in is known not to be.
func TestNotSignedIn(t *testing.T) {
	rule := rbac.Not(rbac.SignedIn())
	if got := rule.Check(nil, now).Outcome; got != rbac.True {
		t.Errorf("%v is %v for a stranger", rule, got)
	}
	if got := rule.Check(subject(t, rbac.Policy{}, `{}`), now).Outcome; got != rbac.False {
		t.Errorf("%v is %v for bob", rule, got)
	}
}

func TestRulesAreCopied(t *testing.T) {
	bob := subject(t, rbac.Policy{}, `{"roles":"user","scope":"a","plan":"free"}`)
	names, path, values, rules := []string{"admin"}, rbac.Path{"plan"}, []any{"team"}, []rbac.Rule{rbac.Role("admin")}
	made := []rbac.Rule{
		rbac.AnyRole(names...), rbac.AllRoles(names...), rbac.Scope(names...), rbac.Claim(path, values...),
		rbac.Claim(rbac.Path{"plan"}, values...), rbac.All(rules...), rbac.Any(rules...),
	}
	names[0], path[0], values[0], rules[0] = "user", "scope", "free", rbac.Public()
	for _, rule := range made {
		if got := rule.Check(bob, now).Outcome; got != rbac.False {
			t.Errorf("%v is %v after its arguments changed", rule, got)
		}
	}
}

func TestFuncIsNotCalledForStrangers(t *testing.T) {
	called := false
	rbac.Not(rbac.Func("f", func(*rbac.Subject) bool { called = true; return false })).Check(nil, now)
	if called {
		t.Error("it was")
	}
}
