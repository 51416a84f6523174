package oidc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/claims"
)

// push hands an authorization request to the provider itself, with the client
// authenticated, and returns the request_uri by which the browser refers to it
// (RFC 9126 §2). Nobody on the way can read or change the request.
func (c *Client) push(ctx context.Context, m *metadata, params url.Values, key ProofKey) (string, error) {
	const op = "pushed request"
	if m.pushed == "" {
		return "", fail(ErrClient, op, errors.New("the provider's metadata names no pushed_authorization_request_endpoint"))
	}
	pushed := url.Values{}
	for name, values := range params {
		if !slices.Contains([]string{"request", "request_uri"}, name) {
			pushed[name] = values
		}
	}
	r, err := c.authenticated(ctx, m, m.pushed, pushed)
	if err != nil {
		return "", unavailable(op, err)
	}
	res, err := c.proving(key).Do(r)
	if err != nil {
		return "", unavailable(op, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", unavailable(op, err)
	}
	said, err := claims.Parse(body)
	switch {
	case res.StatusCode >= 400 && res.StatusCode < 500 && res.StatusCode != http.StatusRequestTimeout && res.StatusCode != http.StatusTooManyRequests:
		code, _ := said["error"].(string)
		return "", &Error{Op: op, Code: cleanCode(code), Status: res.StatusCode, kind: ErrClient}
	case res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusOK:
		return "", &Error{Op: op, Status: res.StatusCode, kind: ErrUnavailable}
	case err != nil:
		return "", unavailable(op, err)
	}
	reference, _ := said["request_uri"].(string)
	if reference == "" || len(reference) > maxParameter {
		return "", fail(ErrToken, op, errors.New("no request_uri"))
	}
	return reference, nil
}
