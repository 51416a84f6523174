package rbac_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/rbac"
)

func TestWhereRolesAre(t *testing.T) {
	keycloak := rbac.Policy{Roles: []rbac.Path{{"realm_access", "roles"}, {"resource_access", "my.app", "roles"}}}
	for _, c := range []struct {
		name   string
		policy rbac.Policy
		claims string
		want   string
		not    rbac.Outcome // of Not(Role("banned"))
	}{
		{"array", rbac.Policy{}, `{"roles":["b","a"]}`, "a b", rbac.True},
		{"string", rbac.Policy{}, `{"roles":"a b"}`, "a b", rbac.True}, // one role with a space
		{"split", rbac.Policy{SplitRoles: ", "}, `{"roles":"a, b,,c"}`, "a b c", rbac.True},
		{"split in an array", rbac.Policy{SplitRoles: ","}, `{"roles":["a,b","c"]}`, "a b c", rbac.True},
		{"absent", rbac.Policy{}, `{}`, "", rbac.True},
		{"null", rbac.Policy{}, `{"roles":null}`, "", rbac.True},
		{"empty", rbac.Policy{}, `{"roles":[]}`, "", rbac.True},
		{"empty string", rbac.Policy{}, `{"roles":""}`, "", rbac.True},
		{"number", rbac.Policy{}, `{"roles":7}`, "", rbac.Unknown},
		{"boolean", rbac.Policy{}, `{"roles":true}`, "", rbac.Unknown},
		{"object", rbac.Policy{}, `{"roles":{"admin":{}}}`, "", rbac.Unknown},
		{"mixed array", rbac.Policy{}, `{"roles":["a",7]}`, "", rbac.Unknown},
		{"nested array", rbac.Policy{}, `{"roles":[["a"]]}`, "", rbac.Unknown},
		{"another case", rbac.Policy{}, `{"Roles":["a"]}`, "", rbac.True},
		{"Keycloak", keycloak, `{"realm_access":{"roles":["a"]},"resource_access":{"my.app":{"roles":["b"]},"other":{"roles":["c"]}}}`, "a b", rbac.True},
		{"Keycloak, odd", keycloak, `{"realm_access":"a"}`, "", rbac.Unknown},
		{"Auth0", rbac.Policy{Roles: []rbac.Path{{"https://app.example/roles"}}}, `{"https://app.example/roles":["a"]}`, "a", rbac.True},
		{"overage", rbac.Policy{}, `{"_claim_names":{"roles":"src1"}}`, "", rbac.Unknown},
		{"what is there is there", keycloak, `{"realm_access":{"roles":["a"]},"resource_access":7}`, "a", rbac.Unknown},
	} {
		s := subject(t, c.policy, c.claims)
		if got := strings.Join(s.Roles(), " "); got != c.want {
			t.Errorf("%s: roles %q, want %q", c.name, got, c.want)
		}
		if got := rbac.Not(rbac.Role("banned")).Check(s, now).Outcome; got != c.not {
			t.Errorf("%s: not banned is %v, want %v", c.name, got, c.not)
		}
	}
}

func TestGroupOverage(t *testing.T) {
	for _, claims := range []string{`{"_claim_names":{"groups":"src1"},"_claim_sources":{}}`, `{"hasgroups":true}`} {
		s := subject(t, rbac.Policy{}, claims)
		for _, rule := range []rbac.Rule{rbac.Group("staff"), rbac.Not(rbac.Group("interns"))} {
			if got := rule.Check(s, now).Outcome; got != rbac.Unknown {
				t.Errorf("%s: %v is %v", claims, rule, got)
			}
		}
	}
}

func TestScopes(t *testing.T) {
	for claims, want := range map[string]string{
		`{"scope":"a b  c"}`:           "a b c",
		`{"scp":"a b"}`:                "a b",
		`{"scp":["a","b"]}`:            "a b",
		`{"scope":"a","scp":["b"]}`:    "a b",
		`{"scope":["a b"]}`:            "a b",
		`{"scope":"a,b"}`:              "a,b",
		`{"permissions":["a"],"n":""}`: "",
	} {
		if got := strings.Join(subject(t, rbac.Policy{}, claims).Scopes(), " "); got != want {
			t.Errorf("%s: %q, want %q", claims, got, want)
		}
	}
}

