package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"sync/atomic"
)

// roundRobin sends every request to the next replica, or to the one after where
// that one doesn't even take the connection.
type roundRobin struct {
	addrs []string
	next  atomic.Uint64
	via   http.RoundTripper
}

// newRoundRobin is a proxy in front of the replicas.
func newRoundRobin(replicas []*program) http.Handler {
	r := &roundRobin{via: &http.Transport{MaxIdleConnsPerHost: 64}}
	for _, one := range replicas {
		r.addrs = append(r.addrs, one.addr)
	}
	return &httputil.ReverseProxy{
		Transport:     r,
		FlushInterval: -1, // events arrive when they are sent
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme = "http"
			p.SetXForwarded()
		},
	}
}

// RoundTrip implements http.RoundTripper.
func (r *roundRobin) RoundTrip(request *http.Request) (res *http.Response, err error) {
	var body []byte // to be sent again
	if request.Body != nil {
		if body, err = io.ReadAll(http.MaxBytesReader(nil, request.Body, 1<<20)); err != nil {
			return nil, err
		}
	}
	turn := r.next.Add(1)
	for i := range uint64(len(r.addrs)) {
		addr := r.addrs[(turn+i)%uint64(len(r.addrs))]
		sent := request.Clone(request.Context())
		sent.URL.Host = addr
		if body != nil {
			sent.Body, sent.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		if res, err = r.via.RoundTrip(sent); err == nil {
			res.Header.Set("X-Served-By", addr)
			return res, nil
		}
		var refused *net.OpError
		if !errors.As(err, &refused) || refused.Op != "dial" { // it may have been processed
			return nil, err
		}
	}
	return nil, err
}
