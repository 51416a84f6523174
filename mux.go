package gatehouse

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/gatehouse-go/gatehouse/internal/probe"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// Mux is an [http.ServeMux] whose patterns carry their rule. A pattern without
// a rule doesn't register, so no handler of it is reachable by accident. Make
// one with [Gate.Mux] and put [Gate.Wrap] around it.
//
// Its table can be read ([Mux.Routes]), printed ([Mux.String]) and looked at
// ([Gate.Matrix]).
type Mux struct {
	gate *Gate
	mux  *http.ServeMux

	mu     sync.Mutex
	routes []Route
}

// Route is a pattern of a [Mux] and the rule that it carries.
type Route struct {
	Pattern string    // as it was registered, such as "GET /items/{id}"
	Rule    rbac.Rule // never nil
}

// Mux returns an empty Mux.
func (g *Gate) Mux() *Mux { return &Mux{gate: g, mux: http.NewServeMux()} }

// Handle registers handler for pattern, to be reached by whoever satisfies
// rule; see [Gate.Require]. A request whose path means another pattern when it is
// decoded before it is split, as /public/%2e%2e/admin does to some, has to satisfy
// the rule of that one too. Patterns are those of [http.ServeMux]. Like it,
// Handle panics on a pattern that is malformed or conflicts with another one,
// and also when rule or handler is nil.
func (m *Mux) Handle(pattern string, rule rbac.Rule, handler http.Handler) {
	if rule == nil {
		panic("gatehouse: pattern " + pattern + " has no rule")
	}
	if handler == nil {
		panic("gatehouse: pattern " + pattern + " has no handler")
	}
	m.mux.Handle(pattern, newRuled(m, rule, handler))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.routes = append(m.routes, Route{pattern, rule})
}

// HandleFunc is Handle for a function.
func (m *Mux) HandleFunc(pattern string, rule rbac.Rule, handler func(http.ResponseWriter, *http.Request)) {
	if handler == nil {
		panic("gatehouse: pattern " + pattern + " has no handler")
	}
	m.Handle(pattern, rule, http.HandlerFunc(handler))
}

// ServeHTTP dispatches like [http.ServeMux.ServeHTTP].
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mux.ServeHTTP(w, r)
	if r.Pattern == "" {
		probe.Stop(r.Context()) // nothing of ours is there
	}
}

// ruled is a handler behind its rule, and behind those of other patterns that the
// request may mean: what is behind the handler may read a path otherwise than we do.
type ruled struct {
	mux     *Mux
	rule    rbac.Rule
	handler http.Handler
	guarded http.Handler
}

func newRuled(m *Mux, rule rbac.Rule, handler http.Handler) *ruled {
	one := &ruled{mux: m, rule: rule, handler: handler}
	one.guarded = m.gate.Require(rule)(http.HandlerFunc(one.serve))
	return one
}

func (h *ruled) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.guarded.ServeHTTP(w, r) }

// serve answers a request that the rule lets in.
func (h *ruled) serve(w http.ResponseWriter, r *http.Request) {
	next := h.handler
	for _, meant := range meanings(r) {
		found, _ := h.mux.mux.Handler(meant)
		if other, ok := found.(*ruled); ok && other != h {
			next = h.mux.gate.Require(other.rule)(next)
		}
	}
	next.ServeHTTP(w, r)
}

// Routes returns the table, in the order of registration.
func (m *Mux) Routes() []Route {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.routes)
}

// String prints the table, a line for each route: the pattern, and the rule as it
// is written in Go. It is for people, and shows the values that rules compare
// claims with.
func (m *Mux) String() string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.StripEscape)
	for _, route := range m.Routes() {
		_, _ = table.Write([]byte(escaped(route.Pattern) + "\t" + escaped(route.Rule.String()) + "\n"))
	}
	_ = table.Flush()
	return b.String()
}

// escaped keeps tabwriter from reading text.
func escaped(text string) string {
	escape := string([]byte{tabwriter.Escape})
	return escape + strings.ReplaceAll(text, escape, "") + escape
}
