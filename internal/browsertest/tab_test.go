package browsertest

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds each tab, on a machine that has much else to do.
const patience = 5 * time.Minute

// tab is one of a browser. What it can't do fails the test.
type tab struct {
	*testing.T
	ctx  context.Context
	seen *seen
}

// seen is what a tab did on its own.
type seen struct {
	mu        sync.Mutex
	complaint []string
	callbacks []string
}

// open returns a tab of a new browser, with no cookies.
func open(t *testing.T) tab {
	t.Helper()
	if chromium == nil {
		t.Skip("there is no chromium on the PATH; REQUIRE_BROWSER=1 makes that a failure")
	}
	ctx, cancel := context.WithTimeout(chromium, patience)
	t.Cleanup(cancel)
	return newTab(t, ctx, chromedp.WithNewBrowserContext())
}

// another returns a second tab, with the same cookies.
func (t tab) another() tab {
	t.Helper()
	return newTab(t.T, t.ctx)
}

func newTab(t *testing.T, ctx context.Context, options ...chromedp.ContextOption) tab {
	t.Helper()
	seen := new(seen)
	ctx, cancel := chromedp.NewContext(ctx, append(options, chromedp.WithListener(seen.note))...)
	t.Cleanup(cancel)
	opened := tab{T: t, ctx: ctx, seen: seen}
	opened.do(desktop.emulate(light))
	t.Cleanup(func() {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		for _, text := range seen.complaint {
			t.Errorf("the browser complains: %s", text)
		}
	})
	return opened
}

// note keeps what a page does wrong, such as a script that its own policy
// forbids, and the callbacks on the way. That an answer is no 200 is none.
func (s *seen) note(event any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		s.complaint = append(s.complaint, event.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if event.Entry.Level == log.EntryLevelError && event.Entry.Source != log.EntrySourceNetwork {
			s.complaint = append(s.complaint, event.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(event.Request.URL); err == nil && u.Path == "/auth/callback" {
			s.callbacks = append(s.callbacks, event.Request.URL)
		}
	}
}

// callback is the last one that the tab went through.
func (t tab) callback() string {
	t.Helper()
	t.seen.mu.Lock()
	defer t.seen.mu.Unlock()
	if len(t.seen.callbacks) == 0 {
		t.Fatal("the tab went through no callback")
	}
	return t.seen.callbacks[len(t.seen.callbacks)-1]
}

func (t tab) do(steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(t.ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// load does what leads to another page, and returns that page's status.
func (t tab) load(steps ...chromedp.Action[chromedp.Void]) int {
	t.Helper()
	response, err := chromedp.RunResponse(t.ctx, steps...)
	if err != nil {
		t.Fatal(err)
	}
	return int(response.Status)
}

// goTo enters an address; one that begins with a slash is the site's.
func (t tab) goTo(address string) int {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = program.site + address
	}
	return t.load(chromedp.Navigate(address))
}

// click follows a link or presses a button, and waits for the next page.
func (t tab) click(selector chromedp.CSS) int {
	t.Helper()
	return t.load(chromedp.Click(selector, chromedp.NodeVisible))
}

// fill enters name and password at the provider, and sends them.
func (t tab) fill(name, password string) int {
	t.Helper()
	t.at(program.provider, "/authorize")
	t.do(
		chromedp.SetValue(chromedp.CSS("input[name=username]"), name),
		chromedp.SendKeys(chromedp.CSS("input[name=password]"), password),
	)
	return t.click("form button")
}

// at checks where the tab is.
func (t tab) at(origin, path string) {
	t.Helper()
	location, err := chromedp.Run(t.ctx, chromedp.Location())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	if got := u.Scheme + "://" + u.Host; got != origin || u.Path != path && !strings.HasPrefix(u.Path, path+"/") {
		t.Fatalf("the tab is at %s, want %s%s", location, origin, path)
	}
}

// says checks the page's heading.
func (t tab) says(heading string) {
	t.Helper()
	got, err := chromedp.Run(t.ctx, chromedp.TextContent(chromedp.CSS("h1")))
	if err != nil {
		t.Fatal(err)
	}
	if got != heading {
		t.Fatalf("the page says %q, want %q", got, heading)
	}
}

// until waits for a condition, a JavaScript expression.
func (t tab) until(condition string) {
	t.Helper()
	if _, err := chromedp.Run(t.ctx, chromedp.Poll[bool]("!!("+condition+")", chromedp.WithPollingInterval(100*time.Millisecond), chromedp.WithPollingTimeout(0))); err != nil {
		t.Fatalf("waiting for %s: %v", condition, err)
	}
}

func (t tab) evaluate(expression string) any {
	t.Helper()
	value, err := chromedp.Run(t.ctx, chromedp.Evaluate[any](expression))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// screen is what pages are looked at with.
type screen struct {
	name          string
	width, height int64
	mobile        bool
}

var (
	desktop = screen{"desktop", 1280, 800, false}
	phone   = screen{"phone", 390, 844, true}
)

const light, dark = "light", "dark"

func (s screen) emulate(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: s.width, Height: s.height, DeviceScaleFactor: 1, Mobile: s.mobile,
		})
		if err != nil {
			return err
		}
		_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"},
			},
		})
		return err
	})
}

// picture checks that the page fits a phone, and takes its pictures.
func (t tab) picture(name string) {
	t.Helper()
	t.do(phone.emulate(light))
	if wide := t.evaluate("document.documentElement.scrollWidth > window.innerWidth"); wide != false {
		t.Errorf("%s is wider than a phone", name)
	}
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		for _, screen := range []screen{phone, desktop} {
			for _, scheme := range []string{light, dark} {
				t.do(screen.emulate(scheme))
				t.save(filepath.Join(dir, name+"-"+screen.name+"-"+scheme+".png"))
			}
		}
	}
	t.do(desktop.emulate(light))
}

func (t tab) save(path string) {
	t.Helper()
	picture, err := chromedp.Run(t.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
