package rbac

import "time"

// All lets in who satisfies every rule. One that is False decides; without one,
// one that is Unknown does. No rules at all, and nil ones, are Unknown.
//
// Of several denials the one that can't be mended is reported: more scopes are
// no help to somebody who lacks the role. One that can be asks for the scopes of
// all the rules at once.
func All(rules ...Rule) Rule {
	a := &allOf{group: newGroup("All", rules)}
	var scopes [][]string
	for _, rule := range a.rules {
		scopes = append(scopes, rule.necessary())
	}
	a.scopes = union(scopes...)
	return a.asking(a.scopes)
}

// Any lets in who satisfies at least one rule. Without one that is True, one that
// is Unknown decides. No rules at all, and nil ones, are Unknown.
//
// Of several denials one that can be mended is reported.
func Any(rules ...Rule) Rule { return &anyOf{newGroup("Any", rules)} }

// Not lets in who doesn't satisfy the rule. What is Unknown stays so: it lets in
// nobody whose claims can't be read, and no stranger by a rule over claims. Its
// denials can't be mended.
func Not(rule Rule) Rule { return &not{newGroup("Not", []Rule{rule})} }

// group is a rule made of rules.
type group struct {
	text, name string
	rules      []Rule
	no         Decision // the group's own denial, where no rule's says it better
}

// newGroup copies the rules.
func newGroup(constructor string, rules []Rule) group {
	g := group{rules: make([]Rule, len(rules))}
	texts, labels := make([]string, len(rules)), make([]string, len(rules))
	for i, rule := range rules {
		if rule == nil {
			rule = newLeaf("nil", "nil", func(*Subject) finding { return vacuous })
		}
		g.rules[i], texts[i], labels[i] = rule, rule.String(), rule.label()
	}
	g.text, g.name = call(constructor, texts...), call(constructor, labels...)
	g.no = Decision{Outcome: False, Reason: g.name + " is false"}
	if len(rules) == 0 {
		g.no = Decision{Reason: g.name + " is unknown: it has no rules"}
	}
	return g
}

func (g *group) String() string      { return g.text }
func (g *group) label() string       { return g.name }
func (g *group) necessary() []string { return nil }

// asking returns a copy whose rules ask for scopes too.
func (g *group) asking(scopes []string) group {
	copied := *g
	copied.rules = make([]Rule, len(g.rules))
	for i, rule := range g.rules {
		copied.rules[i] = rule.asking(scopes)
	}
	return copied
}

type allOf struct {
	group
	scopes []string
}

func (a *allOf) necessary() []string         { return a.scopes }
func (a *allOf) asking(scopes []string) Rule { return &allOf{a.group.asking(scopes), a.scopes} }

func (a *allOf) Check(s *Subject, now time.Time) Decision {
	if len(a.rules) == 0 {
		return a.no
	}
	denial := Decision{Outcome: True}
	outcome := True
	for _, rule := range a.rules {
		decision := rule.Check(s, now)
		if weight(&decision) > weight(&denial) {
			denial = decision
		}
		if decision.Outcome == False || outcome == True {
			outcome = decision.Outcome
		}
		if weight(&decision) == heaviest {
			break
		}
	}
	denial.Outcome = outcome
	return denial
}

// heaviest is the weight of a denial that is False and can't be mended.
const heaviest = 3

// weight orders the decisions of which All reports one.
func weight(d *Decision) int {
	switch {
	case d.Outcome == True:
		return 0
	case d.mendable():
		return 1
	case d.Outcome == Unknown:
		return 2
	}
	return heaviest
}

type anyOf struct{ group }

func (a *anyOf) asking(scopes []string) Rule { return &anyOf{a.group.asking(scopes)} }

func (a *anyOf) Check(s *Subject, now time.Time) Decision {
	denial := a.no
	outcome := a.no.Outcome
	for _, rule := range a.rules {
		decision := rule.Check(s, now)
		if decision.Outcome == True {
			return decision
		}
		if !denial.mendable() && (decision.mendable() || outcome == False && decision.Outcome == Unknown) {
			denial = decision
		}
		if decision.Outcome == Unknown {
			outcome = Unknown
		}
	}
	denial.Outcome = outcome
	return denial
}

type not struct{ group }

func (n *not) asking([]string) Rule { return n }

func (n *not) Check(s *Subject, now time.Time) Decision {
	decision := n.rules[0].Check(s, now)
	switch decision.Outcome {
	case True:
		return n.no
	case False:
		return Decision{Outcome: True}
	}
	return Decision{Reason: decision.Reason}
}