func TestHierarchy(t *testing.T) {
	policy := rbac.Policy{Hierarchy: map[string][]string{"admin": {"editor"}, "editor": {"viewer"}, "x": {"y"}, "y": {"x"}}}
	for claims, want := range map[string]string{
		`{"roles":["admin"]}`:  "admin editor viewer",
		`{"roles":["editor"]}`: "editor viewer",
		`{"roles":["viewer"]}`: "viewer",
		`{"roles":["y"]}`:      "x y",
		`{"roles":["other"]}`:  "other",
	} {
		if got := strings.Join(subject(t, policy, claims).Roles(), " "); got != want {
			t.Errorf("%s: %q, want %q", claims, got, want)
		}
	}
}

func TestCompileReportsEveryMistake(t *testing.T) {
	_, err := rbac.Policy{
		Roles: []rbac.Path{{}}, Groups: []rbac.Path{{"a", ""}}, Scopes: []rbac.Path{slices.Repeat(rbac.Path{"a"}, 17)},
		Hierarchy: map[string][]string{"": {"a"}, "b": {""}}, SplitRoles: "a ",
	}.Compile()
	for _, text := range []string{"Roles[0]", "Groups[0]", "Scopes[0]", `Hierarchy[""]`, `Hierarchy["b"]`, "SplitRoles"} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v doesn't name %s", err, text)
		}
	}
}

func TestPolicyIsCopied(t *testing.T) {
	path := rbac.Path{"roles"}
	p := rbac.Policy{Roles: []rbac.Path{path}}
	r := resolver(t, p)
	path[0], p.Roles[0] = "other", rbac.Path{"other"}
	if s := r.Subject(map[string]any{"sub": "bob", "roles": []string{"a"}}); len(s.Roles()) != 1 {
		t.Error("changing the policy changed its resolver")
	}
}

// TestDenylists: a list that can't be read, or isn't all there, keeps nobody off
// it.
func TestDenylists(t *testing.T) {
	const T, F, U = rbac.True, rbac.False, rbac.Unknown
	group, claim := rbac.Not(rbac.Group("interns")), rbac.Not(rbac.Claim(rbac.Path{"groups"}, "interns"))
	long := `["a"` + strings.Repeat(`,"a"`, 10_000) + `]`
	for _, c := range []struct {
		name, claims string
		want         rbac.Outcome
	}{
		{"absent", `{}`, T},
		{"null", `{"groups":null}`, T},
		{"others", `{"groups":["staff"]}`, T},
		{"member", `{"groups":["staff","interns"]}`, F},
		{"distributed", `{"_claim_names":{"groups":"src1"},"_claim_sources":{}}`, U},
		{"another claim distributed", `{"_claim_names":{"address":"src1"}}`, T},
		{"in part", `{"groups":["staff"],"_claim_names":{"groups":"src1"}}`, U},
		{"in part, a member", `{"groups":["interns"],"_claim_names":{"groups":"src1"}}`, F},
		{"odd _claim_names", `{"_claim_names":["groups"]}`, U},
		{"null _claim_names", `{"_claim_names":null}`, T},
		{"hasgroups", `{"hasgroups":true}`, U},
		{"hasgroups, a string", `{"hasgroups":"true"}`, U},
		{"hasgroups false", `{"hasgroups":false}`, T},
		{"number within", `{"groups":["staff",{"name":"interns"}]}`, U},
		{"array within", `{"groups":[["interns"]]}`, U},
		{"null within", `{"groups":["staff",null]}`, U},
		{"object", `{"groups":{"interns":true}}`, U},
		{"too long", `{"groups":` + long + `}`, U},
	} {
		for _, rule := range []rbac.Rule{group, claim} {
			if got := rule.Check(subject(t, rbac.Policy{}, c.claims), now).Outcome; got != c.want {
				t.Errorf("%s: %v is %v, want %v", c.name, rule, got, c.want)
			}
		}
	}
}

