package gatehouse_test

import (
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse"
)

// TestSessionIsNotPassedOn: a request that the application passes on to another service
// takes the user's token there, and not the cookies, by which the service could be the
// user here. Other cookies, and those of redirects, are no exception.
func TestSessionIsNotPassedOn(t *testing.T) {
	for where, kept := range whereKept {
		t.Run(where, func(t *testing.T) {
			api, elsewhere := newService(t), newService(t)
			w := newWorld(t, setup{gate: kept, routes: func(g *gatehouse.Gate) http.Handler {
				proxy := &httputil.ReverseProxy{
					Transport: g.Transport(api.URL),
					Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(parse(t, api.URL)) },
				}
				root := http.NewServeMux()
				root.Handle("/orders/", g.Wrap(g.RequireLogin(proxy)))
				root.Handle("/call", g.Wrap(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					passed, err := http.NewRequestWithContext(r.Context(), http.MethodGet, api.URL+"/?to="+elsewhere.URL, nil)
					if err != nil {
						t.Error(err)
						return
					}
					passed.Header = r.Header.Clone()
					res, err := g.Client(api.URL).Do(passed)
					if err != nil {
						t.Error(err)
						return
					}
					_ = res.Body.Close()
				})))
				root.Handle("/", routes(g))
				return root
			}})
			b := w.browser().signIn()
			b.get("/auth/login") // whose flow is under way
			mine := append(b.cookies(), &http.Cookie{Name: "theme", Value: "dark"})
			b.keep(mine)
			b.get("/orders/1").want(t, http.StatusOK)
			b.get("/call").want(t, http.StatusOK)
			got := append(api.received(), elsewhere.received()...)
			if len(got) != 3 {
				t.Fatalf("%d calls", len(got))
			}
			for _, call := range got {
				if cookies := strings.Join(call.Header["Cookie"], "; "); cookies != "theme=dark" {
					t.Errorf("%s was passed on with the cookies %q", call.Path, cookies)
				}
			}
			if got[0].token() == "" || got[1].token() == "" || got[2].Authorization != "" {
				t.Error("the token is not where it belongs")
			}
		})
	}
}
