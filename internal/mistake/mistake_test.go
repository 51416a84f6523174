package mistake

import (
	"errors"
	"io"
	"testing"
)

func TestMistakes(t *testing.T) {
	joined := errors.Join(Of("Keys", "is required"), errors.Join(From("URL", io.EOF), Of("Name", "is empty")))
	for want, err := range map[string]error{
		"Keys: is required":        Of("Keys", "is required"),
		"Keys: EOF":                From("Keys", io.EOF),
		"API.Keys: is required":    Inside("API", Of("Keys", "is required")),
		"API.Keys[0].PEM: is none": Inside("API", Inside("Keys[0]", Of("PEM", "is none"))),
		"API.Keys: is required\nAPI.URL: EOF\nAPI.Name: is empty": Inside("API", joined),
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	if !errors.Is(Inside("API", joined), io.EOF) {
		t.Error("the cause is lost")
	}
	if From("Keys", nil) != nil || Inside("API", nil) != nil {
		t.Error("no error is a mistake")
	}
}
