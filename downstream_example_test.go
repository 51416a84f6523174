package gatehouse_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc"
)

func ExampleGate_Client() {
	gate := exampleGate()
	orders := gate.Client("https://orders.internal") // once, and kept

	list := func(w http.ResponseWriter, r *http.Request) {
		asked, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://orders.internal/orders", nil)
		if err != nil {
			gate.Fail(w, r, err)
			return
		}
		res, err := orders.Do(asked) // with the token of whoever r is from
		if err != nil {
			gate.Fail(w, r, err)
			return
		}
		defer res.Body.Close()
	}

	// Without an identity there is no token, and nothing is sent.
	w := httptest.NewRecorder()
	list(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Code)
	// Output: 500
}

func ExampleGate_Downstream() {
	orders := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Printf("%.7s…\n", r.Header.Get("Authorization"))
	}))
	defer orders.Close()

	gate := exampleGate()
	minter, err := oidc.NewMinter(oidc.MinterConfig{Issuer: "https://shop.internal", Keys: []oidc.SigningKey{oidc.NewSigningKey()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	transport, err := gate.Downstream(gatehouse.Downstream{
		Origins:  []string{orders.URL},
		Minter:   minter,
		Audience: "orders",
		Claims:   func(who *gatehouse.Identity) map[string]any { return map[string]any{"roles": who.Claims()["roles"]} },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: transport}

	bob := gatehouse.NewIdentity(map[string]any{"sub": "bob", "roles": []string{"editor"}})
	for _, address := range []string{orders.URL, "https://elsewhere.example.com"} {
		r := httptest.NewRequest(http.MethodGet, address, nil)
		r.RequestURI = ""
		res, err := client.Do(r.WithContext(gatehouse.WithIdentity(r.Context(), bob)))
		if err != nil {
			var failure *gatehouse.Error
			fmt.Println("refused:", errors.As(err, &failure))
			continue
		}
		res.Body.Close()
		fmt.Println(res.StatusCode)
	}
	// Output:
	// Bearer …
	// 200
	// refused: true
}
