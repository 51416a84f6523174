// Package caught keeps a panic of code that isn't ours, such as a store's, from
// ending the process, or from going past what has to be done after it.
package caught

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Into makes an error of a panic. It is to be deferred, and whose says whose panic
// it would be. What was panicked with may hold anything, tokens too, so that the
// error tells its type and where it came from, and nothing else.
func Into(err *error, whose string) {
	if cause := recover(); cause != nil {
		*err = Error(cause, whose)
	}
}

// Error is that error, for a deferred function that has recovered by itself.
func Error(cause any, whose string) error {
	return fmt.Errorf("%s panicked with %s", whose, described(cause))
}

func described(cause any) string {
	text := fmt.Sprintf("a %T", cause)
	if known, ok := cause.(runtime.Error); ok { // which quotes no values but numbers
		text = known.Error()
	}
	return text + " at " + origin()
}

// origin is the line that panicked: the first one beyond the runtime's that come
// after gopanic.
func origin() string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers)])
	for panicked := false; ; {
		frame, more := frames.Next()
		inRuntime := strings.HasPrefix(frame.Function, "runtime.")
		if panicked && !inRuntime && frame.File != "" {
			return fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
		}
		panicked = panicked || frame.Function == "runtime.gopanic"
		if !more {
			return "an unknown line"
		}
	}
}

// Clock returns a clock that goes by the computer's where the given one panics.
func Clock(given func() time.Time) func() time.Time {
	return func() (now time.Time) {
		defer func() {
			if recover() != nil {
				now = time.Now()
			}
		}()
		return given()
	}
}

// Logs returns a logger whose handler may panic: the line is lost then, and
// nothing else.
func Logs(given *slog.Logger) *slog.Logger {
	if _, already := given.Handler().(logs); already {
		return given
	}
	return slog.New(logs{given.Handler()})
}

type logs struct{ given slog.Handler }

// Enabled implements slog.Handler.
func (l logs) Enabled(ctx context.Context, level slog.Level) (enabled bool) {
	defer func() { _ = recover() }()
	return l.given.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (l logs) Handle(ctx context.Context, record slog.Record) (err error) {
	defer Into(&err, "the log's handler")
	return l.given.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (l logs) WithAttrs(attrs []slog.Attr) (with slog.Handler) {
	defer func() {
		if recover() != nil {
			with = l
		}
	}()
	return logs{l.given.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (l logs) WithGroup(name string) (with slog.Handler) {
	defer func() {
		if recover() != nil {
			with = l
		}
	}()
	return logs{l.given.WithGroup(name)}
}
