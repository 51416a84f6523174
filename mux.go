package gatehouse

import (
	"net/http"

	"github.com/gatehouse-go/gatehouse/rbac"
)

// Mux is an [http.ServeMux] whose patterns carry their rule. A pattern without
// a rule doesn't register, so no handler of it is reachable by accident. Make
// one with [Gate.Mux] and put [Gate.Wrap] around it.
type Mux struct {
	gate *Gate
	mux  *http.ServeMux
}

// Mux returns an empty Mux.
func (g *Gate) Mux() *Mux { return &Mux{gate: g, mux: http.NewServeMux()} }

// Handle registers handler for pattern, to be reached by whoever satisfies
// rule; see [Gate.Require]. Patterns are those of [http.ServeMux]. Like it,
// Handle panics on a pattern that is malformed or conflicts with another one,
// and also when rule or handler is nil.
func (m *Mux) Handle(pattern string, rule rbac.Rule, handler http.Handler) {
	if rule == nil {
		panic("gatehouse: pattern " + pattern + " has no rule")
	}
	if handler == nil {
		panic("gatehouse: pattern " + pattern + " has no handler")
	}
	m.mux.Handle(pattern, m.gate.Require(rule)(handler))
}

// HandleFunc is Handle for a function.
func (m *Mux) HandleFunc(pattern string, rule rbac.Rule, handler func(http.ResponseWriter, *http.Request)) {
	if handler == nil {
		panic("gatehouse: pattern " + pattern + " has no handler")
	}
	m.Handle(pattern, rule, http.HandlerFunc(handler))
}

// ServeHTTP dispatches like [http.ServeMux.ServeHTTP].
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }
