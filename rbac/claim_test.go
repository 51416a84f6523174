package rbac_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/rbac"
)

type plan string

// TestEquality: types are those of JSON, whatever Go type holds them.
func TestEquality(t *testing.T) {
	const T, F, U = rbac.True, rbac.False, rbac.Unknown
	const large = 9007199254740993 // float64 has no such number
	for _, c := range []struct {
		claim, value any
		want         rbac.Outcome
	}{
		{"a", "a", T}, {"a", "A", F}, {"a", "ab", F}, {"a", plan("a"), T}, {plan("a"), "a", T}, {"", "", T},
		{true, true, T}, {false, true, F}, {false, false, T}, {"true", true, F}, {true, "true", F}, {1, true, F},
		{1, 1, T}, {1.0, 1, T}, {1, 1.0, T}, {json.Number("1"), 1, T}, {1.0, json.Number("1"), T}, {json.Number("1.0"), 1, T},
		{json.Number("10e-1"), 1, T}, {int8(-3), -3.0, T}, {uint8(3), int64(3), T}, {float32(0.5), 0.5, T}, {3, -3, F}, {-3.0, json.Number("-3"), T},
		{"1", 1, F}, {1, "1", F}, {json.Number("1"), "1", F}, {1.5, 1, F}, {1.5, json.Number("1.5"), T}, {0.1, json.Number("0.1"), T},
		{0, math.Copysign(0, -1), T}, {json.Number("-0"), 0, T},
		{json.Number("9007199254740993"), large, T}, {json.Number("9007199254740993"), large - 1, F}, {float64(large - 1), large, F},
		{json.Number("18446744073709551615"), uint64(math.MaxUint64), T}, {json.Number("-9223372036854775808"), math.MinInt64, T},
		{math.MinInt64, uint64(1 << 63), F}, {json.Number("18446744073709551614"), uint64(math.MaxUint64), F},
		// What float64 can't tell from its neighbours isn't compared.
		{json.Number("18446744073709551616"), 1, U}, {json.Number("9007199254740993.0"), large - 1, U}, {json.Number("9007199254740993e0"), large - 1, U},
		{json.Number(strings.Repeat("1", 40)), json.Number(strings.Repeat("1", 40)), U}, {json.Number("1e400"), 1, U}, {json.Number("1e-400"), 0, U},
		{json.Number("x"), 1, U}, {json.Number(""), 0, U}, {json.Number("-"), 0, U}, {math.NaN(), math.NaN(), U}, {math.Inf(1), math.Inf(1), U}, {1, math.Inf(1), U},
		// Neither are other shapes.
		{map[string]any{}, "a", U}, {struct{}{}, "a", U}, {"a", nil, U}, {nil, "a", F}, {"a", []string{"a"}, U}, {"a", map[string]any{}, U},
		// Arrays hold what they hold.
		{[]string{"b", "a"}, "a", T}, {[]string{"b"}, "a", F}, {[]string{}, "a", F}, {[]string{"1"}, 1, F},
		{[]any{"b", "a"}, "a", T}, {[]any{"b"}, "a", F}, {[]any{}, "a", F}, {[]any{1.0}, 1, T}, {[]any{true}, true, T},
		{[]any{"a", nil}, "a", T}, {[]any{nil, "a"}, "a", T}, {[]any{nil}, "a", U}, {[]any{[]any{"a"}}, "a", U}, {[]any{map[string]any{}, "b"}, "a", U},
		{[]string{"ab"}, "a", F},
	} {
		s := resolver(t, rbac.Policy{}).Subject(map[string]any{"sub": "bob", "x": c.claim})
		rule := rbac.Claim(rbac.Path{"x"}, c.value)
		if got := rule.Check(s, now).Outcome; got != c.want {
			t.Errorf("%T %v, %v: %v, want %v", c.claim, c.claim, rule, got, c.want)
		}
	}
}

func TestPresence(t *testing.T) {
	const T, F, U = rbac.True, rbac.False, rbac.Unknown
	for claims, want := range map[string]rbac.Outcome{
		`{"x":"a"}`: T, `{"x":{}}`: T, `{"x":[]}`: T, `{"x":0}`: T, `{"x":false}`: T, `{"x":""}`: T,
		`{"x":null}`: F, `{}`: F, `{"X":1}`: F, `{"_claim_names":{"x":"s"}}`: U,
	} {
		if got := rbac.Claim(rbac.Path{"x"}).Check(subject(t, rbac.Policy{}, claims), now).Outcome; got != want {
			t.Errorf("%s: %v, want %v", claims, got, want)
		}
	}
}

