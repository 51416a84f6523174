package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// rules are one decision: may this person do that?
func rules() []contender {
	return []contender{compiledRole(), compiledTree(), withCasbin()}
}

func compiledRole() contender {
	return ruleOf("gatehouse, a role", rbac.Role("admin"))
}

func compiledTree() contender {
	return ruleOf("gatehouse, a tree of five rules", rbac.All(
		rbac.SignedIn(),
		rbac.Any(rbac.Role("owner"), rbac.Role("admin")),
		rbac.Not(rbac.Claim(rbac.Path{"locale"}, "xx")),
	))
}

func ruleOf(name string, rule rbac.Rule) contender { return decision(name, rule, 0) }

// decision is about a person of so many groups.
func decision(name string, rule rbac.Rule, groups int) contender {
	subject := must(rbac.Policy{}.Compile()).Subject(person(1, groups))
	now := time.Now()
	return contender{name: name, run: func(n int) {
		for range n {
			if rule.Check(subject, now).Outcome != rbac.True {
				panic("denied")
			}
		}
	}}
}

// withCasbin asks its documentation's RBAC model, with 1,000 policies.
func withCasbin() contender {
	m := must(model.NewModelFromString(`
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act
`))
	enforcer := must(casbin.NewEnforcer(m))
	for i := range 1000 {
		must(enforcer.AddPolicy(fmt.Sprintf("role%d", i), fmt.Sprintf("/page/%d", i), "read"))
	}
	must(enforcer.AddGroupingPolicy("alice", "role500"))
	object := strings.Clone("/page/500")
	return contender{name: "casbin, 1,000 policies", run: func(n int) {
		for range n {
			if !must(enforcer.Enforce("alice", object, "read")) {
				panic("denied")
			}
		}
	}}
}
