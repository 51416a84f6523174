package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// worker packs what the orders API asks it to, and says so when it is done.
type worker struct {
	http.Handler
	gate    *gatehouse.Gate
	orders  *http.Client
	address string // of the orders API
}

// job is the answer to whoever asks for one.
type job struct {
	For   string `json:"for"`
	Asked string `json:"asked_by"`
}

func newWorker(where addresses, known secrets) (*worker, error) {
	gate, err := gatehouse.NewResourceServer(gatehouse.Config{
		Issuer:       where.issuer,
		ClientID:     workerClient,
		ClientSecret: known[workerClient],
		BaseURL:      where.worker,
		DPoP:         true,
		// The orders API is the one issuer it takes tokens from.
		API: gatehouse.API{
			Audience: []string{workerAudience},
			Issuers:  []oidc.TrustedIssuer{{Issuer: where.orders, JWKS: where.orders + "/jwks", RequireType: true}},
		},
	})
	if err != nil {
		return nil, err
	}
	transport, err := gate.Downstream(gatehouse.Downstream{Origins: []string{where.orders}, Own: true, Audience: ordersAudience})
	if err != nil {
		return nil, err
	}
	k := &worker{gate: gate, orders: &http.Client{Transport: transport, Timeout: 5 * time.Second}, address: where.orders}
	mux := gate.Mux()
	mux.HandleFunc("POST /jobs/{id}", rbac.SignedIn(), k.take)
	k.Handler = gate.API(mux)
	return k, nil
}

// take packs at once; a real worker would queue. The request's context ends with its
// answer, and no identity of it is needed for a token of the worker's own.
func (k *worker) take(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
	defer cancel()
	// Whoever asks must not choose what else our own token is used for.
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 31)
	if err != nil {
		k.gate.Fail(w, r, &gatehouse.Error{Status: http.StatusNotFound, Cause: err})
		return
	}
	var done order
	if err := call(ctx, k.orders, http.MethodPost, k.address+"/orders/"+strconv.FormatUint(id, 10)+"/packed", &done); err != nil {
		k.gate.Fail(w, r, err)
		return
	}
	who, _ := gatehouse.IdentityFrom(r.Context())
	writeJSON(w, job{For: who.Subject(), Asked: who.Issuer()})
}
