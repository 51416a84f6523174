package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// routes puts a rule beside every page. Pages go through Wrap, which sends
// browsers to sign in; /api/ goes through API, which never redirects, and takes
// access tokens as well.
func routes(gate *gatehouse.Gate, secured rbac.Rule, downstream http.HandlerFunc) http.Handler {
	pages := gate.Mux()
	pages.HandleFunc("GET /{$}", rbac.Public(), home)
	pages.HandleFunc("/me", rbac.SignedIn(), me)
	pages.HandleFunc("/admin", rbac.Role("admin"), admin)
	pages.HandleFunc("GET /downstream", rbac.SignedIn(), downstream)
	pages.HandleFunc("GET /healthz", rbac.Public(), healthz)
	pages.HandleFunc("GET /readyz", rbac.Public(), readyz(gate))

	api := gate.Mux()
	api.HandleFunc("/api/me", rbac.SignedIn(), me)
	api.HandleFunc("/api/admin", rbac.Role("admin"), admin)
	api.HandleFunc("/api/orders", rbac.Scope("orders:read"), orders)

	pages.HandleFunc("/secure", secured, secure)
	pages.Handle("GET /policy", rbac.Role("admin"), gate.Matrix(pages, api))

	root := http.NewServeMux()
	root.Handle("/", gate.Wrap(pages))
	root.Handle("/api/", gate.API(api))
	return root
}

func home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!doctype html><html lang=\"en\"><title>Webapp</title><h1>Webapp</h1>\n")
	if _, ok := gatehouse.IdentityFrom(r.Context()); ok {
		fmt.Fprint(w, "<p>You are signed in: <a href=\"/me\">me</a>, <a href=\"/admin\">admin</a>, <a href=\"/secure\">secure</a>, <a href=\"/auth/sessions\">where else</a>, <a href=\"/auth/logout\">sign out</a>.</p>\n")
		return
	}
	fmt.Fprint(w, "<p>Hello, stranger. <a href=\"/auth/login?return_to=/me\">Sign in</a>.</p>\n")
}

// me shows the access token, which no real application should do.
func me(w http.ResponseWriter, r *http.Request) {
	who, _ := gatehouse.IdentityFrom(r.Context())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"sub":        who.Subject(),
		"token":      who.AccessToken(),
		"claims":     who.Claims(),
		"expires_in": int(time.Until(who.Expires()).Seconds()),
	})
}

func orders(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintln(w, `{"orders":[]}`)
}

func admin(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "admin ok") }

// secure is for who signed in strongly enough. Others do so on their way here.
func secure(w http.ResponseWriter, r *http.Request) {
	who, _ := gatehouse.IdentityFrom(r.Context())
	fmt.Fprintln(w, "secure ok:", who.String("acr"))
}

func healthz(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

// readyz says whether people can sign in, and whether Redis answers where there
// is one.
func readyz(gate *gatehouse.Gate) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		if err := gate.Ready(ctx); err != nil {
			http.Error(w, "the provider or Redis does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	}
}
