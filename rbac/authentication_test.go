package rbac_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/rbac"
)

func TestACR(t *testing.T) {
	const T, F, U = rbac.True, rbac.False, rbac.Unknown
	for _, c := range []struct {
		claims string
		rule   rbac.Rule
		want   rbac.Outcome
		asks   string
	}{
		{`{"acr":"mfa"}`, rbac.ACR("mfa"), T, ""},
		{`{"acr":"phr"}`, rbac.ACR("mfa", "phr"), T, ""},
		{`{"acr":"pwd"}`, rbac.ACR("mfa", "phr"), F, "mfa phr"},
		{`{"acr":"MFA"}`, rbac.ACR("mfa"), F, "mfa"},
		{`{"acr":"mfa2"}`, rbac.ACR("mfa"), F, "mfa"},
		{`{"acr":"0"}`, rbac.ACR("mfa"), F, "mfa"},
		{`{"acr":""}`, rbac.ACR("mfa"), F, "mfa"},
		{`{"acr":null}`, rbac.ACR("mfa"), F, "mfa"},
		{`{}`, rbac.ACR("mfa", "mfa"), F, "mfa"},
		{`{"ACR":"mfa"}`, rbac.ACR("mfa"), F, "mfa"},
		{`{"amr":["mfa"]}`, rbac.ACR("mfa"), F, "mfa"},
		{`{"acr":["mfa"]}`, rbac.ACR("mfa"), U, ""},
		{`{"acr":1}`, rbac.ACR("1"), U, ""},
		{`{"acr":{"value":"mfa"}}`, rbac.ACR("mfa"), U, ""},
		{`{"_claim_names":{"acr":"src1"}}`, rbac.ACR("mfa"), U, ""},
		{`{"acr":"pwd","_claim_names":{"acr":"src1"}}`, rbac.ACR("mfa"), U, ""},
		{`{"acr":"mfa","_claim_names":{"acr":"src1"}}`, rbac.ACR("mfa"), T, ""},
		{`{"acr":"mfa"}`, rbac.ACR(), U, ""},
		{`{"acr":""}`, rbac.ACR(""), U, ""},
		{`{"acr":"a b"}`, rbac.ACR("a b"), U, ""},
		{`{"acr":"mfa"}`, rbac.ACR("mfa", "a\"b"), U, ""},
		{`{}`, rbac.Not(rbac.ACR("mfa")), T, ""},
		{`{"acr":[]}`, rbac.Not(rbac.ACR("mfa")), U, ""},
	} {
		got := c.rule.Check(subject(t, rbac.Policy{}, c.claims), now)
		if got.Outcome != c.want || strings.Join(got.ACR, " ") != c.asks || got.MaxAge != 0 || got.Scopes != nil {
			t.Errorf("%s: %v is %v and asks for %q, want %v and %q", c.claims, c.rule, got.Outcome, got.ACR, c.want, c.asks)
		}
	}
}

func TestMaxAge(t *testing.T) {
	const T, F, U = rbac.True, rbac.False, rbac.Unknown
	const age = 5 * time.Minute
	seconds := func(ago time.Duration) float64 { return float64(now.Add(-ago).Unix()) }
	for _, c := range []struct {
		authTime any
		age      time.Duration
		want     rbac.Outcome
	}{
		{seconds(0), age, T},
		{seconds(age), age, T},
		{seconds(age + time.Minute), age, T}, // clocks differ
		{seconds(age + time.Minute + time.Second), age, F},
		{seconds(24 * time.Hour), age, F},
		{0.0, age, F},
		{nil, age, F},
		{seconds(-time.Minute), age, T},
		{seconds(-time.Minute - time.Second), age, U},
		{json.Number(fmt.Sprint(now.Unix())), age, T},
		{now.Unix(), age, T},
		{float64(now.Unix()) - 0.5, age, T},
		{fmt.Sprint(now.Unix()), age, U},
		{now.Format(time.RFC3339), age, U},
		{float64(now.UnixMilli()), age, U},
		{-1.0, age, U},
		{1e300, age, U},
		{json.Number("1e999"), age, U},
		{json.Number("18446744073709551615"), age, U},
		{[]any{seconds(0)}, age, U},
		{true, age, U},
		{seconds(time.Minute + 2*time.Second), 2900 * time.Millisecond, T},
		{seconds(time.Minute + 3*time.Second), 2900 * time.Millisecond, F},
		{seconds(0), 0, U},
		{seconds(0), -age, U},
		{seconds(0), time.Second - 1, U},
	} {
		s := resolver(t, rbac.Policy{}).Subject(map[string]any{"sub": "bob", "auth_time": c.authTime})
		got := rbac.MaxAge(c.age).Check(s, now)
		asks := time.Duration(0)
		if c.want == F {
			asks = c.age.Truncate(time.Second)
		}
		if got.Outcome != c.want || got.MaxAge != asks {
			t.Errorf("auth_time %v: MaxAge(%v) is %v and asks for %v, want %v and %v", c.authTime, c.age, got.Outcome, got.MaxAge, c.want, asks)
		}
	}
}

