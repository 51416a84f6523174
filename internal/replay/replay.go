// Package replay sends HTTP requests once more.
package replay

import (
	"io"
	"net/http"
)

// Request returns a copy of a request that was sent, to be sent once more; false
// where its body can't be had again.
func Request(r *http.Request) (*http.Request, bool) {
	again := r.Clone(r.Context())
	if r.Body == nil || r.Body == http.NoBody {
		return again, true
	}
	if r.GetBody == nil {
		return nil, false
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, false
	}
	again.Body = body
	return again, true
}

// maxDiscarded bounds what is read of an answer that nobody wants, so that its
// connection can be used again.
const maxDiscarded = 64 << 10

// Discard closes an answer that nobody wants.
func Discard(res *http.Response) {
	_, _ = io.CopyN(io.Discard, res.Body, maxDiscarded)
	_ = res.Body.Close()
}

// CloseBody does what a [http.RoundTripper] owes to a request that it doesn't send.
func CloseBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
