// Package claims reads JSON objects that somebody else wrote, such as the
// payload of a token, as strictly as RFC 8725 §2.4 and RFC 7519 §4 advise.
//
// encoding/json matches struct fields in any letter case, lets the last of two
// duplicate names win and passes over what follows the value; two programs that
// read one token differently are how tokens get forged.
package claims

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds how deeply objects and arrays nest.
const maxDepth = 32

var (
	errUTF8     = errors.New("claims: not valid UTF-8")
	errObject   = errors.New("claims: not a JSON object")
	errTrailing = errors.New("claims: data after the object")
	errDepth    = errors.New("claims: nested too deeply")
)

// Parse reads one JSON object and nothing else. Names are exact; a name that
// stands twice in one object is an error, at every depth. Numbers are float64
// as encoding/json has them, but an integer that float64 can't hold exactly is a
// json.Number.
func Parse(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) {
		return nil, errUTF8
	}
	d := decoder{json.NewDecoder(bytes.NewReader(data))}
	d.UseNumber()
	token, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	if token != json.Delim('{') {
		return nil, errObject
	}
	object, err := d.object(1)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errTrailing
	}
	return object, nil
}

type decoder struct{ *json.Decoder }

func (d decoder) object(depth int) (map[string]any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("claims: %w", err)
		}
		name := token.(string) // the decoder accepts nothing else here
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("claims: the name %.40q stands twice", name)
		}
		if object[name], err = d.value(depth); err != nil {
			return nil, err
		}
	}
	return object, d.end()
}

func (d decoder) array(depth int) ([]any, error) {
	array := []any{}
	for d.More() {
		value, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	return array, d.end()
}

func (d decoder) value(depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	if depth >= maxDepth && (token == json.Delim('{') || token == json.Delim('[')) {
		return nil, errDepth
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return d.object(depth + 1)
		}
		return d.array(depth + 1)
	case json.Number:
		return number(token), nil
	}
	return token, nil
}

// end reads the closing delimiter.
func (d decoder) end() error {
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("claims: %w", err)
	}
	return nil
}

// maxExact is the largest integer up to which float64 holds every one.
const maxExact = 1 << 53

// number prefers float64, what encoding/json would give, unless that would
// change the number: identifiers of 64 bits must not run together.
func number(n json.Number) any {
	f, err := n.Float64()
	if err != nil {
		return n
	}
	if math.Abs(f) >= maxExact {
		if whole, err := strconv.ParseInt(n.String(), 10, 64); err != nil || int64(f) != whole || f >= math.MaxInt64 {
			return n
		}
	}
	return f
}

// Clone copies claims deeply: maps and slices are new, other values are shared
// and immutable.
func Clone(claims map[string]any) map[string]any {
	if claims == nil {
		return nil
	}
	cloned := maps.Clone(claims)
	for name, value := range cloned {
		cloned[name] = cloneValue(value)
	}
	return cloned
}

func cloneValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return Clone(value)
	case []any:
		cloned := make([]any, len(value))
		for i, element := range value {
			cloned[i] = cloneValue(element)
		}
		return cloned
	case []string:
		return append([]string{}, value...)
	}
	return value
}
