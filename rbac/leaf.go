package rbac

import (
	"fmt"
	"time"
)

// finding is what looking at a subject came to. All but held and lacking are
// Unknown, and so is the zero finding.
type finding uint8

const (
	vacuous   finding = iota // there is nothing to look for
	stranger                 // nobody to look at
	malformed                // a claim has an unexpected shape
	elsewhere                // the provider keeps a claim somewhere else
	excessive                // a claim is too long
	unsaid                   // nothing is known of it, because the subject is imagined
	lacking
	held
	findings // how many there are
)

func (f finding) outcome() Outcome {
	switch f {
	case held:
		return True
	case lacking:
		return False
	}
	return Unknown
}

// why says in a reason what the outcome doesn't.
func (f finding) why() string {
	switch f {
	case vacuous:
		return ": it has nothing to look for"
	case stranger:
		return ": nobody is signed in"
	case malformed:
		return ": a claim has an unexpected shape"
	case elsewhere:
		return ": the provider left a claim out and says where else it is"
	case excessive:
		return fmt.Sprintf(": a claim has more than %d entries", maxEntries)
	case unsaid:
		return ": it depends on more than roles"
	}
	return ""
}

// leaf is a rule without rules in it. Its decisions are made when it is, so that
// checking it allocates nothing.
type leaf struct {
	text, name string
	strangers  finding // what it is for them
	check      func(s *Subject) finding
	decisions  [findings]Decision
	demand     demand   // what it asks of whoever lacks it
	named      []string // the roles that it names
}

// newLeaf makes a rule over claims, which is Unknown for a stranger: what isn't
// known of anybody can't be negated either. name stands for it in reasons.
func newLeaf(text, name string, check func(s *Subject) finding) *leaf {
	l := &leaf{text: text, name: name, strangers: stranger, check: check}
	for f := range findings {
		l.decisions[f].Outcome = f.outcome()
		if f != held {
			l.decisions[f].Reason = fmt.Sprintf("%s is %v%s", name, f.outcome(), f.why())
		}
	}
	return l
}

func (l *leaf) Check(s *Subject, _ time.Time) Decision {
	if s.anonymous() {
		return l.decisions[l.strangers]
	}
	return l.decisions[l.check(s)]
}

func (l *leaf) Explain(s *Subject, now time.Time) Explanation {
	return explanation(l.name, l.Check(s, now))
}

func (l *leaf) String() string    { return l.text }
func (l *leaf) label() string     { return l.name }
func (l *leaf) necessary() demand { return l.demand }

func (l *leaf) roles(name func(string)) {
	for _, role := range l.named {
		name(role)
	}
}

func (l *leaf) asking(more demand) Rule { return l.demanding(l.demand, more) }

// demanding returns a copy of l with a demand of its own, whose denials ask for
// more as well. They ask for what the leaf is about: a token that lacks a scope
// needs others too, and no other sign-in.
func (l *leaf) demanding(own, more demand) *leaf {
	if own.empty() {
		return l
	}
	copied := *l
	copied.demand = own
	denial := &copied.decisions[lacking]
	denial.Scopes, denial.ACR, denial.MaxAge = nil, nil, 0
	switch all := more.and(own); {
	case all.contradictory: // nothing that is asked for helps
	case len(own.scopes) > 0:
		denial.Scopes = all.scopes
	default:
		denial.ACR, denial.MaxAge = all.acr, all.maxAge
	}
	return &copied
}
