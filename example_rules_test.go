package gatehouse_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// A page for who signed in with a second factor in the last five minutes. Others
// do so when they open it, and come back to it.
func ExampleGate_Require_stepUp() {
	gate := exampleGate()
	payments := gate.Require(rbac.ACR("mfa"), rbac.MaxAge(5*time.Minute))(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "paid")
	}))

	bob := gatehouse.NewIdentity(map[string]any{"sub": "bob", "acr": "pwd"})
	r := httptest.NewRequest(http.MethodPost, "/payments", nil)
	w := httptest.NewRecorder()
	payments.ServeHTTP(w, r.WithContext(gatehouse.WithIdentity(r.Context(), bob)))
	_, says, _ := strings.Cut(w.Header().Get("WWW-Authenticate"), "error=")
	fmt.Println(w.Code, says)
	// Output: 401 "insufficient_user_authentication", acr_values="mfa", max_age="300"
}
