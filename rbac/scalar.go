package rbac

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// scalar is a string, a bool or a number, such that two are equal (==) if and
// only if they have the same type in JSON and the same value.
type scalar struct {
	kind      scalarKind
	text      string
	truth     bool
	negative  bool
	magnitude uint64  // of integers
	fraction  float64 // of other numbers
}

type scalarKind uint8

const (
	textKind scalarKind = iota + 1
	truthKind
	integerKind
	fractionKind
)

// scalarOf returns what value stands for; false if it is no string, bool or
// number, or a number that isn't finite, or a json.Number that is neither an
// integer of 64 bits nor small enough that float64 tells it from its neighbours.
func scalarOf(value any) (scalar, bool) {
	switch value := value.(type) { // the types that decoders make
	case string:
		return scalar{kind: textKind, text: value}, true
	case bool:
		return scalar{kind: truthKind, truth: value}, true
	case float64:
		return floatScalar(value)
	case json.Number:
		return numberScalar(value.String())
	}
	switch v := reflect.ValueOf(value); v.Kind() { // those that people write
	case reflect.String:
		return scalar{kind: textKind, text: v.String()}, true
	case reflect.Bool:
		return scalar{kind: truthKind, truth: v.Bool()}, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return integerScalar(v.Int() < 0, magnitude(v.Int())), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return integerScalar(false, v.Uint()), true
	case reflect.Float32, reflect.Float64:
		return floatScalar(v.Float())
	}
	return scalar{}, false
}

func integerScalar(negative bool, magnitude uint64) scalar {
	return scalar{kind: integerKind, negative: negative && magnitude != 0, magnitude: magnitude}
}

// magnitude is right for the least integer too, whose negation overflows into
// itself.
func magnitude(i int64) uint64 {
	if i < 0 {
		return uint64(-i)
	}
	return uint64(i)
}

func floatScalar(f float64) (scalar, bool) {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return scalar{}, false
	case f == math.Trunc(f) && math.Abs(f) < 1<<64:
		return integerScalar(f < 0, uint64(math.Abs(f))), true
	}
	return scalar{kind: fractionKind, fraction: f}, true
}

// maxExact is the largest integer up to which float64 holds every one.
const maxExact = 1 << 53

func numberScalar(text string) (scalar, bool) {
	digits, negative := strings.CutPrefix(text, "-")
	if n, ok := integer(digits); ok {
		return integerScalar(negative, n), true
	}
	if !isShort(text) {
		return scalar{}, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(f) >= maxExact {
		return scalar{}, false
	}
	return floatScalar(f)
}

// isShort reports whether float64 has room for the number: for one out of range
// strconv allocates an error.
func isShort(text string) bool {
	e := strings.IndexAny(text, "eE")
	return len(text) <= 32 && (e < 0 || len(strings.TrimLeft(text[e+1:], "+-")) <= 2)
}

// integer reads decimal digits that fit 64 bits. Unlike strconv's it doesn't
// allocate an error for those that don't.
func integer(digits string) (n uint64, ok bool) {
	for i := range len(digits) {
		d := uint64(digits[i] - '0')
		if d > 9 || n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, digits != ""
}

// source writes the scalar as it is written in Go.
func (s scalar) source() string {
	switch s.kind {
	case textKind:
		return strconv.Quote(s.text)
	case truthKind:
		return strconv.FormatBool(s.truth)
	case integerKind:
		sign := ""
		if s.negative {
			sign = "-"
		}
		return sign + strconv.FormatUint(s.magnitude, 10)
	}
	return strconv.FormatFloat(s.fraction, 'g', -1, 64)
}
