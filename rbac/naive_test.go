package rbac_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/rbac"
)

// reading is a rule, and what it should say about claims, read straight from the
// specification in the documentation: no lists, no indexes, nothing compiled.
type reading struct {
	rule  rbac.Rule
	about func(claims map[string]any) rbac.Outcome // nil claims: a stranger
}

// outcome includes what a nil rule says when it is the whole tree.
func (r reading) outcome(s *rbac.Subject) rbac.Outcome {
	if r.rule == nil {
		return rbac.Unknown
	}
	return r.rule.Check(s, now).Outcome
}

func overClaims(rule rbac.Rule, about func(map[string]any) rbac.Outcome) reading {
	return reading{rule, func(claims map[string]any) rbac.Outcome {
		if claims == nil {
			return rbac.Unknown
		}
		return about(claims)
	}}
}

func constant(o rbac.Outcome) func(map[string]any) rbac.Outcome {
	return func(map[string]any) rbac.Outcome { return o }
}

// naiveMember looks for name among what the top-level claims list.
func naiveMember(claims map[string]any, split, name string, from ...string) rbac.Outcome {
	outcome := rbac.False
	if name == "" {
		return rbac.Unknown
	}
	for _, claim := range from {
		switch value := claims[claim].(type) {
		case nil:
		case string:
			if slices.Contains(naiveSplit(value, split), name) {
				return rbac.True
			}
		case []any:
			var names []string
			for _, element := range value {
				text, ok := element.(string)
				if !ok {
					names, outcome = nil, rbac.Unknown
					break
				}
				names = append(names, naiveSplit(text, split)...)
			}
			if slices.Contains(names, name) {
				return rbac.True
			}
		default:
			outcome = rbac.Unknown
		}
		if naiveElsewhere(claims, claim) {
			outcome = rbac.Unknown
		}
	}
	return outcome
}

func naiveSplit(text, split string) []string {
	for _, separator := range split {
		text = strings.ReplaceAll(text, string(separator), "\x00")
	}
	if split == "" {
		return []string{text}
	}
	return strings.Split(text, "\x00")
}

func naiveElsewhere(claims map[string]any, name string) bool {
	if names, ok := claims["_claim_names"].(map[string]any); ok {
		if _, ok := names[name]; ok {
			return true
		}
	} else if claims["_claim_names"] != nil {
		return true
	}
	return name == "groups" && claims["hasgroups"] != nil && claims["hasgroups"] != false
}

// naiveEqual compares a top-level claim, of the types that encoding/json makes.
func naiveEqual(claims map[string]any, name string, wanted any) rbac.Outcome {
	elements, ok := claims[name].([]any)
	if !ok {
		elements = []any{claims[name]}
		if claims[name] == nil {
			elements = nil
		}
	}
	outcome := rbac.False
	if naiveElsewhere(claims, name) {
		outcome = rbac.Unknown
	}
	for _, element := range elements {
		switch element.(type) {
		case string, bool, float64:
			if element == wanted {
				return rbac.True
			}
		default:
			outcome = rbac.Unknown
		}
	}
	return outcome
}

var (
	roleNames  = []string{"a", "b", ""}
	claimNames = []string{"roles", "groups", "scope", "scp", "x", "permissions", "acr", "auth_time"}
	values     = []any{"a", "b", true, 1.0}
)