// TestSignInAskedFor: a new sign-in is asked for with everything that it needs,
// so that one is enough.
func TestSignInAskedFor(t *testing.T) {
	mfa, phr, either := rbac.ACR("mfa"), rbac.ACR("phr"), rbac.ACR("phr", "mfa")
	recent, older := rbac.MaxAge(time.Minute), rbac.MaxAge(time.Hour)
	role, scope := rbac.Role("admin"), rbac.Scope("a")
	for _, c := range []struct {
		rule rbac.Rule
		want string // acr, max_age and scopes
	}{
		{mfa, "[mfa] 0s []"},
		{recent, "[] 1m0s []"},
		{rbac.All(mfa, recent), "[mfa] 1m0s []"},
		{rbac.All(recent, mfa), "[mfa] 1m0s []"},
		{rbac.All(older, recent), "[] 1m0s []"},
		{rbac.All(recent, older), "[] 1m0s []"},
		{rbac.All(mfa, either), "[mfa] 0s []"},
		{rbac.All(either, mfa), "[mfa] 0s []"},
		{rbac.All(mfa, phr), "[] 0s []"}, // nobody signs in by both
		{rbac.All(mfa, phr, recent), "[] 0s []"},
		{rbac.All(mfa, rbac.All(phr)), "[] 0s []"},
		{rbac.All(scope, mfa, phr), "[] 0s []"},
		{rbac.All(mfa, rbac.All(recent, either)), "[mfa] 1m0s []"},
		{rbac.All(mfa, rbac.Any(role, recent)), "[mfa] 0s []"},
		{rbac.All(mfa, role), "[] 0s []"},
		{rbac.All(role, mfa), "[] 0s []"},
		{rbac.All(mfa, nil), "[] 0s []"},
		{rbac.All(mfa, rbac.ACR("")), "[] 0s []"},
		{rbac.All(rbac.SignedIn(), mfa), "[mfa] 0s []"},
		{rbac.All(mfa, scope), "[mfa] 0s []"}, // one after the other
		{rbac.All(scope, mfa), "[] 0s [a]"},
		{rbac.Any(role, mfa), "[mfa] 0s []"},
		{rbac.Any(mfa, role), "[mfa] 0s []"},
		{rbac.Any(unknown, recent), "[] 1m0s []"},
		{rbac.Any(rbac.All(role, mfa), recent), "[] 1m0s []"},
		{rbac.Not(mfa), "[] 0s []"},
		{rbac.Not(rbac.Not(mfa)), "[] 0s []"},
	} {
		got := c.rule.Check(subject(t, rbac.Policy{}, `{"acr":"pwd","auth_time":1}`), now)
		if asks := fmt.Sprint(got.ACR, got.MaxAge, got.Scopes); asks != c.want {
			t.Errorf("%v asks for %s, want %s", c.rule, asks, c.want)
		}
		if cap(got.ACR) != len(got.ACR) {
			t.Errorf("%v: an append writes into the rule", c.rule)
		}
		if d := c.rule.Check(nil, now); d.ACR != nil || d.MaxAge != 0 {
			t.Errorf("%v asks a stranger for %v, %v", c.rule, d.ACR, d.MaxAge)
		}
	}
}

func TestPermissions(t *testing.T) {
	const T, F, U = rbac.True, rbac.False, rbac.Unknown
	for _, c := range []struct {
		claims string
		rule   rbac.Rule
		want   rbac.Outcome
	}{
		{`{"permissions":["orders:read","orders:write"]}`, rbac.Permission("orders:read"), T},
		{`{"permissions":["orders:read","orders:write"]}`, rbac.Permission("orders:write", "orders:read"), T},
		{`{"permissions":["orders:read"]}`, rbac.Permission("orders:write"), F},
		{`{"permissions":["orders:read"]}`, rbac.Permission("orders:read", "orders:write"), F},
		{`{"permissions":"orders:read"}`, rbac.Permission("orders:read"), T},
		{`{"permissions":"orders:read orders:write"}`, rbac.Permission("orders:read"), F}, // one, with a space
		{`{"scope":"orders:read"}`, rbac.Permission("orders:read"), F},
		{`{"permissions":["orders:read"]}`, rbac.Scope("orders:read"), F},
		{`{"permissions":{"orders:read":true}}`, rbac.Permission("orders:read"), U},
		{`{"permissions":["orders:read",{"a":1}]}`, rbac.Permission("orders:read"), U},
		{`{"permissions":[]}`, rbac.Permission(""), U},
		{`{"permissions":["a"]}`, rbac.Permission(), U},
	} {
		got := c.rule.Check(subject(t, rbac.Policy{}, c.claims), now)
		if got.Outcome != c.want {
			t.Errorf("%s: %v is %v, want %v", c.claims, c.rule, got.Outcome, c.want)
		}
	}
	elsewhere := rbac.Policy{Permissions: []rbac.Path{{"authorization", "permissions"}}}
	s := subject(t, elsewhere, `{"authorization":{"permissions":["b","a"]},"permissions":["c"]}`)
	if got := fmt.Sprint(s.Permissions()); got != "[a b]" {
		t.Errorf("permissions %s", got)
	}
	if got := rbac.Permission("x").Check(s, now); got.Scopes != nil {
		t.Errorf("a lacking permission asks for scopes %v", got.Scopes)
	}
	if (*rbac.Subject)(nil).Permissions() != nil {
		t.Error("nobody has permissions")
	}
}
