package interop

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Frames returns what a page shows in frames (HTML §4.8.5), in order.
func (p Page) Frames() ([]*url.URL, error) {
	var frames []*url.URL
	err := p.each("iframe", func(node *html.Node) error {
		address, err := p.URL.Parse(attribute(node, "src"))
		frames = append(frames, address)
		return err
	})
	return frames, err
}

// Refresh returns where a page leads by itself after a while (HTML §4.2.5.3); nil
// where it stays.
func (p Page) Refresh() (*url.URL, error) {
	var next *url.URL
	err := p.each("meta", func(node *html.Node) (err error) {
		_, address, ok := strings.Cut(attribute(node, "content"), "URL=")
		if ok && strings.EqualFold(attribute(node, "http-equiv"), "refresh") {
			next, err = p.URL.Parse(address)
		}
		return err
	})
	return next, err
}

func (p Page) each(element string, do func(*html.Node) error) error {
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		return err
	}
	for node := range root.Descendants() {
		if node.Type == html.ElementNode && node.Data == element {
			if err := do(node); err != nil {
				return err
			}
		}
	}
	return nil
}

// Load loads the frames of a page, and returns them.
func (b *Browser) Load(page Page) ([]Page, error) {
	b.t.Helper()
	addresses, err := page.Frames()
	if err != nil {
		return nil, err
	}
	var frames []Page
	for _, address := range addresses {
		frames = append(frames, b.Frame(page, address.String()))
	}
	return frames, nil
}

// Frame loads what a page, or its script, puts into a frame. It follows no redirect.
func (b *Browser) Frame(page Page, address string) Page {
	b.t.Helper()
	r := b.request(http.MethodGet, address, nil)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "iframe")
	r.Header.Set("Sec-Fetch-Site", siteBetween(originOf(page.URL), r.URL).String())
	return b.send(r)
}

// wait loads the frames of a page without a form, and goes where it leads.
func (b *Browser) wait(page Page) (Page, error) {
	b.t.Helper()
	if _, err := b.Load(page); err != nil {
		return page, err
	}
	next, err := page.Refresh()
	if err != nil {
		return page, err
	}
	if next == nil {
		return page, fmt.Errorf("a page without a form: %s", page)
	}
	return b.Follow(page, next.String()), nil
}
