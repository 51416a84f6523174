package rbac

import "strings"

// Path leads to a claim through nested objects, name by name. Names are exact
// and whole: Path{"resource_access", "my.app", "roles"}.
type Path []string

// String joins the names, for people.
func (p Path) String() string { return strings.Join(p, " › ") }

// maxDepth bounds a path.
const maxDepth = 16

func (p Path) valid() bool {
	if len(p) == 0 || len(p) > maxDepth {
		return false
	}
	for _, name := range p {
		if name == "" {
			return false
		}
	}
	return true
}

// find returns the claim at the path, nil if there is none, and held, lacking,
// malformed when something on the way is no object, or elsewhere. Elsewhere
// doesn't preclude that a part of the claim is there.
func (p Path) find(claims map[string]any) (any, finding) {
	absent, there := lacking, held
	if left(claims, p[0]) {
		absent, there = elsewhere, elsewhere
	}
	var value any = claims
	for _, name := range p {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, malformed
		}
		if value = object[name]; value == nil {
			return nil, absent
		}
	}
	return value, there
}

// left reports whether the provider left a claim out, or a part of it, and says
// where else it is: an aggregated or distributed claim (OpenID Connect Core 1.0
// §5.6.2), which is also how Microsoft Entra ID sends more than 200 groups, or its
// hasgroups.
func left(claims map[string]any, name string) bool {
	switch names := claims["_claim_names"].(type) {
	case nil:
	case map[string]any:
		if _, named := names[name]; named {
			return true
		}
	default: // it may name anything
		return true
	}
	has := claims["hasgroups"]
	return name == "groups" && has != nil && has != false
}
