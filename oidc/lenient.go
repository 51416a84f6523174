package oidc

import (
	"bytes"
	"io"
	"net/http"
)

// lenient is the transport of token requests. What x/oauth2 can't read is no
// answer to it, and the tokens in it are lost: a refresh token that rotates is
// then spent for nothing. An answer that is a JSON object is made one that
// x/oauth2 reads, whatever media type it has (servers in Go say text/plain where
// nobody says otherwise) and whatever it says of expires_in.
type lenient struct{ base http.RoundTripper }

func (l lenient) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		res.Header.Set("Content-Type", "application/json")
		body = withoutOddLifetime(body)
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return res, nil
}
