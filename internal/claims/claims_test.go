package claims

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// nested is an object in which that many objects and arrays lie in each other.
func nested(depth int) string {
	return `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       map[string]any
	}{
		{"empty", `{}`, map[string]any{}},
		{"values", `{"s":"x","b":true,"f":false,"z":null,"n":1.5,"a":["x",1],"o":{"k":"v"},"e":[]}`, map[string]any{
			"s": "x", "b": true, "f": false, "z": nil, "n": 1.5, "a": []any{"x", 1.0}, "o": map[string]any{"k": "v"}, "e": []any{}}},
		{"white space", " {\t\"a\" :\r 1 , \"b\":[ 1 , 2 ] ,\n\"c\": { } }\n", map[string]any{
			"a": 1.0, "b": []any{1.0, 2.0}, "c": map[string]any{}}},
		{"names differ by case", `{"sub":"a","Sub":"b"}`, map[string]any{"sub": "a", "Sub": "b"}},
		{"names differ by a space", `{"sub":"a","sub ":"b"}`, map[string]any{"sub": "a", "sub ": "b"}},
		{"empty name", `{"":""}`, map[string]any{"": ""}},
		{"one name at two depths", `{"a":{"a":1},"b":[{"a":1},{"a":1}]}`, map[string]any{
			"a": map[string]any{"a": 1.0}, "b": []any{map[string]any{"a": 1.0}, map[string]any{"a": 1.0}}}},
		{"escapes", `{"\"\\\/\b\f\n\r\t\u00e9x":"\u0000é"}`, map[string]any{"\"\\/\b\f\n\r\téx": "\x00é"}},
		{"escaped backslash before u", `{"a":"\\ud800"}`, map[string]any{"a": `\ud800`}},
		{"surrogate pair", `{"a":"\ud83d\uDE00!"}`, map[string]any{"a": "😀!"}},
		{"replacement character", `{"a":"\ufffd","b":"` + "\ufffd" + `"}`, map[string]any{"a": "\ufffd", "b": "\ufffd"}},
		{"numbers", `{"a":0,"b":-0.5,"c":1e3,"d":12E-1,"e":2.5e+1}`, map[string]any{"a": 0.0, "b": -0.5, "c": 1000.0, "d": 1.2, "e": 25.0}},
		{"largest exact integer", `{"n":9007199254740992}`, map[string]any{"n": 9007199254740992.0}},
		{"exact beyond that", `{"n":-1152921504606846976}`, map[string]any{"n": -1152921504606846976.0}},
		{"inexact integer", `{"n":9007199254740993}`, map[string]any{"n": json.Number("9007199254740993")}},
		{"inexact with fraction", `{"n":9007199254740993.0}`, map[string]any{"n": json.Number("9007199254740993.0")}},
		{"largest int64", `{"n":9223372036854775807}`, map[string]any{"n": json.Number("9223372036854775807")}},
		{"huge exponent", `{"n":1e400}`, map[string]any{"n": json.Number("1e400")}},
		{"deepest", nested(32), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse([]byte(c.data))
			if err != nil || c.want != nil && !reflect.DeepEqual(got, c.want) {
				t.Errorf("Parse(%s) = %v, %v, want %v", c.data, got, err, c.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"duplicate":               `{"sub":"a","sub":"b"}`,
		"duplicate by escape":     `{"sub":"a","s\u0075b":"b"}`,
		"duplicate escaped first": `{"s\u0075b":"a","sub":"b"}`,
		"duplicate of null":       `{"sub":null,"sub":null}`,
		"duplicate below":         `{"o":[{"a":1,"a":2}]}`,
		"half a surrogate":        `{"sub":"\ud800"}`,
		"the other half":          `{"sub":"\udc00"}`,
		"halves swapped":          `{"sub":"\udc00\ud800"}`,
		"half before a letter":    `{"sub":"\ud800\u0041"}`,
		"half before text":        `{"sub":"\ud800abcdefgh"}`,
		"half before an escape":   `{"sub":"\ud800\nabcdef"}`,
		"half in a name":          `{"\ud800":1}`,
		"trailing object":         `{} {}`,
		"trailing junk":           `{}x`,
		"trailing NUL":            "{}\x00",
		"byte order mark":         "\ufeff{}",
		"array":                   `[]`,
		"string":                  `"{}"`,
		"null":                    `null`,
		"nothing":                 ``,
		"white space":             ` `,
		"cut":                     `{"a":1`,
		"cut value":               `{"a":`,
		"cut string":              `{"a":"\`,
		"no value":                `{"a"}`,
		"no name":                 `{1:2}`,
		"mismatched":              `{"a":[}]`,
		"invalid UTF-8":           "{\"a\":\"\xff\"}",
		"surrogate in UTF-8":      "{\"a\":\"\xed\xa0\x80\"}",
		"control character":       "{\"a\":\"\n\"}",
		"comment":                 `{/**/}`,
		"trailing comma":          `{"a":1,}`,
		"two commas":              `{"a":1,,"b":2}`,
		"single quotes":           `{'a':1}`,
		"leading zero":            `{"a":01}`,
		"NaN":                     `{"a":NaN}`,
		"hexadecimal":             `{"a":0x10}`,
		"too deep":                nested(33),
		"far too deep":            nested(20_000),
	} {
		if got, err := Parse([]byte(data)); err == nil {
			t.Errorf("%s: Parse(%.80s) = %v, want it refused", name, data, got)
		}
	}
}

func TestClone(t *testing.T) {
	original := map[string]any{"roles": []any{"a"}, "o": map[string]any{"k": []string{"v"}}, "none": []string(nil), "n": 1.0}
	cloned := Clone(original)
	if !reflect.DeepEqual(original, cloned) {
		t.Fatalf("Clone = %v, want %v", cloned, original)
	}
	cloned["roles"].([]any)[0] = "changed"
	cloned["o"].(map[string]any)["k"].([]string)[0] = "changed"
	if original["roles"].([]any)[0] != "a" || original["o"].(map[string]any)["k"].([]string)[0] != "v" {
		t.Error("changing the clone changed the original")
	}
	if Clone(nil) != nil {
		t.Error("Clone(nil) is not nil")
	}
}

func BenchmarkParse(b *testing.B) {
	payload := []byte(`{"iss":"https://idp.example.com","sub":"alice","aud":"shop","exp":1800000000,"iat":1799996400,"name":"Alice","email":"alice@example.com","email_verified":true,"roles":["admin","editor"],"nonce":"n"}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if _, err := Parse(payload); err != nil {
			b.Fatal(err)
		}
	}
}
