package gatehouse

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/gatehouse-go/gatehouse/internal/probe"
	"github.com/gatehouse-go/gatehouse/internal/returnto"
)

// endpoints are what the library answers itself, by path.
type endpoints map[string]http.HandlerFunc

func (g *Gate) makeEndpoints() endpoints {
	return endpoints{
		g.config.AuthPath + "/login":    g.serveLogin,
		g.config.AuthPath + "/callback": g.serveCallback,
		g.config.AuthPath + "/logout":   g.serveLogout,
		g.config.AuthPath + "/session":  g.serveSession,
		g.sessionsPath():                g.serveSessions,

		g.config.AuthPath + "/backchannel-logout":  g.serveBackchannelLogout,
		g.config.AuthPath + "/frontchannel-logout": g.serveFrontchannelLogout,
	}
}

// at returns the path of the one that a local address leads to, as routers clean it.
// Where an address that can't be read leads nobody knows.
func (e endpoints) at(address string) (endpoint string, ours bool) {
	u, err := url.Parse(address)
	if err != nil {
		return "", true
	}
	endpoint = path.Clean(u.Path)
	_, ours = e[endpoint]
	return endpoint, ours
}

// checkPage refuses as a page of the application's what the library answers itself:
// people would go round in circles, or see what is for programs.
func (g *Gate) checkPage(field, given string) error {
	if _, local := returnto.Local(given); !local { // which is noted already
		return nil
	}
	if _, ours := g.endpoints.at(given); ours || g.metadata.at(given) {
		return mistake.Of(field, fmt.Sprintf("must be a page of the application's own, is %q", given))
	}
	return nil
}

// Endpoints serves what is below [Config.AuthPath], such as login and callback,
// for routers whose groups never see those paths; anything else is a 404.
// [Gate.Wrap] includes it.
func (g *Gate) Endpoints() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.serveEndpoint(w, r) && !probe.Stop(r.Context()) {
			g.Fail(w, r, &Error{Status: http.StatusNotFound, Message: "There is nothing here."})
		}
	})
}

// serveEndpoint answers a request to an endpoint of ours. Most of them set
// cookies, so none of their answers may be cached.
func (g *Gate) serveEndpoint(w http.ResponseWriter, r *http.Request) bool {
	if g.serveMetadata(w, r) {
		probe.Stop(r.Context())
		return true
	}
	endpoint, ok := g.endpoints[r.URL.Path]
	if ok && !probe.Stop(r.Context()) {
		endpoint(&uncached{ResponseWriter: w}, r)
	}
	return ok
}

func allowMethods(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, method := range methods {
		if r.Method == method {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	return false
}

const (
	// maxForm bounds the body of a form posted to an endpoint.
	maxForm = 64 << 10
	// formPatience is how long it may take to arrive: strangers post forms, and servers
	// wait for ever where nobody says otherwise.
	formPatience = 10 * time.Second
)

// parameters are those of the query, or of the form that was posted.
func parameters(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return url.ParseQuery(r.URL.RawQuery)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(formPatience)) // where there is one
	if err := r.ParseForm(); err != nil {
		return nil, err // and the rest isn't waited for either
	}
	_ = connection.SetReadDeadline(time.Time{})
	return r.PostForm, nil
}
