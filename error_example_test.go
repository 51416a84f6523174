package gatehouse_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/cookie"
)

// People get a page in the application's own style, and programs the problem document
// that they know.
func ExampleError() {
	gate, err := gatehouse.New(gatehouse.Config{
		Issuer: "https://idp.example.com", ClientID: "shop", BaseURL: "https://shop.example.com", SessionKeys: []cookie.Key{cookie.NewKey()},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			var failure *gatehouse.Error
			if errors.As(err, &failure); !failure.Page {
				return // nothing written: the built-in answer is sent
			}
			w.WriteHeader(failure.Status)
			fmt.Fprintf(w, "<h1>Shop</h1><p>%s</p>", failure.Message)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := gate.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gate.Fail(w, r, &gatehouse.Error{Status: http.StatusNotFound, Message: "There is no such order."})
	}))

	for _, accept := range []string{"text/html", "application/json"} {
		r := httptest.NewRequest(http.MethodGet, "/orders/7", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		orders.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 404 <h1>Shop</h1><p>There is no such order.</p>
	// 404 {"type":"about:blank","title":"Not Found","status":404,"detail":"There is no such order."}
}
