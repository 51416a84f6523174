package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-go/gatehouse"
)

// maxShown bounds what is shown of the other service's answer.
const maxShown = 1 << 20

// downstream calls the service at address with the token of whoever is signed in,
// and shows its answer.
func downstream(gate *gatehouse.Gate, address string) (http.HandlerFunc, error) {
	if address == "" {
		return func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "DOWNSTREAM_URL is not set, so there is nobody to call", http.StatusNotFound)
		}, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("DOWNSTREAM_URL: is not a URL")
	}
	transport, err := gate.Downstream(gatehouse.Downstream{Origins: []string{u.Scheme + "://" + u.Host}})
	if err != nil {
		return nil, fmt.Errorf("DOWNSTREAM_URL: %w", err)
	}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second, CheckRedirect: within(u)}
	return func(w http.ResponseWriter, r *http.Request) {
		asked, err := http.NewRequestWithContext(r.Context(), http.MethodGet, address, nil)
		if err != nil {
			gate.Fail(w, r, err)
			return
		}
		res, err := client.Do(asked)
		if err != nil {
			gate.Fail(w, r, &gatehouse.Error{Status: http.StatusBadGateway, Message: "The other service does not answer.", Cause: err})
			return
		}
		defer res.Body.Close()
		// Of the other service's headers only the type is passed on, and it is never
		// this application's page.
		w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
		w.Header().Set("Content-Security-Policy", "sandbox")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, io.LimitReader(res.Body, maxShown))
	}, nil
}

// within follows redirects to the origin of u. The answer is shown to people, and what
// else is in reach of this process is not for another service to show them.
func within(u *url.URL) func(*http.Request, []*http.Request) error {
	return func(r *http.Request, before []*http.Request) error {
		if r.URL.Scheme != u.Scheme || r.URL.Host != u.Host || len(before) >= 5 {
			return http.ErrUseLastResponse
		}
		return nil
	}
}
