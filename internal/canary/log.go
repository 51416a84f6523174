package canary

import (
	"context"
	"fmt"
	"io"
	"log/slog"
)

// Handler returns a handler that passes on to next, and looks at what the attributes of
// a line print by every verb besides.
func (w *Watch) Handler(next slog.Handler) slog.Handler { return handler{w, next} }

// Logger writes lines of every level to out, which is looked at.
func (w *Watch) Logger(out io.Writer) *slog.Logger {
	return slog.New(w.Handler(slog.NewTextHandler(io.MultiWriter(out, w.Writer("the log")), &slog.HandlerOptions{Level: slog.LevelDebug})))
}

type handler struct {
	watch *Watch
	next  slog.Handler
}

func (h handler) Enabled(context.Context, slog.Level) bool { return true }

func (h handler) Handle(ctx context.Context, line slog.Record) error {
	line.Attrs(func(a slog.Attr) bool {
		if value := a.Value.Any(); value != nil {
			h.watch.Print("what the log was given as "+a.Key, value)
		}
		return true
	})
	return h.next.Handle(ctx, line)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.watch, h.next.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.watch, h.next.WithGroup(name)} }

// Writer returns a writer to which whatever is written is looked at, as one text.
func (w *Watch) Writer(place string) io.Writer {
	out := &writer{}
	w.Harvest(func() { w.Look(place, out.String()) })
	return out
}

// PrintLive is Print for what other goroutines may still be using: by the verbs for
// which fmt follows no pointers, as it does where one doesn't fit.
func (w *Watch) PrintLive(place string, values ...any) {
	for _, value := range values {
		w.Look(place, fmt.Sprintf("%v\n%+v\n%#v\n%x\n%d", value, value, value, value, value))
	}
}

// Print takes down what values print by every verb: errors, identities, configurations.
func (w *Watch) Print(place string, values ...any) {
	for _, value := range values {
		if value == nil {
			continue
		}
		w.Look(place, fmt.Sprintf("%v\n%+v\n%#v\n%s\n%q\n%x\n%d", value, value, value, value, value, value, value))
	}
}

// PrintHeld is Print for values in a field that isn't exported, where fmt asks none of
// their methods.
func (w *Watch) PrintHeld(place string, values ...any) {
	for _, value := range values {
		w.Print(place, struct{ held any }{value})
	}
}

// Error is Print for an error and everything that it wraps. It returns the error.
func (w *Watch) Error(place string, err error) error {
	if err == nil {
		return nil
	}
	w.Print(place, err)
	w.PrintHeld(place, err)
	switch wrapping := err.(type) {
	case interface{ Unwrap() error }:
		_ = w.Error(place, wrapping.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range wrapping.Unwrap() {
			_ = w.Error(place, inner)
		}
	}
	return err
}
