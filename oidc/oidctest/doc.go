// Package oidctest is an OpenID Provider for tests: it signs in whom the test
// says, issues what the test says, and goes wrong as the test says.
package oidctest
