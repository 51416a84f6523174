package rbac_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/rbac"
)

func TestExplain(t *testing.T) {
	rule := rbac.All(
		rbac.Any(rbac.Role("admin"), rbac.Role("editor")),
		rbac.Not(rbac.Group("interns")),
		rbac.Claim(rbac.Path{"plan"}, "hunter2"),
		rbac.MaxAge(time.Hour),
		nil,
	)
	bob := subject(t, rbac.Policy{}, `{"roles":["editor"],"groups":7,"plan":"canary"}`)
	const want = `
false    All
true       Any
false        Role("admin")
true         Role("editor")
unknown    Not
unknown      Group("interns"): a claim has an unexpected shape
false      Claim(Path{"plan"}, …)
false      MaxAge(1h0m0s)
unknown    nil: it has nothing to look for`
	got := rule.Explain(bob, now)
	if "\n"+got.String() != want {
		t.Errorf("explained as\n%v\nwant%s", got, want)
	}
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`{"rule":"All(`, `"outcome":"unknown"`, `"reason":"Role(\"admin\") is false"`, `"rules":[{"rule":"Any(`} {
		if !strings.Contains(string(encoded), text) {
			t.Errorf("%s doesn't say %s", encoded, text)
		}
	}
	for _, secret := range []string{"hunter2", "canary"} {
		if strings.Contains(string(encoded)+got.String(), secret) {
			t.Errorf("%s shows %s", encoded, secret)
		}
	}
}

func TestExplainOne(t *testing.T) {
	for _, c := range []struct {
		rule rbac.Rule
		want string
	}{
		{rbac.Public(), "true     Public()"},
		{rbac.SignedIn(), "false    SignedIn()"},
		{rbac.Role("a"), `unknown  Role("a"): nobody is signed in`},
		{rbac.All(), "unknown  All(): it has no rules"},
		{rbac.Any(), "unknown  Any(): it has no rules"},
		{rbac.Not(rbac.SignedIn()), "true     Not\nfalse      SignedIn()"},
		{rbac.Func("f", nil), `unknown  Func("f"): nobody is signed in`},
	} {
		if got := c.rule.Explain(nil, now).String(); got != c.want {
			t.Errorf("%v: %q, want %q", c.rule, got, c.want)
		}
	}
	panics := rbac.Func("f", func(*rbac.Subject) bool { panic("canary") }).Explain(subject(t, rbac.Policy{}, `{}`), now)
	if panics.String() != `unknown  Func("f"): it panicked with a string` {
		t.Errorf("%v", panics)
	}
}

// TestImagined: what a role alone decides, and what depends on more.
func TestImagined(t *testing.T) {
	const T, F, U = rbac.True, rbac.False, rbac.Unknown
	called := rbac.Func("f", func(*rbac.Subject) bool { t.Error("a function was called for nobody"); return true })
	r := resolver(t, rbac.Policy{Hierarchy: map[string][]string{"admin": {"editor"}}})
	for _, c := range []struct {
		rule          rbac.Rule
		admin, viewer rbac.Outcome
	}{
		{rbac.Public(), T, T},
		{rbac.SignedIn(), T, T},
		{rbac.Role("editor"), T, F},
		{rbac.Not(rbac.Role("editor")), F, T},
		{rbac.AnyRole("viewer", "editor"), T, T},
		{rbac.AllRoles("viewer", "editor"), F, F},
		{rbac.Group("staff"), U, U},
		{rbac.Scope("a"), U, U},
		{rbac.Permission("a"), U, U},
		{rbac.Claim(rbac.Path{"sub"}), U, U},
		{rbac.Claim(rbac.Path{"sub"}, "somebody"), U, U},
		{rbac.ACR("mfa"), U, U},
		{rbac.MaxAge(time.Hour), U, U},
		{called, U, U},
		{rbac.Not(called), U, U},
		{rbac.All(rbac.Role("editor"), rbac.ACR("mfa")), U, F},
		{rbac.Any(rbac.Role("editor"), rbac.Group("staff")), T, U},
		{rbac.Role(""), U, U},
	} {
		for role, want := range map[string]rbac.Outcome{"admin": c.admin, "viewer": c.viewer} {
			d := c.rule.Check(r.Imagine(role, ""), now)
			if d.Outcome != want || d.ACR != nil || d.Scopes != nil {
				t.Errorf("%v for %s: %+v, want %v", c.rule, role, d, want)
			}
		}
	}
	if got := rbac.Group("x").Explain(r.Imagine(), now).String(); got != `unknown  Group("x"): it depends on more than roles` {
		t.Error(got)
	}
	for name, r := range map[string]*rbac.Resolver{"nil": nil, "zero": {}} {
		if r.Imagine("admin") != nil {
			t.Errorf("%s: a Resolver that nobody compiled imagines", name)
		}
	}
}

func TestVocabulary(t *testing.T) {
	hierarchical := resolver(t, rbac.Policy{Hierarchy: map[string][]string{"admin": {"editor"}, "editor": {"viewer"}}})
	rules := []rbac.Rule{
		rbac.Role("owner"), nil, rbac.All(rbac.Not(rbac.Role("banned")), rbac.Any(rbac.AnyRole("b", "a", ""), nil)),
		rbac.AllRoles("admin", "a"), rbac.Group("staff"), rbac.Scope("orders"), rbac.Claim(rbac.Path{"role"}, "x"),
	}
	for _, c := range []struct {
		r     *rbac.Resolver
		rules []rbac.Rule
		want  string
	}{
		{hierarchical, rules, "[a b banned owner viewer editor admin]"},
		{hierarchical, nil, "[viewer editor admin]"},
		{resolver(t, rbac.Policy{}), rules, "[a admin b banned owner]"},
		{nil, rules[:1], "[owner]"},
	} {
		if got := fmt.Sprint(c.r.Vocabulary(c.rules...)); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
