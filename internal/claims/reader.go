package claims

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// reader walks through JSON that encoding/json found valid, so that it looks
// for no mistakes of grammar, only for what the grammar allows. Walking costs a
// third of what encoding/json's own tokens cost, and a request reads claims
// each time a rule asks for them.
type reader struct {
	data []byte
	kept string // the same, of which strings without escapes are parts
	at   int
}

// next passes over white space and returns the byte that comes then.
func (r *reader) next() byte {
	for {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
}

// more passes over a comma, and over end where that comes instead.
func (r *reader) more(end byte) bool {
	if r.next() == ',' {
		r.at++
	}
	if r.next() != end {
		return true
	}
	r.at++
	return false
}

func (r *reader) object(depth int) (map[string]any, error) {
	room := 0
	if depth == 1 { // tokens say a dozen things, and objects in them few
		room = min(len(r.data)/64, 14)
	}
	object := make(map[string]any, room)
	for r.at++; r.more('}'); {
		name, err := r.text()
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("claims: the name %.40q stands twice", name)
		}
		r.next()
		r.at++ // the colon
		if object[name], err = r.value(depth); err != nil {
			return nil, err
		}
	}
	return object, nil
}

func (r *reader) array(depth int) ([]any, error) {
	array := []any{}
	for r.at++; r.more(']'); {
		value, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	return array, nil
}

func (r *reader) value(depth int) (any, error) {
	c := r.next()
	if depth == maxDepth && (c == '{' || c == '[') {
		return nil, errDepth
	}
	switch c {
	case '{':
		return r.object(depth + 1)
	case '[':
		return r.array(depth + 1)
	case '"':
		return r.text()
	case 't':
		r.at += len("true")
		return true, nil
	case 'f':
		r.at += len("false")
		return false, nil
	case 'n':
		r.at += len("null")
		return nil, nil
	}
	return r.number(), nil
}

// text reads a string. Most have no escapes, and cost nothing.
func (r *reader) text() (string, error) {
	r.at++
	for i := r.at; ; i++ {
		switch r.data[i] {
		case '"':
			text := r.kept[r.at:i]
			r.at = i + 1
			return text, nil
		case '\\':
			return r.escaped(i)
		}
	}
}

// escaped reads the rest of a string whose first escape stands at i.
func (r *reader) escaped(i int) (string, error) {
	text := append([]byte(nil), r.data[r.at:i]...)
	for ; r.data[i] != '"'; i++ {
		if r.data[i] != '\\' {
			text = append(text, r.data[i])
			continue
		}
		i++
		switch c := r.data[i]; c {
		case 'b':
			text = append(text, '\b')
		case 'f':
			text = append(text, '\f')
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		case 'u':
			point, size := unicodeEscape(r.data[i-1:])
			if size == 0 {
				return "", errSurrogate
			}
			text = utf8.AppendRune(text, point)
			i += size - 2 // the loop passes over one more, and "\" is behind us
		default: // a quotation mark, "\" or "/"
			text = append(text, c)
		}
	}
	r.at = i + 1
	return string(text), nil
}

// unicodeEscape reads \uXXXX, or the two of them that make one character
// outside the Basic Multilingual Plane. The size is zero for half of one:
// encoding/json reads every such half as U+FFFD, and two subjects as one.
func unicodeEscape(b []byte) (point rune, size int) {
	const one, two = len(`\uXXXX`), len(`\uXXXX\uXXXX`)
	point = unit(b)
	if !utf16.IsSurrogate(point) {
		return point, one
	}
	if len(b) < two || b[one] != '\\' || b[one+1] != 'u' {
		return 0, 0
	}
	if point = utf16.DecodeRune(point, unit(b[one:])); point == utf8.RuneError {
		return 0, 0
	}
	return point, two
}

// unit reads the four hexadecimal digits behind \u.
func unit(b []byte) rune {
	value, _ := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(value)
}

// maxExact is the largest integer up to which float64 holds every one.
const maxExact = 1 << 53

// number prefers float64, what encoding/json would give, unless that would
// change an integer: identifiers of 64 bits must not run together.
func (r *reader) number() any {
	start := r.at
	for r.at < len(r.data) && inNumber(r.data[r.at]) {
		r.at++
	}
	text := r.kept[start:r.at]
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(f) >= maxExact && !exact(text, f) {
		return json.Number(text)
	}
	return f
}

func inNumber(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// exact reports whether f is the integer that text spells. The largest int64
// is left out: float64(math.MaxInt64) is one more than that.
func exact(text string, f float64) bool {
	whole, err := strconv.ParseInt(text, 10, 64)
	return err == nil && f < math.MaxInt64 && int64(f) == whole
}
