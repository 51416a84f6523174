package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// site is the application: pages, each with its rule beside it.
type site struct {
	http.Handler
	gate          *gatehouse.Gate
	tokenLifetime time.Duration
}

func newSite(config gatehouse.Config, tokenLifetime time.Duration) (*site, error) {
	gate, err := gatehouse.New(config)
	if err != nil {
		return nil, err
	}
	s := &site{gate: gate, tokenLifetime: tokenLifetime}
	mux := gate.Mux()
	mux.HandleFunc("GET /{$}", rbac.Public(), s.home)
	mux.HandleFunc("GET /profile", rbac.SignedIn(), s.profile)
	mux.HandleFunc("GET /admin", rbac.Role("admin"), s.admin)
	mux.HandleFunc("/", rbac.Public(), s.missing)
	mux.Handle("GET /style.css", rbac.Public(), static)
	mux.Handle("GET /profile.js", rbac.Public(), static)
	mux.Handle("GET /icon.svg", rbac.Public(), static)
	s.Handler = gate.Wrap(mux)
	return s, nil
}

// visitor is what every page knows of who looks at it.
type visitor struct {
	Path     string
	SignedIn bool
	Admin    bool
	Name     string
	Email    string
	Initial  string
	Roles    []string
}

func (s *site) visitor(r *http.Request) visitor {
	v := visitor{Path: r.URL.Path}
	who, ok := gatehouse.IdentityFrom(r.Context())
	if !ok {
		return v
	}
	v.SignedIn = true
	v.Admin = s.gate.Allows(r.Context(), rbac.Role("admin"))
	v.Name, v.Email = who.String("name"), who.String("email")
	v.Initial = strings.ToUpper(v.Name[:min(1, len(v.Name))])
	roles, _ := who.Claims()["roles"].([]any)
	for _, role := range roles {
		if name, ok := role.(string); ok {
			v.Roles = append(v.Roles, name)
		}
	}
	return v
}

func (s *site) home(w http.ResponseWriter, r *http.Request) {
	_ = show(w, http.StatusOK, homePage, map[string]any{"Visitor": s.visitor(r)})
}

func (s *site) admin(w http.ResponseWriter, r *http.Request) {
	_ = show(w, http.StatusOK, adminPage, map[string]any{"Visitor": s.visitor(r), "People": people})
}

// missing leaves the page to the gate, which writes errors for people and for
// programs.
func (s *site) missing(w http.ResponseWriter, r *http.Request) {
	s.gate.Fail(w, r, &gatehouse.Error{Status: http.StatusNotFound, Message: "There is no such page here."})
}

// claim is a line of the profile page.
type claim struct{ Name, Value, Note string }

// notes say what the claims of an ID token are (OpenID Connect Core 1.0 §2).
var notes = map[string]string{
	"sub":       "who, at this issuer",
	"iss":       "who says so",
	"aud":       "for whom",
	"exp":       "ID token ends",
	"iat":       "ID token issued",
	"auth_time": "password entered",
	"nonce":     "bound to this sign-in",
	"roles":     "what rbac.Role reads",
}

func (s *site) profile(w http.ResponseWriter, r *http.Request) {
	who, _ := gatehouse.IdentityFrom(r.Context())
	_ = show(w, http.StatusOK, profilePage, map[string]any{
		"Visitor":  s.visitor(r),
		"Claims":   claimsIn(who.Claims()),
		"Lifetime": int(s.tokenLifetime.Seconds()),
		"Left":     max(0, int(time.Until(who.Expires()).Seconds())),
	})
}

func claimsIn(values map[string]any) []claim {
	var claims []claim
	for _, name := range slices.Sorted(maps.Keys(values)) {
		claims = append(claims, claim{name, text(name, values[name]), notes[name]})
	}
	return claims
}

// text is a claim's value as people read it.
func text(name string, value any) string {
	if seconds, ok := number(value); ok && slices.Contains([]string{"exp", "iat", "auth_time"}, name) {
		return time.Unix(seconds, 0).Format("2 January 2006, 15:04:05")
	}
	if s, ok := value.(string); ok {
		return s
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(encoded)
}

func number(value any) (int64, bool) {
	switch n := value.(type) {
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	case float64:
		return int64(n), true
	}
	return 0, false
}