// randomLeaf returns a rule without rules in it, under the zero Policy.
func randomLeaf(random *rand.Rand) reading {
	name := roleNames[random.IntN(len(roleNames))]
	other := roleNames[random.IntN(len(roleNames))]
	claim, value := claimNames[random.IntN(len(claimNames))], values[random.IntN(len(values))]
	role := func(name string) func(map[string]any) rbac.Outcome {
		return func(c map[string]any) rbac.Outcome { return naiveMember(c, "", name, "roles") }
	}
	scope := func(name string) func(map[string]any) rbac.Outcome {
		return func(c map[string]any) rbac.Outcome { return naiveMember(c, " ", name, "scope", "scp") }
	}
	switch random.IntN(13) {
	case 0:
		return reading{rbac.Public(), constant(rbac.True)}
	case 1:
		return reading{rbac.SignedIn(), func(c map[string]any) rbac.Outcome {
			if c == nil {
				return rbac.False
			}
			return rbac.True
		}}
	case 2:
		return overClaims(rbac.Role(name), role(name))
	case 3:
		return overClaims(rbac.AnyRole(name, other), naiveAny(role(name), role(other)))
	case 4:
		return overClaims(rbac.AllRoles(name, other), naiveAll(role(name), role(other)))
	case 5:
		return overClaims(rbac.Scope(name, other), naiveAll(scope(name), scope(other)))
	case 6:
		return overClaims(rbac.Group(name), func(c map[string]any) rbac.Outcome { return naiveMember(c, "", name, "groups") })
	case 7:
		return overClaims(rbac.Claim(rbac.Path{claim}, value), func(c map[string]any) rbac.Outcome { return naiveEqual(c, claim, value) })
	case 8:
		return overClaims(rbac.Func("sub", func(s *rbac.Subject) bool { return s.ID() == "bob" }), func(c map[string]any) rbac.Outcome {
			if c["sub"] == "bob" {
				return rbac.True
			}
			return rbac.False
		})
	case 9:
		permission := func(name string) func(map[string]any) rbac.Outcome {
			return func(c map[string]any) rbac.Outcome { return naiveMember(c, "", name, "permissions") }
		}
		return overClaims(rbac.Permission(name, other), naiveAll(permission(name), permission(other)))
	case 10:
		return overClaims(rbac.ACR(name, other), func(c map[string]any) rbac.Outcome {
			_, text := c["acr"].(string)
			switch {
			case name == "" || other == "" || c["acr"] != nil && !text:
				return rbac.Unknown
			case c["acr"] == name || c["acr"] == other:
				return rbac.True
			case naiveElsewhere(c, "acr"):
				return rbac.Unknown
			}
			return rbac.False
		})
	case 11:
		return overClaims(rbac.MaxAge(time.Hour), func(c map[string]any) rbac.Outcome {
			then, number := c["auth_time"].(float64)
			age := float64(now.Unix()) - math.Floor(then)
			switch {
			case c["auth_time"] == nil && naiveElsewhere(c, "auth_time"), c["auth_time"] != nil && !number, then < 0, number && age < -60:
				return rbac.Unknown
			case number && age <= 3660:
				return rbac.True
			case naiveElsewhere(c, "auth_time"):
				return rbac.Unknown
			}
			return rbac.False
		})
	}
	return reading{nil, constant(rbac.Unknown)}
}

func naiveAll(about ...func(map[string]any) rbac.Outcome) func(map[string]any) rbac.Outcome {
	return naiveFold(about, rbac.True, rbac.False)
}

func naiveAny(about ...func(map[string]any) rbac.Outcome) func(map[string]any) rbac.Outcome {
	return naiveFold(about, rbac.False, rbac.True)
}

// naiveFold is Kleene's conjunction or disjunction, by which outcome dominates.
func naiveFold(about []func(map[string]any) rbac.Outcome, neutral, dominant rbac.Outcome) func(map[string]any) rbac.Outcome {
	return func(claims map[string]any) rbac.Outcome {
		var seen []rbac.Outcome
		for _, f := range about {
			seen = append(seen, f(claims))
		}
		switch {
		case slices.Contains(seen, dominant):
			return dominant
		case slices.Contains(seen, rbac.Unknown), len(seen) == 0:
			return rbac.Unknown
		}
		return neutral
	}
}

// randomTree returns a rule of rules.
func randomTree(random *rand.Rand, depth int) reading {
	kind := random.IntN(4)
	if depth == 0 || kind == 0 {
		return randomLeaf(random)
	}
	if kind == 1 {
		inner := randomTree(random, depth-1)
		return reading{rbac.Not(inner.rule), func(c map[string]any) rbac.Outcome {
			switch inner.about(c) {
			case rbac.True:
				return rbac.False
			case rbac.False:
				return rbac.True
			}
			return rbac.Unknown
		}}
	}
	var rules []rbac.Rule
	var about []func(map[string]any) rbac.Outcome
	for range random.IntN(4) {
		inner := randomTree(random, depth-1)
		rules, about = append(rules, inner.rule), append(about, inner.about)
	}
	if kind == 2 {
		return reading{rbac.All(rules...), naiveAll(about...)}
	}
	return reading{rbac.Any(rules...), naiveAny(about...)}
}

