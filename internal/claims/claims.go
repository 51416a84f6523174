// Package claims reads JSON objects that somebody else wrote, such as the
// payload of a token, as strictly as RFC 8725 §2.4 and RFC 7519 §4 advise.
//
// encoding/json matches struct fields in any letter case, lets the last of two
// duplicate names win, passes over what follows the value and reads different
// broken strings as the same one; two programs that read one token differently
// are how tokens get forged.
package claims

import (
	"errors"
	"unicode/utf8"
)

// maxDepth bounds how deeply objects and arrays nest, the outermost included.
const maxDepth = 32

var (
	errUTF8      = errors.New("claims: not valid UTF-8")
	errGrammar   = errors.New("claims: not JSON")
	errObject    = errors.New("claims: not a JSON object")
	errDepth     = errors.New("claims: nested too deeply")
	errSurrogate = errors.New("claims: a string is not Unicode")
)

// Parse reads one JSON object and nothing else. Names are exact; a name that
// stands twice in one object is an error, at every depth and however it is
// escaped, and so is a string that is no Unicode (RFC 7493 §2.1, §2.3). Numbers
// are float64 as encoding/json has them, but an integer that float64 can't hold
// exactly is a json.Number.
func Parse(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) {
		return nil, errUTF8
	}
	r := reader{data: data, kept: string(data)}
	if r.next() != '{' {
		return nil, errObject
	}
	object, err := r.object(1)
	if err != nil {
		return nil, err
	}
	if r.next(); r.at < len(data) {
		return nil, errGrammar
	}
	return object, nil
}
