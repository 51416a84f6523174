package caught

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestInto(t *testing.T) {
	var nothing map[string]int
	for name, c := range map[string]struct {
		do   func() error
		want string
	}{
		"nothing":          {func() error { return nil }, ""},
		"an error":         {func() error { return io.EOF }, "EOF"},
		"a text":           {func() error { panic("a secret") }, "the store panicked with a string at caught_test.go:"},
		"an error's panic": {func() error { panic(errors.New("a secret")) }, "the store panicked with a *errors.errorString at caught_test.go:"},
		"nil":              {func() error { panic(nil) }, "the store panicked with panic called with nil argument"},
		"a write to no map": {func() error { nothing["a secret"] = 1; return nil },
			"the store panicked with assignment to entry in nil map at caught_test.go:"},
		"a nil pointer": {func() error { return *(*error)(nil) }, "invalid memory address or nil pointer dereference at caught_test.go:"},
	} {
		t.Run(name, func(t *testing.T) {
			err := func() (err error) {
				defer Into(&err, "the store")
				return c.do()
			}()
			if text := fmt.Sprint(err); (err == nil) != (c.want == "") || err != nil && !strings.Contains(text, c.want) || strings.Contains(text, "secret") {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestClock(t *testing.T) {
	then := time.Unix(1, 0)
	if got := Clock(func() time.Time { return then })(); !got.Equal(then) {
		t.Errorf("%v", got)
	}
	if got := Clock(func() time.Time { panic("oops") })(); time.Since(got) > time.Hour || time.Since(got) < 0 {
		t.Errorf("%v", got)
	}
}

// touchy is a handler that panics at one of its methods.
type touchy struct {
	slog.Handler
	at string
}

func (h touchy) touch(method string) {
	if h.at == method {
		panic("oops")
	}
}

func (h touchy) Enabled(ctx context.Context, level slog.Level) bool {
	h.touch("Enabled")
	return h.Handler.Enabled(ctx, level)
}

func (h touchy) Handle(ctx context.Context, record slog.Record) error {
	h.touch("Handle")
	return h.Handler.Handle(ctx, record)
}

func (h touchy) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.touch("WithAttrs")
	return touchy{h.Handler.WithAttrs(attrs), h.at}
}

func (h touchy) WithGroup(name string) slog.Handler {
	h.touch("WithGroup")
	return touchy{h.Handler.WithGroup(name), h.at}
}

func TestLogs(t *testing.T) {
	for method, want := range map[string]string{
		"":          "level=INFO msg=hello a=1 g.b=2\n",
		"Enabled":   "",
		"Handle":    "",
		"WithAttrs": "level=INFO msg=hello g.b=2\n",
		"WithGroup": "level=INFO msg=hello a=1 b=2\n",
	} {
		var text bytes.Buffer
		untimed := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}
		given := touchy{slog.NewTextHandler(&text, untimed), method}
		log := Logs(slog.New(given))
		if again := Logs(log); again != log {
			t.Error("wrapped twice")
		}
		if method == "WithGroup" { // of what WithAttrs returns
			log.WithGroup("g").With("a", 1).Info("hello", "b", 2)
		} else {
			log.With("a", 1).WithGroup("g").Info("hello", "b", 2)
		}
		if got := text.String(); got != want {
			t.Errorf("%s: %q, want %q", method, got, want)
		}
	}
}
