package gatehouse_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/rbac"
)

func exampleGate() *gatehouse.Gate {
	gate, err := gatehouse.New(gatehouse.Config{
		Issuer:      "https://idp.example.com/realms/main",
		ClientID:    "shop",
		BaseURL:     "https://shop.example.com",
		SessionKeys: []cookie.Key{cookie.NewKey()},
	})
	if err != nil {
		panic(err)
	}
	return gate
}

func ExampleNew() {
	_, err := gatehouse.New(gatehouse.Config{Issuer: "https://idp.example.com", BaseURL: "http://shop.example.com"})
	fmt.Println(err)
	// Output:
	// gatehouse: invalid configuration:
	// BaseURL: http is for loopback only; browsers drop Secure cookies elsewhere
	// ClientID: is required
	// SessionKeys: at least one key is required; make one with cookie.NewKey or: openssl rand -base64 32
}

func ExampleGate_Mux() {
	gate := exampleGate()
	mux := gate.Mux()
	mux.HandleFunc("GET /{$}", rbac.Public(), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "welcome") })
	mux.HandleFunc("/admin/", rbac.Role("admin"), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "admin ok") })
	handler := gate.Wrap(mux)

	for _, path := range []string{"/", "/admin/"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// / 200
	// /admin/ 401
}

func ExampleGate_Require() {
	gate := exampleGate()
	publish := gate.Require(rbac.Role("editor"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := gatehouse.IdentityFrom(r.Context())
		fmt.Fprint(w, "published by ", who.Subject())
	}))

	for _, role := range []string{"editor", "reader"} {
		bob := gatehouse.NewIdentity(map[string]any{"sub": "bob", "roles": []string{role}})
		r := httptest.NewRequest(http.MethodPost, "/articles", nil)
		w := httptest.NewRecorder()
		publish.ServeHTTP(w, r.WithContext(gatehouse.WithIdentity(r.Context(), bob)))
		fmt.Println(role, w.Code)
	}
	// Output:
	// editor 200
	// reader 403
}

func ExampleIdentityFrom() {
	ctx := gatehouse.WithIdentity(context.Background(), gatehouse.NewIdentity(map[string]any{"sub": "bob", "email": "bob@example.com"}))
	who, ok := gatehouse.IdentityFrom(ctx)
	fmt.Println(who.Subject(), who.String("email"), ok)

	_, ok = gatehouse.IdentityFrom(context.Background())
	fmt.Println(ok)
	// Output:
	// bob bob@example.com true
	// false
}

// A test of a protected handler needs no provider.
func ExampleWithIdentity() {
	gate := exampleGate()
	orders := gate.Wrap(gate.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := gatehouse.IdentityFrom(r.Context())
		fmt.Fprint(w, "orders of ", who.Subject())
	})))

	for _, who := range []*gatehouse.Identity{gatehouse.NewIdentity(map[string]any{"sub": "bob"}), nil} {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		w := httptest.NewRecorder()
		orders.ServeHTTP(w, r.WithContext(gatehouse.WithIdentity(r.Context(), who)))
		fmt.Println(w.Code, w.Header().Get("Content-Type"))
	}
	// Output:
	// 200 text/plain; charset=utf-8
	// 401 application/problem+json
}

func ExampleAdmission() {
	customers := map[string][]string{"alice": {"gold"}}
	config := gatehouse.Config{
		Admit: func(_ context.Context, a *gatehouse.Admission) error {
			sub, _ := a.Claims["sub"].(string)
			roles, ok := customers[sub]
			if !ok {
				return &gatehouse.Error{Status: http.StatusForbidden, Message: "You have no account here yet."}
			}
			a.Own["roles"] = roles
			return nil
		},
	}
	for _, sub := range []string{"alice", "mallory"} {
		admission := gatehouse.Admission{Claims: map[string]any{"sub": sub}, Own: map[string]any{}}
		err := config.Admit(context.Background(), &admission)
		fmt.Println(sub, admission.Own, err)
	}
	// Output:
	// alice map[roles:[gold]] <nil>
	// mallory map[] 403 You have no account here yet.
}

func ExampleGate_Fail() {
	gate := exampleGate()
	handler := gate.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gate.Fail(w, r, &gatehouse.Error{
			Status:  http.StatusConflict,
			Message: "Somebody else changed this order.",
			Cause:   errors.New("version 7, not 6"), // for the log
		})
	}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/orders/7", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 409 {"type":"about:blank","title":"Conflict","status":409,"detail":"Somebody else changed this order."}
}

// A page that stays open until its person signs out, wherever they do.
func ExampleIdentity_Context() {
	events := func(w http.ResponseWriter, r *http.Request) {
		who, _ := gatehouse.IdentityFrom(r.Context())
		ctx, stop := who.Context(r.Context())
		defer stop()
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case <-ctx.Done(): // context.Cause(ctx) says why
				return
			case now := <-time.After(time.Second):
				fmt.Fprintf(w, "data: %d\n\n", now.Unix())
				_ = http.NewResponseController(w).Flush()
			}
		}
	}
	http.HandleFunc("/events", events)
}

// Somebody has left the company: every session of theirs ends now.
func ExampleGate_Revoke() {
	gate, err := gatehouse.New(gatehouse.Config{
		Issuer:      "https://idp.example.com",
		ClientID:    "shop",
		BaseURL:     "https://shop.example.com",
		SessionKeys: []cookie.Key{cookie.NewKey()},
		Store:       gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{}), // of one process
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gate.Close()
	err = gate.Revoke(context.Background(), gatehouse.Revocation{Subject: "248289761001"})
	fmt.Println(err)
	// Output: <nil>
}