func TestClaimText(t *testing.T) {
	rule := rbac.Claim(rbac.Path{"a", "b.c"}, "x\n", true, -1, uint8(2), 1.5, 3.0, json.Number("4"), plan("p"), nil, &now)
	const want = `Claim(Path{"a", "b.c"}, "x\n", true, -1, 2, 1.5, 3, 4, "p", <nil>, *time.Time)`
	if rule.String() != want {
		t.Errorf("%s, want %s", rule, want)
	}
}

// TestChecksAllocateNothing: whatever the rule, and whatever the claims.
func TestChecksAllocateNothing(t *testing.T) {
	r := resolver(t, rbac.Policy{Hierarchy: map[string][]string{"admin": {"editor"}}})
	long := groups(1000)
	subjects := map[string]*rbac.Subject{"stranger": nil, "zero": {}}
	for name, x := range map[string]any{
		"nothing": nil, "string": "y", "bool": true, "float": 1234.5, "int": 1234, "uint": uint64(math.MaxUint64), "named": plan("y"),
		"number": json.Number("1234"), "fraction": json.Number("1.5"), "large": json.Number("12345678901234567890123"), "huge": json.Number("1e999"), "tiny": json.Number("1e-999"),
		"strings": []string{"a", "a long string, of more than one word"}, "array": []any{"a", 1.0, json.Number("7777"), 7777, nil}, "object": map[string]any{"a": 1}, "other": struct{ a, b int }{},
		"long": long,
	} {
		claims := map[string]any{"iss": "https://idp.example", "sub": "bob", "roles": []any{"admin"}, "groups": []string{"staff"}, "scope": "a b", "x": x}
		subjects[name] = r.Subject(claims)
		subjects[name+" as lists"] = r.Subject(map[string]any{"sub": "bob", "roles": x, "groups": x, "scope": x, "permissions": x, "acr": x, "auth_time": x, "x": x})
	}
	subjects["imagined"] = r.Imagine("admin")
	subjects["fresh"] = r.Subject(map[string]any{"sub": "bob", "acr": "a", "auth_time": float64(now.Unix())})
	subjects["stale"] = r.Subject(map[string]any{"sub": "bob", "acr": "b", "auth_time": json.Number("1")})
	subjects["overage"] = r.Subject(map[string]any{"sub": "bob", "_claim_names": map[string]any{"groups": 1, "x": 1}, "hasgroups": true})
	x := rbac.Path{"x"}
	leaves := []rbac.Rule{
		rbac.Public(), rbac.SignedIn(), rbac.Role("editor"), rbac.Role(""), rbac.AnyRole("b", "a"), rbac.AllRoles("a", "b"), rbac.AnyRole(),
		rbac.ACR("a"), rbac.ACR(""), rbac.MaxAge(time.Hour), rbac.MaxAge(0), rbac.Permission("y", "z"), rbac.Scope("a", "c"), rbac.Scope(), rbac.Group("staff"), rbac.Claim(x), rbac.Claim(x, "z", 5, 1.25, false), rbac.Claim(rbac.Path{"x", "a"}, 1), rbac.Claim(nil), yes, no, unknown, nil,
	}
	rules := leaves[: len(leaves)-1 : len(leaves)-1]
	for _, leaf := range leaves {
		rules = append(rules, rbac.Not(leaf), rbac.All(rbac.SignedIn(), leaf), rbac.Any(no, leaf))
	}
	rules = append(rules, rbac.All(leaves...), rbac.Any(leaves[2:]...), rbac.All(), rbac.Any())
	for name, s := range subjects {
		for _, rule := range rules {
			if allocs := testing.AllocsPerRun(10, func() { rule.Check(s, now) }); allocs != 0 {
				t.Errorf("%s: %v: %v allocations", name, rule, allocs)
			}
		}
	}
}

// TestClaimsOfFunctions: what a function reads of the subject.
func TestClaimsOfFunctions(t *testing.T) {
	s := subject(t, rbac.Policy{}, `{"a":{"b":"c"},"n":null}`)
	for _, c := range []struct {
		path []string
		want any
	}{
		{[]string{"a", "b"}, "c"}, {[]string{"sub"}, "bob"}, {[]string{"n"}, nil}, {[]string{"a", "b", "c"}, nil}, {[]string{""}, nil}, {nil, nil},
	} {
		if got := s.Claim(c.path...); got != c.want {
			t.Errorf("%q: %v, want %v", c.path, got, c.want)
		}
	}
	if got := fmt.Sprint(s.Roles(), s.Groups(), s.Scopes()); got != "[] [] []" {
		t.Errorf("lists of nothing: %s", got)
	}
}
