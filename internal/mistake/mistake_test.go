package mistake

import (
	"errors"
	"io"
	"testing"
	"time"
)

func TestMistakes(t *testing.T) {
	joined := errors.Join(Of("Keys", "is required"), errors.Join(From("URL", io.EOF), Of("Name", "is empty")))
	for want, err := range map[string]error{
		"Keys: is required":                                       Of("Keys", "is required"),
		"Keys: EOF":                                               From("Keys", io.EOF),
		"Size: must not be negative, is -1":                       Negative("Size", -1),
		"Life: must not be negative, is -1s":                      Negative("Life", -time.Second),
		"API.Keys: is required":                                   Inside("API", Of("Keys", "is required")),
		"API.Keys[0].PEM: is none":                                Inside("API", Inside("Keys[0]", Of("PEM", "is none"))),
		"API.Keys: is required\nAPI.URL: EOF\nAPI.Name: is empty": Inside("API", joined),
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	if !errors.Is(Inside("API", joined), io.EOF) {
		t.Error("the cause is lost")
	}
	if From("Keys", nil) != nil || Inside("API", nil) != nil || Negative("Size", 0) != nil || Negative("Life", time.Second) != nil {
		t.Error("no error is a mistake")
	}
}
