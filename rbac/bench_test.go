package rbac_test

import (
	"fmt"
	"testing"

	"github.com/gatehouse-go/gatehouse/rbac"
)

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

// BenchmarkRole looks for one role among those that an identity provider gives
// everybody, beside few or many groups.
func BenchmarkRole(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		s := resolver(b, rbac.Policy{}).Subject(map[string]any{
			"sub": "bob", "roles": []any{"offline_access", "uma_authorization", "default-roles-main", "editor"}, "groups": groups(n),
		})
		for name, rule := range map[string]rbac.Rule{"held": rbac.Role("editor"), "lacking": rbac.Role("admin")} {
			b.Run(fmt.Sprintf("%s/groups=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					rule.Check(s, now)
				}
			})
		}
	}
}

// BenchmarkSubject reads claims as encoding/json makes them.
func BenchmarkSubject(b *testing.B) {
	r := resolver(b, rbac.Policy{})
	for _, n := range []int{1, 10, 100, 1000} {
		claims := map[string]any{"iss": "https://idp.example", "sub": "bob", "roles": []any{"editor"}, "scope": "openid profile", "groups": groups(n)}
		b.Run(fmt.Sprintf("groups=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Subject(claims)
			}
		})
	}
}

// BenchmarkGroup looks for the last of many groups, and for one that isn't there.
func BenchmarkGroup(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		last := groups(n)[n-1].(string)
		s := resolver(b, rbac.Policy{}).Subject(map[string]any{"sub": "bob", "groups": groups(n)})
		for name, rule := range map[string]rbac.Rule{"held": rbac.Group(last), "lacking": rbac.Group("other-" + last[6:])} {
			b.Run(fmt.Sprintf("%s/groups=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					rule.Check(s, now)
				}
			})
		}
	}
}

// groups are as long as the object ids of Microsoft Entra ID.
func groups(n int) []any {
	var names []any
	for i := range n {
		names = append(names, fmt.Sprintf("0760b6cf-170e-4a14-91b3-%012d", i))
	}
	return names
}
