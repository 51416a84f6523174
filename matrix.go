package gatehouse

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/fetchmeta"
	"github.com/gatehouse-go/gatehouse/rbac"
)

//go:embed matrix.html
var matrixHTML string

//go:embed matrix.css
var matrixCSS string

// matrix is a policy to look at: who gets to which route.
type matrix struct {
	Style    template.CSS `json:"-"`
	Visitors []visitor    `json:"visitors"`
	Routes   []matrixRow  `json:"routes"`
}

// visitor is somebody imagined: a stranger, or whoever has one role.
type visitor struct {
	Name string `json:"name"`
	Role string `json:"role,omitempty"`

	subject *rbac.Subject
}

type matrixRow struct {
	Pattern string       `json:"pattern"`
	Rule    string       `json:"rule"` // without the values that claims are compared with
	Cells   []matrixCell `json:"cells"`
}

// matrixCell says whether a visitor gets to a route: always, never, or only if
// more is true of them than their role.
type matrixCell struct {
	Answer  string           `json:"answer"` // allowed, denied or depends
	Visitor string           `json:"visitor"`
	Why     rbac.Explanation `json:"why"`

	Stranger bool `json:"-"`
}

// Matrix shows the tables of muxes as one page of routes and roles, for people to
// look at; programs get it as JSON. Its columns are a stranger, somebody without
// any role, and somebody with each of the roles that the rules and
// [rbac.Policy.Hierarchy] name. A cell says whether that role is enough, or can't
// be, or whether it depends on more, such as a group, a claim or a recent sign-in,
// and opens to say on what.
//
// The page shows no values that claims are compared with, and yet it is nothing
// for strangers: give it a rule.
//
//	mux.Handle("GET /policy", rbac.Role("admin"), gate.Matrix(mux))
func (g *Gate) Matrix(muxes ...*Mux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowMethods(w, r, http.MethodGet, http.MethodHead) {
			g.Fail(w, r, &Error{Status: http.StatusMethodNotAllowed})
			return
		}
		shown := g.matrix(muxes)
		g.pages.headers(w)
		if v := g.visit(r.Context()); v != nil && v.program || !fetchmeta.Document(r) {
			writeJSON(w, "application/json", http.StatusOK, shown)
			return
		}
		if err := g.pages.matrix(w, shown); err != nil {
			g.Fail(w, r, err)
		}
	})
}

func (g *Gate) matrix(muxes []*Mux) matrix {
	var routes []Route
	var rules []rbac.Rule
	for _, mux := range muxes {
		for _, route := range mux.Routes() {
			routes, rules = append(routes, route), append(rules, route.Rule)
		}
	}
	shown := matrix{Visitors: []visitor{{Name: "stranger"}, {Name: "signed in", subject: g.policy.Imagine()}}, Routes: []matrixRow{}}
	for _, role := range g.policy.Vocabulary(rules...) {
		shown.Visitors = append(shown.Visitors, visitor{Name: role, Role: role, subject: g.policy.Imagine(role)})
	}
	now := g.config.Clock()
	for _, route := range routes {
		shown.Routes = append(shown.Routes, shown.row(route, now))
	}
	return shown
}

func (m matrix) row(route Route, now time.Time) matrixRow {
	row := matrixRow{Pattern: route.Pattern}
	for _, visitor := range m.Visitors {
		why := route.Rule.Explain(visitor.subject, now)
		row.Rule = why.Rule
		row.Cells = append(row.Cells, matrixCell{answerOf(why.Outcome, visitor), visitor.Name, why, visitor.subject == nil})
	}
	return row
}

// answerOf: what can't be told of a stranger keeps them out.
func answerOf(outcome rbac.Outcome, of visitor) string {
	switch {
	case outcome == rbac.True:
		return "allowed"
	case outcome == rbac.False || of.subject == nil:
		return "denied"
	}
	return "depends"
}

// matrixWords are the functions of matrix.html.
var matrixWords = template.FuncMap{
	// head is a rule without the rules in it, which have lines of their own.
	"head": func(e rbac.Explanation) string {
		if len(e.Rules) == 0 {
			return e.Rule
		}
		name, _, _ := strings.Cut(e.Rule, "(")
		return name
	},
	// said is what came of it.
	"said": func(e rbac.Explanation) string {
		switch _, why, known := strings.Cut(e.Reason, " is unknown: "); {
		case e.Outcome != rbac.Unknown:
			return "is " + e.Outcome.String()
		case known:
			return "– " + why
		}
		return "depends"
	},
}

func (p *pages) matrix(w http.ResponseWriter, shown matrix) error {
	shown.Style = template.CSS(pageCSS + matrixCSS) // our own embedded files
	var body bytes.Buffer
	if err := p.template.ExecuteTemplate(&body, "matrix", shown); err != nil {
		return fmt.Errorf("gatehouse: the matrix: %w", err)
	}
	w.Header().Set("Content-Security-Policy", p.wide)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes())
	return nil
}