// randomClaims returns claims of all shapes; nil is a stranger.
func randomClaims(random *rand.Rand) map[string]any {
	shapes := []any{nil, "a", "b", "a b", "", []any{"a"}, []any{"b", "a"}, []any{}, []any{"a", ""}, []any{"a", 7.0}, []any{nil, "b"}, 1.0, true, map[string]any{"a": 1.0}}
	if random.IntN(8) == 0 {
		return nil
	}
	claims := map[string]any{"sub": []string{"bob", "eve"}[random.IntN(2)]}
	for _, name := range claimNames {
		if random.IntN(3) > 0 {
			claims[name] = shapes[random.IntN(len(shapes))]
		}
	}
	ages := []float64{0, 3600, 3660, 3661, 1e6, -59, -60, -61, -1e6, 0.5, float64(now.Unix())}
	if random.IntN(2) == 0 {
		claims["auth_time"] = float64(now.Unix()) - ages[random.IntN(len(ages))]
	}
	overage := []any{nil, nil, nil, map[string]any{"groups": "s"}, map[string]any{"roles": "s", "x": "s"}, map[string]any{"acr": "s", "auth_time": "s"}, "odd"}
	claims["_claim_names"] = overage[random.IntN(len(overage))]
	claims["hasgroups"] = []any{nil, nil, nil, true, false, "true"}[random.IntN(6)]
	return claims
}

// TestRandomRules compares rules of all kinds, over claims of all shapes, with
// their naive reading.
func TestRandomRules(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	r := resolver(t, rbac.Policy{})
	seen := map[rbac.Outcome]int{}
	for range 20_000 {
		tree, claims := randomTree(random, 4), randomClaims(random)
		s := r.Subject(claims)
		got, want := tree.outcome(s), tree.about(claims)
		if got != want {
			t.Fatalf("%v of %v is %v, want %v", tree.rule, claims, got, want)
		}
		if tree.rule != nil && tree.rule.Explain(s, now).Outcome != got {
			t.Fatalf("%v of %v is %v, and explained as\n%v", tree.rule, claims, got, tree.rule.Explain(s, now))
		}
		seen[got]++
	}
	for _, o := range []rbac.Outcome{rbac.True, rbac.False, rbac.Unknown} {
		if seen[o] < 1000 {
			t.Errorf("hardly ever %v: %v", o, seen)
		}
	}
}

// FuzzCheck compares with the naive reading too, over whatever claims the fuzzer
// thinks of and a tree that it picks. No rule panics, and none holds together with
// its negation.
func FuzzCheck(f *testing.F) {
	r := resolver(f, rbac.Policy{})
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		var claims map[string]any
		if json.Unmarshal([]byte(text), &claims) != nil {
			return
		}
		tree := randomTree(rand.New(rand.NewPCG(seed, 0)), 3)
		s := r.Subject(claims)
		known := claims
		if s == nil {
			known = nil
		}
		got := tree.outcome(s)
		if want := tree.about(known); got != want && len(text) < 10_000 {
			t.Fatalf("%v of %s is %v, want %v", tree.rule, text, got, want)
		}
		if tree.rule != nil && tree.rule.Explain(s, now).Outcome != got {
			t.Fatalf("%v of %s is %v, and explained as\n%v", tree.rule, text, got, tree.rule.Explain(s, now))
		}
		if got == rbac.True && rbac.Not(tree.rule).Check(s, now).Outcome != rbac.False {
			t.Fatalf("%v of %s holds and doesn't", tree.rule, text)
		}
		numbers(t, r, text)
	})
}

// numbers reads the claims again as json.Number, for which there is no naive
// reading: nothing panics, and numbers equal no strings.
func numbers(t *testing.T, r *rbac.Resolver, text string) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var claims map[string]any
	if decoder.Decode(&claims) != nil {
		return
	}
	s := r.Subject(claims)
	number, ok := claims["x"].(json.Number)
	if ok && rbac.Claim(rbac.Path{"x"}, number.String()).Check(s, now).Outcome == rbac.True {
		t.Fatalf("%s equals a string", number)
	}
	rbac.Claim(rbac.Path{"x"}, 1, 0.5, "a", true).Check(s, now)
	rbac.MaxAge(time.Minute).Check(s, now)
}
