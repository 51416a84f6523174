package rbac

import "strings"

// Explanation says of a rule, and of the rules in it, what held and what didn't.
// It is for people: for a page that shows a policy, and for logs. Like a reason
// it holds no value of a claim, nor one that a claim is compared with.
type Explanation struct {
	// Rule is the rule as it is written in Go, without the values that claims are
	// compared with.
	Rule string `json:"rule"`
	// Outcome is encoded as "true", "false" or "unknown".
	Outcome Outcome `json:"outcome"`
	// Reason says why it isn't True, where no rule in Rules does.
	Reason string `json:"reason,omitempty"`
	// Rules are explained in the order in which they are written.
	Rules []Explanation `json:"rules,omitempty"`
}

// String writes the tree, a rule on each line, indented by two spaces a level:
//
//	false    All
//	true       Role("editor")
//	false      Not
//	true         Group("interns")
func (e Explanation) String() string {
	var b strings.Builder
	e.write(&b, 0)
	return strings.TrimSuffix(b.String(), "\n")
}

func (e Explanation) write(b *strings.Builder, depth int) {
	text, why := e.Rule, e.Reason
	if len(e.Rules) > 0 {
		text, _, _ = strings.Cut(text, "(")
	}
	outcome := e.Outcome.String()
	b.WriteString(outcome + strings.Repeat(" ", len("unknown")-len(outcome)+2+2*depth) + text)
	if _, why, found := strings.Cut(why, " is "+outcome+": "); found {
		b.WriteString(": " + why)
	}
	b.WriteString("\n")
	for _, inner := range e.Rules {
		inner.write(b, depth+1)
	}
}

func explanation(name string, d Decision) Explanation {
	return Explanation{Rule: name, Outcome: d.Outcome, Reason: d.Reason}
}

// explained is the explanation of a group whose outcome its rules decide.
func (g *group) explained(rules []Explanation, outcome Outcome) Explanation {
	e := Explanation{Rule: g.name, Outcome: outcome, Rules: rules}
	if len(rules) == 0 {
		e.Reason = g.no.Reason
	}
	return e
}
