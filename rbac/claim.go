package rbac

import (
	"fmt"
	"slices"
	"strings"
)

// Claim lets in whose claim at path equals one of values, or is an array that
// holds one of them. Without values it lets in who has the claim at all, with
// another value than null; false is one.
//
// Values are strings, booleans and numbers. Equality is exact: the string "1" is
// not the number 1, and numbers are equal when their values are, whatever Go type
// holds them: integers of up to 64 bits exactly, fractions as float64.
//
// An absent claim is False. Unknown are claims that can't be compared: objects,
// numbers beyond those, arrays of more than 10,000 elements, and arrays that hold
// something other than strings, booleans and numbers and don't match otherwise;
// and rules with an empty path or values of other types.
func Claim(path Path, values ...any) Rule {
	path = slices.Clone(path)
	sound := path.valid()
	arguments := []string{"Path{" + strings.Join(quoted(path), ", ") + "}"}
	var wanted []scalar
	for _, value := range values {
		s, ok := scalarOf(value)
		if !ok {
			sound = false
			arguments = append(arguments, fmt.Sprintf("%T", value))
			continue
		}
		wanted = append(wanted, s)
		arguments = append(arguments, s.source())
	}
	name := call("Claim", arguments...)
	if len(values) > 0 {
		name = call("Claim", arguments[0], "…")
	}
	check := func(s *Subject) finding { return compareClaim(s, path, wanted) }
	if !sound {
		check = func(*Subject) finding { return vacuous }
	}
	return newLeaf(call("Claim", arguments...), name, check)
}

func compareClaim(s *Subject, path Path, wanted []scalar) finding {
	if s.imagined {
		return unsaid
	}
	value, found := path.find(s.claims)
	if value == nil {
		return found
	}
	if len(wanted) == 0 {
		return held
	}
	if compared := compare(value, wanted); compared != lacking || found == held {
		return compared
	}
	return found // what isn't here may be elsewhere
}

// compare allocates nothing for whatever a claim may be.
func compare(value any, wanted []scalar) finding {
	switch value := value.(type) {
	case []any:
		return compareEach(value, wanted)
	case []string:
		return compareEach(value, wanted)
	}
	return compareOne(value, wanted)
}

func compareEach[T any](array []T, wanted []scalar) finding {
	if len(array) > maxEntries {
		return excessive
	}
	found := lacking
	for _, element := range array {
		switch compareOne(element, wanted) {
		case held:
			return held
		case malformed:
			found = malformed
		}
	}
	return found
}

func compareOne(value any, wanted []scalar) finding {
	given, ok := scalarOf(value)
	switch {
	case !ok:
		return malformed
	case slices.Contains(wanted, given):
		return held
	}
	return lacking
}
