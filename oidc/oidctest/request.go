package oidctest

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
)

const (
	maxBody     = 1 << 20
	maxRequests = 1000 // logged of one endpoint
)

// Request is what the provider keeps of a request that it received.
type Request struct {
	Method string
	URL    *url.URL
	Header http.Header
	// Form is the body's, without the query's parameters.
	Form url.Values
}

// Calls returns how many requests an endpoint has received, faulty answers included.
func (p *Provider) Calls(e Endpoint) int { return p.requests.count(e) }

// Requests returns what an endpoint has received, in order: the last 1,000.
func (p *Provider) Requests(e Endpoint) []Request { return p.requests.latest(e) }

// Reuses returns how often a refresh token was presented that had been replaced
// before: the theft that a client must never fake (RFC 9700 §4.14.2).
func (p *Provider) Reuses() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reuses
}

// requestLog remembers requests by endpoint.
type requestLog struct {
	mu    sync.Mutex
	calls map[Endpoint]int
	last  map[Endpoint][]Request
}

func (l *requestLog) add(e Endpoint, r *http.Request) {
	address := *r.URL
	entry := Request{r.Method, &address, r.Header.Clone(), r.PostForm}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == nil {
		l.calls, l.last = map[Endpoint]int{}, map[Endpoint][]Request{}
	}
	for _, name := range []Endpoint{e, Every} {
		l.calls[name]++
		if len(l.last[name]) == maxRequests {
			l.last[name] = slices.Delete(l.last[name], 0, 1)
		}
		l.last[name] = append(l.last[name], entry)
	}
}

func (l *requestLog) count(e Endpoint) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[e]
}

func (l *requestLog) latest(e Endpoint) []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.last[e])
}

// readForm reads the whole body before anything else happens: net/http notices
// that a client is gone only once the body has been read. The body can be read
// again by what comes next.
func readForm(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	err = r.ParseForm()
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err
}
