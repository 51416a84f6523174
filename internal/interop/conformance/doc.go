// Package conformance runs Gatehouse against the OpenID Foundation's conformance
// suite: the relying party plans, with an application behind a gate, and a browser
// at it that follows redirects, submits what the suite's pages submit and loads
// what they frame.
//
// The suite has to be running, without authentication (its development mode), where
// this machine reaches it by https under another name than 127.0.0.1, and where it
// reaches 127.0.0.1, for logout tokens. Then
//
//	CONFORMANCE_SUITE=https://localhost:8443 CONFORMANCE_CA=suite.pem go test -count=1 -timeout 30m -v ./conformance
//
// starts every plan and prints a table of the modules and the suite's results.
// CONFORMANCE_CA is a file with the certificate of the suite's server, or of who
// signed it; without it the system's authorities are asked. Without CONFORMANCE_SUITE
// the tests are skipped.
//
// A test fails where the suite's result isn't the one that is named for the module,
// where the suite has a module in a plan that is not named here, and where the
// application doesn't agree that somebody is signed in, or isn't.
package conformance
