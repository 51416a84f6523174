package rbac_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
		Hierarchy: map[string][]string{"": {"a"}, "b": {""}},
	}.Compile()
	for _, text := range []string{"Roles[0]", "Groups[0]", "Scopes[0]", `Hierarchy[""]`, `Hierarchy["b"]`} {
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
		{rbac.All(scope, unknown), `Func("unknown") is unknown`, 0},
		{rbac.Any(role, scope), `Scope("orders:write") is false`, 1},
		{rbac.Any(scope, role), `Scope("orders:write") is false`, 1},
		{rbac.Any(rbac.All(role, scope), role), `Role("admin") is false`, 0},
	} {
		got := c.rule.Check(bob, now)
		if got.Reason != c.reason || len(got.Scopes) != c.scopes {
			t.Errorf("%v: %q, scopes %v", c.rule, got.Reason, got.Scopes)
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

// TestRandomRules compares rule trees with a naive reading of them.
func TestRandomRules(t *testing.T) {
	bob := subject(t, rbac.Policy{}, `{"roles":["a"]}`)
	random := rand.New(rand.NewPCG(1, 2))
	var tree func(depth int) (rbac.Rule, func() rbac.Outcome)
	tree = func(depth int) (rbac.Rule, func() rbac.Outcome) {
		kind := random.IntN(6)
		if depth == 0 {
			kind = random.IntN(3)
		}
		switch kind {
		case 0:
			return rbac.Role("a"), func() rbac.Outcome { return rbac.True }
		case 1:
			return rbac.Role("b"), func() rbac.Outcome { return rbac.False }
		case 2:
			return nil, func() rbac.Outcome { return rbac.Unknown }
		case 3:
			rule, value := tree(depth - 1)
			return rbac.Not(rule), func() rbac.Outcome {
				return map[rbac.Outcome]rbac.Outcome{rbac.True: rbac.False, rbac.False: rbac.True}[value()]
			}
		}
		var rules []rbac.Rule
		var values []func() rbac.Outcome
		for range 1 + random.IntN(3) {
			rule, value := tree(depth - 1)
			rules, values = append(rules, rule), append(values, value)
		}
		decides, otherwise, make := rbac.False, rbac.True, rbac.All
		if kind == 5 {
			decides, otherwise, make = rbac.True, rbac.False, rbac.Any
		}
		return make(rules...), func() rbac.Outcome {
			result := otherwise
			for _, value := range values {
				switch value() {
				case decides:
					return decides
				case rbac.Unknown:
					result = rbac.Unknown
				}
			}
			return result
		}
	}
	for range 5000 {
		rule, value := tree(4)
		got := rbac.Unknown
		if rule != nil {
			got = rule.Check(bob, now).Outcome
		}
		if want := value(); got != want {
			t.Fatalf("%v is %v, want %v", rule, got, want)
		}
	}
}

func FuzzSubject(f *testing.F) {
	for _, seed := range []string{
		`{"sub":"a","roles":["admin"]}`, `{"sub":"a","roles":{"admin":1}}`, `{"sub":"a","roles":"admin","groups":[[]]}`,
		`{"sub":"a","_claim_names":{"groups":1},"scope":7}`, `{"roles":["admin"]}`, `{"sub":"a","x":1e999}`,
	} {
		f.Add(seed)
	}
	r := resolver(f, rbac.Policy{Hierarchy: map[string][]string{"admin": {"user"}}, SplitRoles: ","})
	f.Fuzz(func(t *testing.T, text string) {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var claims map[string]any
		if decoder.Decode(&claims) != nil {
			return
		}
		s := r.Subject(claims)
		admin := rbac.Role("admin").Check(s, now).Outcome
		if admin == rbac.True && !strings.Contains(text, "admin") && !strings.Contains(text, `\u`) {
			t.Fatalf("%s makes an admin", text)
		}
		if admin == rbac.True && rbac.Not(rbac.Role("admin")).Check(s, now).Outcome != rbac.False {
			t.Fatalf("%s is and isn't an admin", text)
		}
		rbac.All(rbac.Group("g"), rbac.Scope("s"), rbac.Claim(rbac.Path{"x"}, 1, "a", true)).Check(s, now)
	})
}

func TestDecisionsAllocateNothing(t *testing.T) {
	s := subject(t, rbac.Policy{}, `{"roles":["a"],"groups":["g"],"scope":"s","level":3,"tags":["x","y"]}`)
	for _, rule := range []rbac.Rule{
		rbac.Public(), rbac.SignedIn(), rbac.Role("a"), rbac.Role("b"), rbac.AnyRole("b", "a"), rbac.AllRoles("a", "b"), rbac.Scope("s", "t"),
		rbac.Group("g"), rbac.Claim(rbac.Path{"level"}, 3), rbac.Claim(rbac.Path{"tags"}, "y"), rbac.Claim(rbac.Path{"tags"}, "z"), yes, no, unknown,
		rbac.All(rbac.Role("a"), rbac.Not(rbac.Role("b"))), rbac.Any(rbac.Role("b"), rbac.Scope("t")), rbac.Not(rbac.Role("a")), rbac.All(),
	} {
		if allocs := testing.AllocsPerRun(100, func() { rule.Check(s, now) }); allocs != 0 {
			t.Errorf("%v: %v allocations", rule, allocs)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		var roles []string
		for i := range n {
			roles = append(roles, fmt.Sprintf("role-%d", i))
		}
		s := resolver(b, rbac.Policy{}).Subject(map[string]any{"sub": "bob", "roles": roles})
		rule := rbac.All(rbac.SignedIn(), rbac.Role("role-0"), rbac.Not(rbac.Role("banned")))
		b.Run(fmt.Sprintf("roles=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rule.Check(s, now)
			}
		})
	}
}

func Example() {
	policy, err := rbac.Policy{
		Roles:     []rbac.Path{{"realm_access", "roles"}},
		Hierarchy: map[string][]string{"admin": {"editor"}},
	}.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	alice := policy.Subject(map[string]any{
		"iss":          "https://idp.example.com",
		"sub":          "alice",
		"realm_access": map[string]any{"roles": []any{"admin"}},
	})
	rule := rbac.All(rbac.Role("editor"), rbac.Not(rbac.Group("interns")))
	fmt.Println(rule)
	fmt.Println(rule.Check(alice, time.Now()).Outcome)

	denial := rbac.Role("owner").Check(alice, time.Now())
	fmt.Println(denial.Outcome, "-", denial.Reason)
	// Output:
	// All(Role("editor"), Not(Group("interns")))
	// true
	// false - Role("owner") is false
}
