package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// orders is the API. People's orders are their own; the worker may touch all.
type orders struct {
	http.Handler
	gate   *gatehouse.Gate
	worker *http.Client
	jobs   string // the worker's address

	mu   sync.Mutex
	kept []order
}

func newOrders(where addresses, known secrets) (*orders, error) {
	gate, err := gatehouse.NewResourceServer(gatehouse.Config{
		Issuer:       where.issuer,
		ClientID:     ordersClient,
		ClientSecret: known[ordersClient],
		BaseURL:      where.orders,
		API:          gatehouse.API{Audience: []string{ordersAudience}, RequireBinding: true},
	})
	if err != nil {
		return nil, err
	}
	// What goes to the worker is of no concern to the provider.
	minter, err := oidc.NewMinter(oidc.MinterConfig{Issuer: where.orders, Keys: []oidc.SigningKey{oidc.NewSigningKey()}})
	if err != nil {
		return nil, err
	}
	transport, err := gate.Downstream(gatehouse.Downstream{Origins: []string{where.worker}, Audience: workerAudience, Minter: minter})
	if err != nil {
		return nil, err
	}
	o := &orders{gate: gate, worker: &http.Client{Transport: transport, Timeout: 5 * time.Second}, jobs: where.worker + "/jobs/"}
	mux := gate.Mux()
	mux.HandleFunc("GET /orders", rbac.SignedIn(), o.list)
	mux.HandleFunc("POST /orders", rbac.SignedIn(), o.place)
	// The worker is known by its client, whose token says that it acts for itself. A
	// person may be called what it is, and comes by another client (RFC 9068 §5).
	isWorker := rbac.All(rbac.Claim(rbac.Path{"sub"}, workerClient), rbac.Claim(rbac.Path{"client_id"}, workerClient))
	mux.HandleFunc("POST /orders/{id}/packed", isWorker, o.packed)
	root := http.NewServeMux()
	root.Handle("/", gate.API(mux))
	root.Handle("GET /jwks", minter)
	o.Handler = root
	return o, nil
}

func (o *orders) list(w http.ResponseWriter, r *http.Request) {
	who, _ := gatehouse.IdentityFrom(r.Context())
	o.mu.Lock()
	own := slices.DeleteFunc(slices.Clone(o.kept), func(its order) bool { return its.For != who.Subject() })
	o.mu.Unlock()
	writeJSON(w, own)
}

func (o *orders) place(w http.ResponseWriter, r *http.Request) {
	who, _ := gatehouse.IdentityFrom(r.Context())
	o.mu.Lock()
	placed := order{ID: len(o.kept), For: who.Subject(), Item: "a chair", State: "placed"}
	o.kept = append(o.kept, placed)
	o.mu.Unlock()
	var taken job
	if err := call(r.Context(), o.worker, http.MethodPost, o.jobs+strconv.Itoa(placed.ID), &taken); err != nil {
		o.gate.Fail(w, r, err)
		return
	}
	writeJSON(w, placed)
}

func (o *orders) packed(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil || id < 0 || id >= len(o.kept) {
		o.gate.Fail(w, r, &gatehouse.Error{Status: http.StatusNotFound, Cause: fmt.Errorf("no order %q", r.PathValue("id"))})
		return
	}
	o.kept[id].State = "packed"
	writeJSON(w, o.kept[id])
}
