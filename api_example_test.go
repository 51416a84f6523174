package gatehouse_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// An API that signs nobody in: it needs an issuer and its own name, no keys and no
// BaseURL.
func ExampleNewResourceServer() {
	issuer := oidctest.NewServer(nil, oidctest.Config{Audience: "https://api.example.com"}) // a provider for this example
	defer issuer.Close()

	gate, err := gatehouse.NewResourceServer(gatehouse.Config{
		Issuer: issuer.Issuer(),
		API:    gatehouse.API{Audience: []string{"https://api.example.com"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gate.Close()

	mux := gate.Mux()
	mux.HandleFunc("GET /orders", rbac.Scope("orders:read"), func(w http.ResponseWriter, r *http.Request) {
		who, _ := gatehouse.IdentityFrom(r.Context())
		fmt.Fprintf(w, "the orders of %s", who.Subject())
	})
	api := gate.API(mux)

	ask := func(scope string) {
		token := issuer.Issue(oidctest.User{Subject: "alice"}, "app", scope)["access_token"]
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.Header.Set("Authorization", fmt.Sprint("Bearer ", token))
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header()["Www-Authenticate"])
	}
	ask("orders:read")
	ask("openid")
	// Output:
	// 200 []
	// 403 [Bearer realm="https://api.example.com", error="insufficient_scope", scope="orders:read"]
}
