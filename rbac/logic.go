package rbac

import "time"

// All lets in who satisfies every rule. One that is False decides; without one,
// one that is Unknown does. No rules at all, and nil ones, are Unknown.
//
// Of several denials the one that can't be mended is reported: more scopes are
// no help to somebody who lacks the role. One that can be asks for what all the
// rules want at once: every scope, or a class and an age that suit them all. Where
// no class does, nothing mends it.
func All(rules ...Rule) Rule {
	a := &allOf{group: newGroup("All", rules)}
	for _, rule := range a.rules {
		a.demand = a.demand.and(rule.necessary())
	}
	return a.asking(a.demand)
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

func (g *group) String() string    { return g.text }
func (g *group) label() string     { return g.name }
func (g *group) necessary() demand { return demand{} }

func (g *group) roles(name func(string)) {
	for _, rule := range g.rules {
		rule.roles(name)
	}
}

// explain explains every rule, and folds their outcomes as Kleene does.
func (g *group) explain(s *Subject, now time.Time, neutral, decisive Outcome) Explanation {
	var rules []Explanation
	outcome := neutral
	if len(g.rules) == 0 {
		outcome = Unknown
	}
	for _, rule := range g.rules {
		e := rule.Explain(s, now)
		if e.Outcome == decisive || outcome == neutral {
			outcome = e.Outcome
		}
		rules = append(rules, e)
	}
	return g.explained(rules, outcome)
}

// asking returns a copy whose rules ask for more.
func (g *group) asking(more demand) group {
	copied := *g
	copied.rules = make([]Rule, len(g.rules))
	for i, rule := range g.rules {
		copied.rules[i] = rule.asking(more)
	}
	return copied
}

type allOf struct {
	group
	demand demand
}

func (a *allOf) necessary() demand       { return a.demand }
func (a *allOf) asking(more demand) Rule { return &allOf{a.group.asking(more), a.demand} }

func (a *allOf) Explain(s *Subject, now time.Time) Explanation {
	return a.explain(s, now, True, False)
}

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

func (a *anyOf) asking(more demand) Rule { return &anyOf{a.group.asking(more)} }

func (a *anyOf) Explain(s *Subject, now time.Time) Explanation {
	return a.explain(s, now, False, True)
}

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

func (n *not) asking(demand) Rule { return n }

func (n *not) Explain(s *Subject, now time.Time) Explanation {
	e := n.rules[0].Explain(s, now)
	outcome := Unknown
	switch e.Outcome {
	case True:
		outcome = False
	case False:
		outcome = True
	}
	return n.explained([]Explanation{e}, outcome)
}

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
