package interop

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Browser keeps cookies, follows redirects and says of each request what
// browsers say (Fetch Metadata). It runs no scripts.
type Browser struct {
	t      testing.TB
	client *http.Client
	jar    *jar
	watch  func(*http.Response)
}

// NewBrowser returns one without cookies. It trusts the certificates that client
// trusts.
func NewBrowser(t testing.TB, client *http.Client) *Browser {
	t.Helper()
	jar, err := newJar()
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{t: t, jar: jar, client: &http.Client{
		Transport:     client.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Page is what a browser shows, or a script gets.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
	// Trail is every address on the way here, this one last.
	Trail []string
}

func (p Page) String() string {
	return fmt.Sprintf("%d at %s\n%s", p.Status, strings.Join(p.Trail, "\n→ "), p.Body)
}

// Open goes to an address that the person typed.
func (b *Browser) Open(address string) Page {
	b.t.Helper()
	return b.navigate(http.MethodGet, address, "", nil)
}

// Follow goes to an address that a page links to.
func (b *Browser) Follow(from Page, address string) Page {
	b.t.Helper()
	return b.navigate(http.MethodGet, address, originOf(from.URL), nil)
}

// Submit sends a form of a page.
func (b *Browser) Submit(from Page, f Form) Page {
	b.t.Helper()
	if f.Method == http.MethodGet {
		action := *f.Action
		action.RawQuery = f.Values.Encode()
		return b.navigate(http.MethodGet, action.String(), originOf(from.URL), nil)
	}
	return b.navigate(http.MethodPost, f.Action.String(), originOf(from.URL), f.Values)
}

// Fetch is what a script of a page at the same origin does.
func (b *Browser) Fetch(method, address string) Page {
	b.t.Helper()
	r := b.request(method, address, nil)
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method != http.MethodGet && method != http.MethodHead {
		r.Header.Set("Origin", originOf(r.URL))
	}
	return b.send(r)
}

// Watch has see shown every response before its body is read.
func (b *Browser) Watch(see func(*http.Response)) { b.watch = see }

// Cookies returns those that the browser would send to an address.
func (b *Browser) Cookies(address string) []*http.Cookie {
	b.t.Helper()
	return b.jar.store.Cookies(b.parse(address))
}

// Restore puts cookies back, as they were when they were taken.
func (b *Browser) Restore(address string, cookies []*http.Cookie) {
	b.t.Helper()
	for _, c := range cookies {
		c.Path, c.Secure = "/", strings.HasPrefix(address, "https:")
	}
	b.jar.store.SetCookies(b.parse(address), cookies)
}

// navigate loads a document, wherever redirects lead. from is the origin of the
// page that asked for it, empty if the person did.
func (b *Browser) navigate(method, address, from string, form url.Values) Page {
	b.t.Helper()
	var site site
	var trail []string
	for range 20 {
		r := b.request(method, address, form)
		site = max(site, siteBetween(from, r.URL))
		r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", "document")
		r.Header.Set("Sec-Fetch-User", "?1")
		r.Header.Set("Sec-Fetch-Site", site.String())
		if method == http.MethodPost {
			r.Header.Set("Origin", from)
		}
		trail = append(trail, address)
		page := b.send(r)
		location := page.Header.Get("Location")
		if page.Status < 300 || page.Status > 399 || location == "" {
			page.Trail = trail
			return page
		}
		next, err := r.URL.Parse(location)
		if err != nil {
			b.t.Fatalf("%s redirects to %q: %v", address, location, err)
		}
		address = next.String()
		if page.Status != http.StatusTemporaryRedirect && page.Status != http.StatusPermanentRedirect {
			method, form = http.MethodGet, nil
		}
	}
	b.t.Fatalf("redirects without end:\n%s", strings.Join(trail, "\n→ "))
	return Page{}
}

func (b *Browser) request(method, address string, form url.Values) *http.Request {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (b *Browser) send(r *http.Request) Page {
	b.t.Helper()
	b.jar.add(r)
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	b.jar.keep(res)
	if b.watch != nil {
		b.watch(res)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return Page{URL: r.URL, Status: res.StatusCode, Header: res.Header, Body: string(body), Trail: []string{r.URL.String()}}
}

func (b *Browser) parse(address string) *url.URL {
	b.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}
