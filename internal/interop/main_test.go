package interop_test

import (
	"flag"
	"log/slog"
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/interop"
)

// TestMain keeps the providers quiet, which log to the default logger, and ends what
// the tests share.
func TestMain(m *testing.M) {
	flag.Parse()
	if !testing.Verbose() {
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
	code := m.Run()
	interop.StopKeycloak()
	os.Exit(code)
}
