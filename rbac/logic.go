package rbac

import (
	"slices"
	"strings"
	"time"
)

// All lets in who satisfies every rule. One that is False decides; without one,
// one that is Unknown does. No rules at all, and nil ones, are Unknown.
//
// Of several denials the one that can't be mended is reported: more scopes are
// no help to somebody who lacks the role.
func All(rules ...Rule) Rule {
	return &allOf{group{name: "All", rules: slices.Clone(rules)}}
}

// Any lets in who satisfies at least one rule. Without one that is True, one that
// is Unknown decides. No rules at all, and nil ones, are Unknown.
//
// Of several denials one that can be mended is reported.
func Any(rules ...Rule) Rule {
	return &anyOf{group{name: "Any", rules: slices.Clone(rules)}}
}

// Not lets in who doesn't satisfy the rule. What is Unknown stays so: it lets in
// nobody whose claims can't be read, and no stranger by a rule over claims.
func Not(rule Rule) Rule {
	n := &not{rule: rule}
	n.no = Decision{Outcome: False, Reason: n.String() + " is false"}
	return n
}

// group is a list of rules.
type group struct {
	name  string
	rules []Rule
}

func (g *group) sealed() {}

func (g *group) String() string {
	texts := make([]string, len(g.rules))
	for i, rule := range g.rules {
		texts[i] = textOf(rule)
	}
	return g.name + "(" + strings.Join(texts, ", ") + ")"
}

func textOf(rule Rule) string {
	if rule == nil {
		return "nil"
	}
	return rule.String()
}

var (
	nilRule = Decision{Reason: "a nil rule"}
	noRules = Decision{Reason: "no rules"}
)

func check(rule Rule, s *Subject, now time.Time) Decision {
	if rule == nil {
		return nilRule
	}
	return rule.Check(s, now)
}

type allOf struct{ group }

func (a *allOf) Check(s *Subject, now time.Time) Decision {
	if len(a.rules) == 0 {
		return noRules
	}
	outcome, denial := True, Decision{}
	for _, rule := range a.rules {
		decision := check(rule, s, now)
		if decision.Outcome == True {
			continue
		}
		if outcome == True || denial.mendable() && !decision.mendable() {
			denial = decision
		}
		if outcome == True || decision.Outcome == False {
			outcome = decision.Outcome
		}
	}
	denial.Outcome = outcome
	return denial
}

type anyOf struct{ group }

func (a *anyOf) Check(s *Subject, now time.Time) Decision {
	if len(a.rules) == 0 {
		return noRules
	}
	outcome, denial := False, Decision{}
	for i, rule := range a.rules {
		decision := check(rule, s, now)
		if decision.Outcome == True {
			return decision
		}
		if i == 0 || !denial.mendable() && decision.mendable() {
			denial = decision
		}
		if decision.Outcome == Unknown {
			outcome = Unknown
		}
	}
	denial.Outcome = outcome
	return denial
}

type not struct {
	rule Rule
	no   Decision
}

func (n *not) sealed()        {}
func (n *not) String() string { return "Not(" + textOf(n.rule) + ")" }

func (n *not) Check(s *Subject, now time.Time) Decision {
	decision := check(n.rule, s, now)
	switch decision.Outcome {
	case True:
		return n.no
	case False:
		return Decision{Outcome: True}
	}
	return decision
}
