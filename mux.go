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

	mu      sync.Mutex
	routes  []Route
	methods []string // that some pattern is for
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
// the rule of that one too; where no pattern of that path is for its method, the
// rules of all that are for others. Patterns are those of [http.ServeMux]. Like it,
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
	if end := strings.IndexAny(pattern, " \t"); end > 0 && !slices.Contains(m.methods, pattern[:end]) {
		m.methods = append(m.methods, pattern[:end])
	}
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
		for _, other := range h.mux.meant(meant) {
			if other != h {
				next = h.mux.gate.Require(other.rule)(next)
			}
		}
	}
	next.ServeHTTP(w, r)
}

// meant are the handlers of a request: the one that it would reach, or, where its path
// has handlers for other methods alone, all of them. Nobody would get to one, but what is
// behind the handler that the request does get to may do as it says.
func (m *Mux) meant(r *http.Request) (all []*ruled) {
	if one := m.at(r); one != nil {
		return []*ruled{one}
	}
	m.mu.Lock()
	methods := m.methods
	m.mu.Unlock()
	for _, method := range methods {
		other := *r
		other.Method = method
		if one := m.at(&other); one != nil {
			all = append(all, one)
		}
	}
	return all
}

// at is the handler that a request would reach, if any.
func (m *Mux) at(r *http.Request) *ruled {
	found, _ := m.mux.Handler(r)
	one, _ := found.(*ruled)
	return one
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
