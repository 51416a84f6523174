package oidctest_test

import (
	"context"
	"net/http"
	"net/http/httptest"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// answer is what came of a request without a network.
type answer struct {
	body string
	err  any // what the handler panicked with
}

// call asks the provider itself.
func call(ctx context.Context, p *oidctest.Provider, path string) (a answer) {
	recorder := httptest.NewRecorder()
	defer func() {
		a = answer{recorder.Body.String(), recover()}
	}()
	request := httptest.NewRequest(http.MethodGet, "https://idp.example"+path, nil)
	p.ServeHTTP(recorder, request.WithContext(ctx))
	return
}
