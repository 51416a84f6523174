package interop

import (
	"fmt"
	"strings"
)

// SignIn answers the provider's pages, starting with page, until the browser
// leaves the provider, and returns where it arrives. On a page that asks for
// nobody, such as one for consent or the one to sign out, it presses the first
// button.
func (s *Server) SignIn(b *Browser, page Page, who Person) (Page, error) {
	for range 10 {
		if !s.At(page) {
			return page, nil
		}
		forms, err := page.Forms()
		if err != nil {
			return page, err
		}
		var next Page
		if len(forms) > 0 {
			next = b.Submit(page, forms[0].Fill(who))
		} else if next, err = b.wait(page); err != nil {
			return page, fmt.Errorf("%s: %w", s.Name, err)
		}
		next.Trail = append(page.Trail, next.Trail...)
		page = next
	}
	return page, fmt.Errorf("%s asks without end: %s", s.Name, page)
}

// Cancel refuses what a page of the provider's asks for, by the link or button
// that says so, and returns where the browser arrives.
func (s *Server) Cancel(b *Browser, page Page) (Page, error) {
	link, err := page.Link("Cancel")
	if err != nil {
		return page, err
	}
	if link != nil {
		return b.Follow(page, link.String()), nil
	}
	forms, err := page.Forms()
	if err != nil {
		return page, err
	}
	if len(forms) == 0 {
		return page, fmt.Errorf("%s has nothing to cancel: %s", s.Name, page)
	}
	forms[0].Values.Set("cancel", "yes")
	return b.Submit(page, forms[0]), nil
}

// At reports whether a page is the provider's.
func (s *Server) At(p Page) bool { return strings.HasPrefix(s.Issuer+"/", originOf(p.URL)+"/") }
