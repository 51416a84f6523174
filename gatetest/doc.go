// Package gatetest checks in an application's own tests that a gate is in front
// of everything: that no handler can be reached which no rule decides about.
//
//	func TestNothingIsOpen(t *testing.T) {
//		gatetest.Closed(t, routes(gate))
//	}
package gatetest
