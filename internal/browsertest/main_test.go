package browsertest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// tokenLifetime is that of access tokens: short, to see them renewed soon.
const tokenLifetime = 6 * time.Second

// What every test shares: a browser, each test with cookies of its own in it,
// and the program.
var (
	chromium context.Context // nil without a chromium
	program  struct{ site, provider string }
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "browsertest:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("REQUIRE_BROWSER") == "1" {
			return 0, err
		}
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "browsertest")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	stop, err := startQuickstart(dir)
	if err != nil {
		return 0, err
	}
	defer stop()

	ctx, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.WSURLReadTimeout(patience), // it may take long to start
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
	)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx); err != nil {
		return 0, fmt.Errorf("chromium does not start: %w", err)
	}
	chromium = ctx
	return m.Run(), nil
}

// startQuickstart builds the program and runs it, at ports that are free.
func startQuickstart(dir string) (stop func(), err error) {
	binary := filepath.Join(dir, "quickstart")
	if out, err := exec.Command("go", "-C", "../../examples/quickstart", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the quickstart does not build: %w\n%s", err, out)
	}
	cmd := exec.Command(binary, "-addr", "127.0.0.1:0", "-token-lifetime", tokenLifetime.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			switch found[1] {
			case "site":
				program.site = found[2]
			case "provider":
				program.provider = found[2]
			}
		}
		if program.site != "" && program.provider != "" {
			return stop, nil
		}
	}
	stop()
	return nil, errors.Join(errors.New("the quickstart does not say where it is"), lines.Err())
}

var address = regexp.MustCompile(`^The (site|provider) is at +(http://\S+)$`)
