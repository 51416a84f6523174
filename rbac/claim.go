package rbac

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Claim lets in whose claim at path equals one of values, or is an array that
// holds one of them. Without values it lets in who has the claim at all, with
// another value than null.
//
// Values are strings, booleans and numbers. Equality is exact: the string "1" is
// not the number 1, and numbers are equal when their values are, whatever Go type
// holds them. Claims that are objects, an empty path and values of other types
// are Unknown; an absent claim is False.
func Claim(path Path, values ...any) Rule {
	path = slices.Clone(path)
	wanted, valid := comparables(values)
	valid = valid && path.valid()
	return known(claimText(path, values), func(s *Subject) Outcome {
		if !valid {
			return Unknown
		}
		value, there := path.find(s.claims)
		if there != True || len(wanted) == 0 {
			return there
		}
		return equalsAny(value, wanted)
	})
}

func claimText(path Path, values []any) string {
	arguments := []string{fmt.Sprintf("Path{%s}", strings.TrimSuffix(strings.TrimPrefix(call("", path...), "("), ")"))}
	for _, value := range values {
		arguments = append(arguments, fmt.Sprintf("%#v", value))
	}
	return "Claim(" + strings.Join(arguments, ", ") + ")"
}

// scalar is a claim's value that can be compared: a string, a bool or a number.
type scalar struct {
	kind reflect.Kind // String, Bool or Float64
	text string
	yes  bool
	num  float64
	big  string // a number that float64 doesn't hold, in lowest terms
}

func comparables(values []any) ([]scalar, bool) {
	var scalars []scalar
	for _, value := range values {
		s, ok := scalarOf(value)
		if !ok {
			return nil, false
		}
		scalars = append(scalars, s)
	}
	return scalars, true
}

func scalarOf(value any) (scalar, bool) {
	switch value := value.(type) {
	case string:
		return scalar{kind: reflect.String, text: value}, true
	case bool:
		return scalar{kind: reflect.Bool, yes: value}, true
	case float64: // what JSON numbers are
		return scalar{kind: reflect.Float64, num: value}, !math.IsNaN(value)
	case json.Number:
		return number(value.String())
	}
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return scalar{}, false
	case v.CanInt():
		return number(strconv.FormatInt(v.Int(), 10))
	case v.CanUint():
		return number(strconv.FormatUint(v.Uint(), 10))
	case v.CanFloat():
		return scalar{kind: reflect.Float64, num: v.Float()}, !math.IsNaN(v.Float())
	case v.Kind() == reflect.String:
		return scalar{kind: reflect.String, text: v.String()}, true
	case v.Kind() == reflect.Bool:
		return scalar{kind: reflect.Bool, yes: v.Bool()}, true
	}
	return scalar{}, false
}

// maxNumber bounds the text of a number, because its exponent decides how much
// memory an exact one takes.
const maxNumber = 32

func number(text string) (scalar, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || len(text) > maxNumber || strings.ContainsAny(text, "eE") {
		return scalar{kind: reflect.Float64, num: f}, err == nil
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return scalar{}, false
	}
	if _, fits := exact.Float64(); !fits && exact.IsInt() {
		return scalar{kind: reflect.Float64, big: exact.RatString()}, true
	}
	return scalar{kind: reflect.Float64, num: f}, true
}

// equalsAny compares without allocating for what JSON gives.
func equalsAny(value any, wanted []scalar) Outcome {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			if is, ok := scalarOf(element); ok && slices.Contains(wanted, is) {
				return True
			}
		}
		return False
	case []string:
		for _, element := range value {
			if slices.Contains(wanted, scalar{kind: reflect.String, text: element}) {
				return True
			}
		}
		return False
	}
	is, ok := scalarOf(value)
	switch {
	case !ok:
		return Unknown
	case slices.Contains(wanted, is):
		return True
	}
	return False
}
