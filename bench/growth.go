package main

import (
	"fmt"
	"net/http"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// growth is what requests and decisions cost by how many groups a person has.
// How sessions and tokens that are remembered grow is told by benchmarks of the
// packages themselves.
func growth(s signer) []contender {
	var all []contender
	for _, groups := range []int{1, 10, 100, 1000} {
		last := groupNames(groups)[groups-1]
		member := rbac.Group(last)
		guard := func(g *gatehouse.Gate) func(http.Handler) http.Handler { return g.Require(member) }
		name := func(what string) string { return fmt.Sprintf("%d groups, %s", groups, what) }
		all = append(all,
			gate(name("first seen"), newGate(s, groups, nil), anybody, strangers),
			gate(name("first seen, one of them required"), newGate(s, groups, nil), guard, strangers),
			gate(name("seen before, one of them required"), newGate(s, groups, nil), guard, 1),
			decision(name("one decision"), member, groups),
		)
	}
	return all
}
