package oidc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/caught"
	"github.com/gatehouse-go/gatehouse/internal/loopback"
	"github.com/gatehouse-go/gatehouse/internal/outbound"
)

const (
	// maxBody bounds every answer, decompressed.
	maxBody = 1 << 20
	// maxHeader bounds its header, where the client is ours.
	maxHeader = 64 << 10
	// callTimeout bounds one call to the provider, its body included.
	callTimeout = 8 * time.Second
)

var errTooLarge = errors.New("answer of more than 1 MiB")

// harden returns a client like the given one that follows no redirect, keeps no
// cookies and reads no more than it should. A 307 would post the client secret
// once more, to wherever it says (RFC 9700 §4.12).
func harden(given *http.Client) *http.Client {
	var client http.Client
	if given != nil {
		client = *given
	}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if client.Timeout == 0 || client.Timeout > callTimeout {
		client.Timeout = callTimeout
	}
	base := client.Transport
	if base == nil {
		base = outbound.Transport(func(t *http.Transport) { t.MaxResponseHeaderBytes = maxHeader })
	}
	client.Transport = bounded{base}
	return &client
}

// bounded cuts bodies off, with an error. A transport that panics has failed: what
// is asked for in the background would end the process.
type bounded struct{ base http.RoundTripper }

const whoseTransport = "the HTTP client"

func (b bounded) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer caught.Into(&err, whoseTransport)
	answer, err := b.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = &boundedBody{answer.Body, maxBody}
	return answer, nil
}

// noting returns a client that keeps the status of the last answer, for what tells
// nothing but its text.
func (c *caller) noting() (client *http.Client, status *int) {
	noting := *c.http
	status = new(int)
	noting.Transport = noted{c.http.Transport, status}
	return &noting, status
}

type noted struct {
	base   http.RoundTripper
	status *int
}

func (n noted) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := n.base.RoundTrip(r)
	if err == nil {
		*n.status = res.StatusCode
	}
	return res, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (n int, err error) {
	defer caught.Into(&err, whoseTransport)
	if b.left <= 0 {
		// The end may be just here.
		var probe [1]byte
		if n, err = b.ReadCloser.Read(probe[:]); n == 0 && err != nil {
			return 0, err
		}
		return 0, errTooLarge
	}
	n, err = b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// caller is what it takes to ask a provider.
type caller struct {
	issuer       string
	http         *http.Client
	log          *slog.Logger
	clock        func() time.Time
	insecureHTTP bool
	background   *background
}

func newCaller(issuer string, client *http.Client, log *slog.Logger, clock func() time.Time, insecureHTTP bool) caller {
	if log == nil {
		log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if clock == nil {
		clock = time.Now
	}
	return caller{issuer: issuer, http: harden(client), log: caught.Logs(log), clock: clock, insecureHTTP: insecureHTTP, background: newBackground()}
}

// get reads a document of the provider's. Its media type is returned with it.
func (c *caller) get(ctx context.Context, op, address, accept string) (body []byte, mediaType string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", unavailable(op, err)
	}
	r.Header.Set("Accept", accept)
	res, err := c.http.Do(r)
	if err != nil {
		return nil, "", unavailable(op, err)
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	switch {
	case err != nil:
		return nil, "", unavailable(op, err)
	case res.StatusCode != http.StatusOK:
		return nil, "", answered(op, res.StatusCode, "")
	}
	return body, res.Header.Get("Content-Type"), nil
}

// secure reports whether an address may be called: https, or http that never
// leaves the machine.
func secure(u *url.URL, insecureHTTP bool) bool {
	if u.Host == "" || u.User != nil {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && (insecureHTTP || loopback.Host(u.Hostname()))
}
