package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
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

func TestReveal(t *testing.T) {
	if New(canary).Reveal() != canary || (String{}).Reveal() != "" {
		t.Error("Reveal doesn't return the text")
	}
	if !(String{}).IsZero() || !New("").IsZero() || New("x").IsZero() {
		t.Error("IsZero is wrong")
	}
}
