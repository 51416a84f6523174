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
		if !s.at(page) {
			return page, nil
		}
		forms, err := page.Forms()
		if err != nil {
			return page, err
		}
		if len(forms) == 0 {
			return page, fmt.Errorf("%s shows a page without a form: %s", s.Name, page)
		}
		next := b.Submit(page, forms[0].Fill(who))
		next.Trail = append(page.Trail, next.Trail...)
		page = next
	}
	return page, fmt.Errorf("%s asks without end: %s", s.Name, page)
}

// at reports whether a page is the provider's.
func (s *Server) at(p Page) bool { return strings.HasPrefix(s.Issuer+"/", originOf(p.URL)+"/") }
