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

// find returns the claim at the path. It is Unknown when something on the way is
// no object.
func (p Path) find(claims map[string]any) (value any, found Outcome) {
	value = claims
	for _, name := range p {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, Unknown
		}
		if value, ok = object[name]; !ok || value == nil {
			return nil, False
		}
	}
	return value, True
}
