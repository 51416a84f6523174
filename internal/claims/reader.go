package claims

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// reader walks through JSON (RFC 8259), and makes what it says of it on the way.
// That costs a quarter of what encoding/json's own tokens cost, and a request reads
// claims each time a rule asks for them.
type reader struct {
	data []byte // valid UTF-8
	kept string // the same, of which strings without escapes are parts
	at   int
}

// next passes over white space and returns the byte that comes then; NUL, which
// begins nothing, where none does.
func (r *reader) next() byte {
	for ; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// more passes over the comma before another member, or over end where that comes.
func (r *reader) more(end byte, first bool) (bool, error) {
	switch c := r.next(); {
	case c == end:
		r.at++
		return false, nil
	case first:
		return true, nil
	case c == ',':
		r.at++
		return true, nil
	}
	return false, errGrammar
}

func (r *reader) object(depth int) (map[string]any, error) {
	room := 0
	if depth == 1 { // tokens say a dozen things, and objects in them few
		room = min(len(r.data)/64, 14)
	}
	object := make(map[string]any, room)
	r.at++ // the brace
	more, err := r.more('}', true)
	for ; more && err == nil; more, err = r.more('}', false) {
		name, err := r.name()
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("claims: the name %.40q stands twice", name)
		}
		if object[name], err = r.value(depth); err != nil {
			return nil, err
		}
	}
	return object, err
}

// name reads a member's name and the colon behind it.
func (r *reader) name() (string, error) {
	if r.next() != '"' {
		return "", errGrammar
	}
	name, err := r.text()
	if err != nil {
		return "", err
	}
	if r.next() != ':' {
		return "", errGrammar
	}
	r.at++
	return name, nil
}

func (r *reader) array(depth int) ([]any, error) {
	array := []any{}
	r.at++ // the bracket
	more, err := r.more(']', true)
	for ; more && err == nil; more, err = r.more(']', false) {
		value, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	return array, err
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
		return true, r.literal("true")
	case 'f':
		return false, r.literal("false")
	case 'n':
		return nil, r.literal("null")
	}
	return r.number()
}

func (r *reader) literal(text string) error {
	if !strings.HasPrefix(r.kept[r.at:], text) {
		return errGrammar
	}
	r.at += len(text)
	return nil
}

// text reads a string. Most have no escapes, and cost nothing.
func (r *reader) text() (string, error) {
	r.at++ // the quotation mark
	for i := r.at; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			text := r.kept[r.at:i]
			r.at = i + 1
			return text, nil
		case c == '\\':
			return r.escaped(i)
		case c < ' ':
			return "", errGrammar
		}
	}
	return "", errGrammar
}

// escaped reads the rest of a string whose first escape stands at i.
func (r *reader) escaped(i int) (string, error) {
	text := append([]byte(nil), r.data[r.at:i]...)
	for i < len(r.data) {
		switch c := r.data[i]; {
		case c == '"':
			r.at = i + 1
			return string(text), nil
		case c == '\\':
			point, size, err := escape(r.data[i:])
			if err != nil {
				return "", err
			}
			text = utf8.AppendRune(text, point)
			i += size
		case c < ' ':
			return "", errGrammar
		default:
			text = append(text, c)
			i++
		}
	}
	return "", errGrammar
}

// escape reads what a string says behind a backslash (RFC 8259 §7).
func escape(b []byte) (point rune, size int, err error) {
	if len(b) < 2 {
		return 0, 0, errGrammar
	}
	switch c := b[1]; c {
	case '"', '\\', '/':
		return rune(c), 2, nil
	case 'b':
		return '\b', 2, nil
	case 'f':
		return '\f', 2, nil
	case 'n':
		return '\n', 2, nil
	case 'r':
		return '\r', 2, nil
	case 't':
		return '\t', 2, nil
	case 'u':
		return unicodeEscape(b)
	}
	return 0, 0, errGrammar
}

// unicodeEscape reads \uXXXX, or the two of them that make one character
// outside the Basic Multilingual Plane. Half of one is an error: encoding/json
// reads every such half as U+FFFD, and two subjects as one.
func unicodeEscape(b []byte) (point rune, size int, err error) {
	const one, two = len(`\uXXXX`), len(`\uXXXX\uXXXX`)
	if point, err = unit(b); err != nil {
		return 0, 0, err
	}
	if !utf16.IsSurrogate(point) {
		return point, one, nil
	}
	low, err := unit(b[one:])
	if err != nil {
		return 0, 0, errSurrogate
	}
	if point = utf16.DecodeRune(point, low); point == utf8.RuneError {
		return 0, 0, errSurrogate
	}
	return point, two, nil
}

// unit reads one \uXXXX.
func unit(b []byte) (rune, error) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, errGrammar
	}
	var value rune
	for _, c := range b[2:6] {
		digit := strings.IndexByte("0123456789abcdef", c|' ')
		if digit < 0 || c < '0' {
			return 0, errGrammar
		}
		value = value<<4 | rune(digit)
	}
	return value, nil
}

// maxExact is the largest integer up to which float64 holds every one.
const maxExact = 1 << 53

// number prefers float64, what encoding/json would give, unless that would
// change an integer: identifiers of 64 bits must not run together.
func (r *reader) number() (any, error) {
	start := r.at
	if !r.spelled() {
		return nil, errGrammar
	}
	text := r.kept[start:r.at]
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(f) >= maxExact && !exact(text, f) {
		return json.Number(text), nil
	}
	return f, nil
}

// spelled passes over a number, which is spelled as RFC 8259 §6 has it: no plus
// sign, no zeros in front, digits on both sides of the point.
func (r *reader) spelled() bool {
	r.sign("-")
	if zero := r.at < len(r.data) && r.data[r.at] == '0'; zero {
		r.at++
	} else if !r.digits() {
		return false
	}
	if r.at < len(r.data) && r.data[r.at] == '.' {
		if r.at++; !r.digits() {
			return false
		}
	}
	if r.at < len(r.data) && r.data[r.at]|' ' == 'e' {
		r.at++
		r.sign("+-")
		return r.digits()
	}
	return true
}

// sign passes over one of these, if it comes.
func (r *reader) sign(which string) {
	if r.at < len(r.data) && strings.IndexByte(which, r.data[r.at]) >= 0 {
		r.at++
	}
}

// digits passes over digits, and reports whether there were any.
func (r *reader) digits() bool {
	start := r.at
	for r.at < len(r.data) && '0' <= r.data[r.at] && r.data[r.at] <= '9' {
		r.at++
	}
	return r.at > start
}

// exact reports whether f is the integer that text spells. The largest int64
// is left out: float64(math.MaxInt64) is one more than that.
func exact(text string, f float64) bool {
	whole, err := strconv.ParseInt(text, 10, 64)
	return err == nil && f < math.MaxInt64 && int64(f) == whole
}
