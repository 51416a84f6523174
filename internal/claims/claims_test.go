package claims

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       map[string]any // nil: refused
	}{
		{"empty", `{}`, map[string]any{}},
		{"values", `{"s":"x","b":true,"z":null,"n":1.5,"a":["x",1],"o":{"k":"v"}}`, map[string]any{
			"s": "x", "b": true, "z": nil, "n": 1.5, "a": []any{"x", 1.0}, "o": map[string]any{"k": "v"}}},
		{"white space", " {\"a\" : 1}\n", map[string]any{"a": 1.0}},
		{"names differ by case", `{"sub":"a","Sub":"b"}`, map[string]any{"sub": "a", "Sub": "b"}},
		{"largest exact integer", `{"n":9007199254740992}`, map[string]any{"n": 9007199254740992.0}},
		{"beyond float64", `{"n":9007199254740993}`, map[string]any{"n": json.Number("9007199254740993")}},
		{"huge exponent", `{"n":1e400}`, map[string]any{"n": json.Number("1e400")}},
		{"duplicate", `{"sub":"a","sub":"b"}`, nil},
		{"duplicate by escape", `{"sub":"a","s\u0075b":"b"}`, nil},
		{"duplicate below", `{"o":[{"a":1,"a":2}]}`, nil},
		{"trailing", `{} {}`, nil},
		{"trailing junk", `{}x`, nil},
		{"array", `[]`, nil},
		{"string", `"{}"`, nil},
		{"nothing", ``, nil},
		{"cut", `{"a":1`, nil},
		{"cut value", `{"a":`, nil},
		{"no value", `{"a"}`, nil},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", nil},
		{"comment", `{/**/}`, nil},
		{"trailing comma", `{"a":1,}`, nil},
		{"single quotes", `{'a':1}`, nil},
		{"too deep", `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse([]byte(c.data))
			if (err != nil) != (c.want == nil) || c.want != nil && !reflect.DeepEqual(got, c.want) {
				t.Errorf("Parse(%s) = %v, %v, want %v", c.data, got, err, c.want)
			}
		})
	}
}

func TestClone(t *testing.T) {
	original := map[string]any{"roles": []any{"a"}, "o": map[string]any{"k": []string{"v"}}}
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

// FuzzParse holds Parse to encoding/json: whatever Parse accepts, that accepts
// too and reads the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,{"b":null}],"c":"d"}`, `{"a":1,"a":2}`, `{"n":9007199254740993}`, `{"\u0000":"\ud800"}`, `[`, `{"a":`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Parse(data)
		if err != nil {
			return
		}
		var want map[string]any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("Parse accepted %q, encoding/json says %v", data, err)
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		reread, err := Parse(again)
		if err != nil || !reflect.DeepEqual(got, reread) {
			t.Fatalf("%q reads as %v, and again as %v, %v", data, got, reread, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%q reads as %v, encoding/json reads %v", data, got, want)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	payload := []byte(`{"iss":"https://idp.example.com","sub":"alice","aud":"shop","exp":1800000000,"iat":1799996400,"name":"Alice","email":"alice@example.com","email_verified":true,"roles":["admin","editor"],"nonce":"n"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(payload); err != nil {
			b.Fatal(err)
		}
	}
}
