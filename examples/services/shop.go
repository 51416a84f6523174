package main

import (
	"encoding/json"
	"html/template"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// shop is the application that people see.
type shop struct {
	http.Handler
	gate    *gatehouse.Gate
	orders  *http.Client
	address string // of the orders API
}

func newShop(where addresses, known secrets) (*shop, error) {
	gate, err := gatehouse.New(gatehouse.Config{
		Issuer:       where.issuer,
		ClientID:     shopClient,
		ClientSecret: known[shopClient],
		BaseURL:      where.shop,
		SessionKeys:  []cookie.Key{cookie.NewKey()},
		DPoP:         true,
	})
	if err != nil {
		return nil, err
	}
	// The user's own token is good for the provider. The orders API gets one that is
	// good for nobody else.
	transport, err := gate.Downstream(gatehouse.Downstream{Origins: []string{where.orders}, Audience: ordersAudience})
	if err != nil {
		return nil, err
	}
	s := &shop{gate: gate, orders: &http.Client{Transport: transport, Timeout: 5 * time.Second}, address: where.orders + "/orders"}
	mux := gate.Mux()
	mux.HandleFunc("GET /{$}", rbac.SignedIn(), s.list)
	mux.HandleFunc("POST /orders", rbac.SignedIn(), s.order)
	s.Handler = gate.Wrap(mux)
	return s, nil
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Shop</title>
<h1>Orders of {{.Who}}</h1>
<ul>{{range .Orders}}<li>{{.Item}}: {{.State}}</li>{{else}}<li>none yet</li>{{end}}</ul>
<form method="post" action="/orders"><button>Order a chair</button></form>
<p><a href="/">Look again</a>, <a href="/auth/logout">sign out</a></p>
`))

// list shows what the orders API says.
func (s *shop) list(w http.ResponseWriter, r *http.Request) {
	var orders []order
	if err := s.ask(r, http.MethodGet, &orders); err != nil {
		s.gate.Fail(w, r, err)
		return
	}
	who, _ := gatehouse.IdentityFrom(r.Context())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, map[string]any{"Who": who.Subject(), "Orders": orders})
}

func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	var placed order
	if err := s.ask(r, http.MethodPost, &placed); err != nil {
		s.gate.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// ask calls the orders API in the name of whoever r is from.
func (s *shop) ask(r *http.Request, method string, into any) error {
	return call(r.Context(), s.orders, method, s.address, into)
}

// order is what the API keeps.
type order struct {
	ID    int    `json:"id"`
	For   string `json:"for"`
	Item  string `json:"item"`
	State string `json:"state"`
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}
