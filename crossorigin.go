package gatehouse

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/fetchmeta"
	"github.com/gatehouse-go/gatehouse/internal/mistake"
)

// crossOrigin keeps pages of other origins from using the session cookie of
// their visitors, which browsers send along (cross-site request forgery). It is
// net/http's protection, made stricter in two ways: old browsers are believed
// when they name BaseURL's origin, scheme and all, rather than the Host that a
// proxy may have set; and opening a WebSocket counts as an unsafe request, since
// the same-origin policy doesn't guard it (RFC 6455 §10.2).
type crossOrigin struct{ protection http.CrossOriginProtection }

// newCrossOrigin reports every mistake, by its field.
func newCrossOrigin(c Config) (*crossOrigin, error) {
	guard := &crossOrigin{}
	var mistakes []error
	trust := func(field, text string) {
		serialised, err := checkOrigin(field, text)
		if err == nil {
			err = mistake.From(field, guard.protection.AddTrustedOrigin(serialised))
		}
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	trust("BaseURL", c.BaseURL)
	for i, text := range c.TrustedOrigins {
		trust(fmt.Sprintf("TrustedOrigins[%d]", i), text)
	}
	for i, pattern := range c.InsecureCrossOriginPatterns {
		if err := guard.bypass(pattern); err != nil {
			mistakes = append(mistakes, mistake.From(fmt.Sprintf("InsecureCrossOriginPatterns[%d]", i), err))
		}
	}
	return guard, errors.Join(mistakes...)
}

func (c *crossOrigin) bypass(pattern string) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	c.protection.AddInsecureBypassPattern(pattern)
	return nil
}

// check returns an error for a request that must not count as its cookie's
// owner's. A pattern that lets one in has to be meant by every reading of the path.
func (c *crossOrigin) check(r *http.Request) error {
	socket := fetchmeta.WebSocket(r)
	if !socket && (r.Method == http.MethodGet || r.Method == http.MethodHead) { // of which every request is let through
		return nil
	}
	if err := c.checkAs(r, socket); err != nil {
		return err
	}
	for read := range slices.Chunk(meanings(r), 2) { // without a slash at the end, and with one
		if err := c.checkAs(read[0], socket); err != nil && c.checkAs(read[1], socket) != nil {
			return err
		}
	}
	return nil
}

func (c *crossOrigin) checkAs(r *http.Request, socket bool) error {
	site, from := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if !socket && (site != "" || from == "") {
		return c.protection.Check(r)
	}
	// Its origin decides, and nothing else does.
	asked := r.WithContext(r.Context())
	asked.Header = http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {from}}
	if socket {
		asked.Method = http.MethodPost
	}
	if c.protection.Check(asked) != nil { // for a reason that the request didn't give
		return fmt.Errorf("its Origin is %.100q, which is neither BaseURL's nor one of TrustedOrigins", from)
	}
	return nil
}

// forged is why a gate refuses a request whose cookie doesn't count.
func forged(err error) *Error {
	return &Error{
		Status:  http.StatusForbidden,
		Message: "Another site sent this request, so it was not processed.",
		Cause:   err,
	}
}
