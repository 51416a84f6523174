package rbac_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/rbac"
)

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

// A claim of the application's own, and a rule of its own.
func ExampleFunc() {
	policy, err := rbac.Policy{}.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	bob := policy.Subject(map[string]any{"sub": "bob", "email": "bob@example.com", "email_verified": true})
	staff := rbac.All(
		rbac.Claim(rbac.Path{"email_verified"}, true),
		rbac.Func("example.com", func(s *rbac.Subject) bool {
			email, _ := s.Claim("email").(string)
			return strings.HasSuffix(email, "@example.com")
		}),
	)
	fmt.Println(staff)
	fmt.Println(staff.Check(bob, time.Now()).Outcome)
	// Output:
	// All(Claim(Path{"email_verified"}, true), Func("example.com"))
	// true
}

// Not admits nobody of whom nothing is known.
func ExampleNot() {
	policy, err := rbac.Policy{}.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	rule := rbac.Not(rbac.Group("interns"))
	for _, claims := range []map[string]any{
		{"sub": "ann", "groups": []string{"staff"}},
		{"sub": "bob", "groups": []string{"interns"}},
		{"sub": "eve", "_claim_names": map[string]any{"groups": "src1"}}, // too many to send
		nil, // a stranger
	} {
		fmt.Println(rule.Check(policy.Subject(claims), time.Now()).Outcome)
	}
	// Output:
	// true
	// false
	// unknown
	// unknown
}

// What is missing is what to ask a new token for.
func ExampleScope() {
	policy, err := rbac.Policy{}.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	app := policy.Subject(map[string]any{"sub": "app", "scope": "orders:read"})
	denial := rbac.Scope("orders:read", "orders:write").Check(app, time.Now())
	fmt.Println(denial.Outcome, denial.Scopes)
	// Output: false [orders:read orders:write]
}

// A page for who signed in strongly, and lately. The denial says what to ask for.
func ExampleACR() {
	policy, err := rbac.Policy{}.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Now()
	bob := policy.Subject(map[string]any{"sub": "bob", "acr": "pwd", "auth_time": float64(now.Unix())})
	payments := rbac.All(rbac.ACR("phr", "mfa"), rbac.MaxAge(5*time.Minute))
	denial := payments.Check(bob, now)
	fmt.Println(denial.Outcome, denial.ACR, denial.MaxAge)
	// Output: false [phr mfa] 5m0s
}

func ExampleExplanation() {
	policy, err := rbac.Policy{}.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	bob := policy.Subject(map[string]any{"sub": "bob", "roles": []any{"editor"}})
	rule := rbac.All(rbac.AnyRole("editor", "admin"), rbac.Not(rbac.Group("interns")), rbac.Permission("publish"))
	fmt.Println(rule.Explain(bob, time.Now()))
	// Output:
	// false    All
	// true       AnyRole("editor", "admin")
	// true       Not
	// false        Group("interns")
	// false      Permission("publish")
}

// What a policy means for a role, without anybody who has it.
func ExampleResolver_Imagine() {
	policy, err := rbac.Policy{Hierarchy: map[string][]string{"admin": {"editor"}}}.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	rule := rbac.All(rbac.Role("editor"), rbac.Not(rbac.Group("interns")))
	for _, role := range append(policy.Vocabulary(rule), "viewer") {
		fmt.Println(role, rule.Check(policy.Imagine(role), time.Now()).Outcome)
	}
	// Output:
	// editor unknown
	// admin unknown
	// viewer false
}
