package rbac

import (
	"slices"
	"time"
)

// demand is what a new token or a new sign-in has to bring.
type demand struct {
	scopes []string
	acr    []string      // one of them; nil for any
	maxAge time.Duration // 0 for any
	// contradictory are demands that nothing can meet together.
	contradictory bool
}

func (d demand) empty() bool {
	return len(d.scopes) == 0 && len(d.acr) == 0 && d.maxAge == 0 && !d.contradictory
}

// and is both demands at once: all the scopes, a class that suits both, and the
// shorter time. An empty list of classes suits any.
func (d demand) and(e demand) demand {
	both := demand{
		scopes:        union(d.scopes, e.scopes),
		acr:           d.acr,
		maxAge:        d.maxAge,
		contradictory: d.contradictory || e.contradictory,
	}
	switch {
	case len(d.acr) == 0:
		both.acr = e.acr
	case len(e.acr) > 0:
		both.acr = common(d.acr, e.acr)
		both.contradictory = both.contradictory || len(both.acr) == 0
	}
	if d.maxAge == 0 || e.maxAge > 0 && e.maxAge < d.maxAge {
		both.maxAge = e.maxAge
	}
	return both
}

// union lists the names of all, each once, without room for an append to write.
func union(all ...[]string) []string {
	var names []string
	for _, name := range slices.Concat(all...) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return slices.Clip(names)
}

// common lists the names that are in both, in the order of the first.
func common(first, second []string) []string {
	var names []string
	for _, name := range first {
		if slices.Contains(second, name) {
			names = append(names, name)
		}
	}
	return slices.Clip(names)
}
