package rbac

import (
	"fmt"
	"slices"
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

func (l *leaf) String() string      { return l.text }
func (l *leaf) label() string       { return l.name }
func (l *leaf) necessary() []string { return l.decisions[lacking].Scopes }

func (l *leaf) asking(scopes []string) Rule {
	if len(l.necessary()) == 0 {
		return l
	}
	copied := *l
	copied.decisions[lacking].Scopes = union(scopes, l.necessary())
	return &copied
}

// union lists the names of all, each once, without room for an append to write.
func union(all ...[]string) []string {
	var names []string
	for _, name := range slices.Concat(all...) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return slices.Clip(names)
}
