package claims

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// FuzzParse holds Parse to encoding/json's tokens: it accepts what those spell
// without duplicates and not too deeply, reads the same values out of it, and
// refuses everything else. Only strings that are no Unicode are Parse's alone.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Parse(data)
		want, wantErr := fromTokens(data)
		switch {
		case err == nil && wantErr == nil:
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%q reads as %#v, want %#v", data, got, want)
			}
		case err == nil:
			t.Fatalf("Parse accepts %q: %v", data, wantErr)
		case wantErr == nil && !errors.Is(err, errUTF8) && !errors.Is(err, errSurrogate):
			t.Fatalf("Parse refuses %q: %v", data, err)
		case wantErr == nil && errors.Is(err, errSurrogate) && !strings.Contains(strings.ToLower(string(data)), `\ud`):
			t.Fatalf("Parse finds half a character in %q", data)
		}
		if err != nil {
			return
		}
		encoded, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(encoded); err != nil || !reflect.DeepEqual(got, again) {
			t.Fatalf("%q reads as %v, and again as %v, %v", data, got, again, err)
		}
	})
}

// fromTokens is Parse, slowly.
func fromTokens(data []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	value, err := valueFromTokens(d, 0)
	if err != nil {
		return nil, err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("no object")
	}
	if rest := bytes.TrimLeft(data[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, errors.New("more than an object")
	}
	return object, nil
}

func valueFromTokens(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Number:
		return numberFromToken(token), nil
	case json.Delim:
		if depth++; depth > 32 {
			return nil, errors.New("too deep")
		}
		array, object := []any{}, map[string]any{}
		for d.More() {
			var name string
			if token == '{' {
				token, err := d.Token()
				if err != nil {
					return nil, err
				}
				name = token.(string)
				if _, twice := object[name]; twice {
					return nil, errors.New("duplicate")
				}
			}
			value, err := valueFromTokens(d, depth)
			if err != nil {
				return nil, err
			}
			array, object[name] = append(array, value), value
		}
		if _, err := d.Token(); err != nil {
			return nil, err
		}
		if token == '{' {
			return object, nil
		}
		return array, nil
	}
	return token, nil
}

// numberFromToken asks whether the float64 is the integer; that it prints the same, by
// the fewest digits that tell it from its neighbours, doesn't say so.
func numberFromToken(n json.Number) any {
	f, err := n.Float64()
	if err != nil || f >= 1<<63 || f < -1<<63 {
		return n
	}
	if (f >= 1<<53 || f <= -1<<53) && strconv.FormatInt(int64(f), 10) != n.String() {
		return n
	}
	return f
}
