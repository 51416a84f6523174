package claims

import (
	"maps"
	"slices"
)

// Clone copies claims deeply: the maps and slices that [Parse] makes, and the
// []string that programs write, are new. Values of other types are shared.
func Clone(claims map[string]any) map[string]any {
	cloned := maps.Clone(claims)
	for name, value := range cloned {
		cloned[name] = cloneValue(value)
	}
	return cloned
}

func cloneValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return Clone(value)
	case []any:
		cloned := slices.Clone(value)
		for i, element := range cloned {
			cloned[i] = cloneValue(element)
		}
		return cloned
	case []string:
		return slices.Clone(value)
	}
	return value
}
