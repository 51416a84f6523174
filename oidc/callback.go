package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
)

// Callback are the parameters with which a provider answers an authorization
// request (RFC 6749 §4.1.2, RFC 9207 §2). A provider's description of an error is
// left out on purpose.
type Callback struct {
	Code, State, Iss string
	// Error is the error code; "malformed_error_code" when it is no code at all.
	Error string
}

// maxParameter bounds every parameter of a callback.
const maxParameter = 8 << 10

// ParseCallback reads the parameters of a callback, from the query or, with
// form_post, from the form. It refuses parameters that stand twice, unknown ones too
// (RFC 6749 §3.1), a code together with an error, neither of them, and a missing state.
func ParseCallback(values url.Values) (Callback, error) {
	var c Callback
	for _, parameter := range []struct {
		name string
		into *string
	}{{"code", &c.Code}, {"state", &c.State}, {"iss", &c.Iss}, {"error", &c.Error}} {
		given := values[parameter.name]
		switch {
		case len(given) > 1:
			return Callback{}, fmt.Errorf("oidc: callback: %s stands %d times", parameter.name, len(given))
		case len(given) == 1 && len(given[0]) > maxParameter:
			return Callback{}, fmt.Errorf("oidc: callback: %s is too long", parameter.name)
		case len(given) == 1:
			*parameter.into = given[0]
		}
	}
	for _, given := range values {
		if len(given) > 1 { // of whose name, which may be anything, nothing is said
			return Callback{}, fmt.Errorf("oidc: callback: a parameter stands %d times", len(given))
		}
	}
	switch {
	case c.State == "":
		return Callback{}, errors.New("oidc: callback: no state")
	case c.Code != "" && values.Has("error"):
		return Callback{}, errors.New("oidc: callback: a code together with an error")
	case c.Code == "" && c.Error == "":
		return Callback{}, errors.New("oidc: callback: neither code nor error")
	}
	c.Error = cleanCode(c.Error)
	return c, nil
}

// CheckCallback checks who sent the callback (RFC 9207 §2.4): iss must be the
// issuer where it is there, and must be there where the provider announces it.
// Errors are checked like codes.
func (c *Client) CheckCallback(ctx context.Context, callback Callback) error {
	m, err := c.metadata.get(ctx)
	if err != nil {
		return err
	}
	switch {
	case callback.Iss == "" && m.issInCallback:
		return fail(ErrToken, "callback", errors.New("iss is missing"))
	case callback.Iss != "" && callback.Iss != c.config.Issuer:
		return fail(ErrToken, "callback", errors.New("iss is another issuer"))
	}
	return nil
}
