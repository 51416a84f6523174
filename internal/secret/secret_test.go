package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

const canary = "canary-4711"

// TestNothingPrintsIt also puts the secret where fmt can't call its methods.
func TestNothingPrintsIt(t *testing.T) {
	type hidden struct{ s String }
	type shown struct{ S String }
	s := New(canary)
	var printed strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T"} {
		fmt.Fprintf(&printed, verb+verb+verb+verb, s, &s, hidden{s}, shown{s})
	}
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	log.Info("x", "s", s, "hidden", hidden{s}, "shown", shown{s})
	encoded, err := json.Marshal([]any{s, &s, hidden{s}, shown{s}})
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{printed.String(), logged.String(), string(encoded)} {
		if strings.Contains(output, canary) || strings.Contains(output, fmt.Sprintf("%x", canary)) {
			t.Errorf("the secret is in %s", output)
		}
	}
}

// TestItPrintsAsRedacted covers the printers that can call its methods.
func TestItPrintsAsRedacted(t *testing.T) {
	s := New(canary)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3f"} {
		for _, value := range []any{s, &s, String{}} {
			if got := fmt.Sprintf(verb, value); got != Redacted {
				t.Errorf("%s prints %s", verb, got)
			}
		}
	}
	if got := fmt.Sprint(map[string]String{"s": s}, []String{s}, struct{ S String }{s}); got != "map[s:[redacted]] [[redacted]] {[redacted]}" {
		t.Errorf("in a map, a slice and a struct it prints as %s", got)
	}
	encoded, err := json.Marshal(map[String]*String{s: &s})
	if err != nil || string(encoded) != `{"[redacted]":"[redacted]"}` {
		t.Errorf("as JSON it is %s, %v", encoded, err)
	}
	for name, handler := range map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		var logged bytes.Buffer
		slog.New(handler(&logged)).Info("x", "s", s, slog.Group("g", "s", &s))
		if strings.Count(logged.String(), Redacted) != 2 {
			t.Errorf("%s handler logs %s", name, logged.String())
		}
	}
}

func TestReveal(t *testing.T) {
	if New(canary).Reveal() != canary || (String{}).Reveal() != "" {
		t.Error("Reveal doesn't return the text")
	}
	if !(String{}).IsZero() || !New("").IsZero() || New("x").IsZero() {
		t.Error("IsZero is wrong")
	}
}
