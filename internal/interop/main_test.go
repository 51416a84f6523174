package interop_test

import (
	"flag"
	"log/slog"
	"os"
	"testing"
)

// TestMain keeps the providers quiet, which log to the default logger.
func TestMain(m *testing.M) {
	flag.Parse()
	if !testing.Verbose() {
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
	os.Exit(m.Run())
}
