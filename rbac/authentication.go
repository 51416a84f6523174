package rbac

import (
	"slices"
	"strings"
	"time"
)

// ACR lets in who signed in by one of the authentication context classes, as the
// claim acr says (OpenID Connect Core 1.0 §2). They are compared exactly; name the
// preferred one first, because in that order a new sign-in is asked for them.
//
// Another class is False, and so is none: both are mended by a new sign-in, and
// [Decision.ACR] says by which. An acr that is no string is Unknown, and so are
// rules without a class, or with one that acr_values can't carry, such as "" or
// "a b".
func ACR(classes ...string) Rule {
	classes = slices.Clone(classes)
	rule := named("ACR", func(s *Subject) finding { return classOf(s, classes) }, classes...)
	if len(classes) == 0 || slices.ContainsFunc(classes, unaskable) {
		rule.check = func(*Subject) finding { return vacuous }
		return rule
	}
	return rule.demanding(demand{acr: union(classes)}, demand{})
}

// unaskable reports whether a class can't stand in a list separated by spaces.
func unaskable(class string) bool {
	return class == "" || strings.ContainsFunc(class, notInScope)
}

func classOf(s *Subject, classes []string) finding {
	if s.imagined {
		return unsaid
	}
	value, found := acrPath.find(s.claims)
	if value == nil {
		return found
	}
	class, ok := value.(string)
	switch {
	case !ok:
		return malformed
	case slices.Contains(classes, class):
		return held
	case found == held:
		return lacking
	}
	return found // another may be elsewhere
}

var acrPath, authTimePath = Path{"acr"}, Path{"auth_time"}

// clockSkew is how far the provider's clock may be off.
const clockSkew = time.Minute

// MaxAge lets in who proved who they are no longer than age ago, as the claim
// auth_time says (OpenID Connect Core 1.0 §2). A minute more is granted, because
// the provider's clock may be off. age counts in whole seconds, rounded down;
// less than one is Unknown.
//
// Longer ago is False, and so is a claim that isn't there: providers needn't say
// it unless they are asked. Both are mended by a new sign-in, and
// [Decision.MaxAge] says by which. Unknown is an auth_time that is no number of
// seconds since 1970, or more than a minute ahead.
func MaxAge(age time.Duration) Rule {
	text := call("MaxAge", age.String())
	age = age.Truncate(time.Second)
	vain := newLeaf(text, text, func(*Subject) finding { return vacuous })
	if age <= 0 {
		return vain
	}
	return &recent{vain.demanding(demand{maxAge: age}, demand{}), age}
}

// recent is a leaf whose check depends on the time.
type recent struct {
	*leaf
	age time.Duration
}

func (r *recent) Check(s *Subject, now time.Time) Decision {
	if s.anonymous() {
		return r.decisions[r.strangers]
	}
	return r.decisions[r.find(s, now)]
}

func (r *recent) find(s *Subject, now time.Time) finding {
	if s.imagined {
		return unsaid
	}
	value, found := authTimePath.find(s.claims)
	if value == nil {
		return found
	}
	then, ok := secondsOf(value)
	switch age := now.Sub(then); {
	case !ok, age < -clockSkew:
		return malformed
	case age <= r.age+clockSkew:
		return held
	case found == held:
		return lacking
	}
	return found
}

// maxSeconds is far from now, and from overflow.
const maxSeconds = 1 << 40

// secondsOf reads a NumericDate (RFC 7519 §2).
func secondsOf(value any) (time.Time, bool) {
	number, ok := scalarOf(value)
	switch {
	case !ok || number.negative || number.magnitude > maxSeconds:
		return time.Time{}, false
	case number.kind == integerKind:
		return time.Unix(int64(number.magnitude), 0), true
	case number.kind == fractionKind && number.fraction >= 0 && number.fraction < maxSeconds:
		return time.Unix(int64(number.fraction), 0), true
	}
	return time.Time{}, false
}

func (r *recent) Explain(s *Subject, now time.Time) Explanation {
	return explanation(r.name, r.Check(s, now))
}

func (r *recent) asking(more demand) Rule {
	return &recent{r.leaf.demanding(r.demand, more), r.age}
}
