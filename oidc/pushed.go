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
func (c *Client) push(ctx context.Context, m *metadata, params url.Values, key ProofKey) (reference string, err error) {
	if m.pushed == "" {
		return "", fail(ErrClient, opPush, errors.New("the provider's metadata names no pushed_authorization_request_endpoint"))
	}
	pushed := url.Values{}
	for name, values := range params {
		if !slices.Contains([]string{"request", "request_uri"}, name) {
			pushed[name] = values
		}
	}
	select {
	case c.pushes <- struct{}{}:
		defer func() { <-c.pushes }()
	case <-ctx.Done():
		return "", unavailable(opPush, ctx.Err())
	}
	err = c.withNonce(key, m.pushed, func() error {
		r, err := c.authenticated(ctx, m, m.pushed, pushed)
		if err != nil {
			return unavailable(opPush, err)
		}
		reference, err = c.readPushed(c.proving(key).Do(r))
		return err
	})
	return reference, err
}

const (
	opPush = "pushed request"
	// pushesAtOnce bounds what strangers can have the provider asked at once: it takes
	// nobody's sign-in to begin one.
	pushesAtOnce = 64
)

// readPushed reads the answer (RFC 9126 §2.2, §2.3).
func (c *Client) readPushed(res *http.Response, err error) (reference string, _ error) {
	if err != nil {
		return "", unavailable(opPush, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", unavailable(opPush, err)
	}
	said, err := claims.Parse(body)
	switch {
	case res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusOK:
		code, _ := said["error"].(string)
		return "", answered(opPush, res.StatusCode, code)
	case err != nil:
		return "", unavailable(opPush, err)
	}
	reference, _ = said["request_uri"].(string)
	if reference == "" || len(reference) > maxParameter {
		return "", fail(ErrToken, opPush, errors.New("no request_uri"))
	}
	return reference, nil
}