// TestTooManyEntries: of a list that is too long nothing counts, of others all.
func TestTooManyEntries(t *testing.T) {
	policy := rbac.Policy{SplitRoles: ",", Roles: []rbac.Path{{"roles"}, {"more"}}}
	text, array := strings.Repeat("x,", 10_000)+"x", slices.Repeat([]any{"x"}, 10_001)
	for name, long := range map[string]any{"string": text, "array": array, "strings": slices.Repeat([]string{"x"}, 10_001), "split": []any{text}} {
		s := resolver(t, policy).Subject(map[string]any{"sub": "bob", "roles": long, "more": "y"})
		for role, want := range map[string]rbac.Outcome{"x": rbac.Unknown, "y": rbac.True, "z": rbac.Unknown} {
			if got := rbac.Role(role).Check(s, now).Outcome; got != want {
				t.Errorf("%s: role %s is %v, want %v", name, role, got, want)
			}
		}
	}
	exactly := resolver(t, policy).Subject(map[string]any{"sub": "bob", "roles": slices.Repeat([]string{"x"}, 10_000)})
	if got := rbac.Role("x").Check(exactly, now).Outcome; got != rbac.True {
		t.Errorf("of 10,000: %v", got)
	}
}

func TestWhatIsSplit(t *testing.T) {
	s := subject(t, rbac.Policy{SplitRoles: " "}, `{"roles":"a b","groups":["not admin"]}`)
	if got := s.Roles(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("roles %q", got)
	}
	if got := s.Groups(); !slices.Equal(got, []string{"not admin"}) {
		t.Errorf("groups %q", got)
	}
}

// TestWhoSomebodyIs: people are known by issuer and subject, or not at all.
func TestWhoSomebodyIs(t *testing.T) {
	for _, c := range []struct {
		name, claims, iss, id string
	}{
		{"both", `{}`, "https://idp.example", "bob"},
		{"no iss", `{"iss":null}`, "", "bob"},
		{"odd iss", `{"iss":7}`, "", ""},
		{"no sub", `{"sub":null}`, "", ""},
		{"odd sub", `{"sub":["bob"]}`, "", ""},
	} {
		s := subject(t, rbac.Policy{}, c.claims)
		if s.Issuer() != c.iss || s.ID() != c.id {
			t.Errorf("%s: %q at %q", c.name, s.ID(), s.Issuer())
		}
	}
}

// TestNoPolicy: a Resolver that nobody compiled knows nobody.
func TestNoPolicy(t *testing.T) {
	for name, r := range map[string]*rbac.Resolver{"nil": nil, "zero": {}} {
		s := r.Subject(map[string]any{"sub": "bob", "roles": "banned"})
		if got := rbac.Not(rbac.Role("banned")).Check(s, now).Outcome; got != rbac.Unknown {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestLongLists: what is found doesn't depend on how long a list is, nor on what
// makes it long.
func TestLongLists(t *testing.T) {
	for n := range 40 {
		var roles []any
		included := []string{"last"}
		for i := range n {
			roles = append(roles, fmt.Sprint("role-", i), "role-0")
			included = append(included, fmt.Sprint("included-", i))
		}
		s := resolver(t, rbac.Policy{Hierarchy: map[string][]string{"role-0": included}}).
			Subject(map[string]any{"sub": "bob", "roles": roles})
		want := 0
		if n > 0 {
			want = n + len(included)
		}
		if got := s.Roles(); len(got) != want || !slices.IsSorted(got) {
			t.Fatalf("%d roles: %q", n, got)
		}
		for _, role := range append(s.Roles(), "other") {
			if got := rbac.Role(role).Check(s, now).Outcome == rbac.True; got != (role != "other") {
				t.Fatalf("%d roles: %s is %v", n, role, got)
			}
		}
	}
}
