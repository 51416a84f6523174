// Package oidctest is an OpenID Provider for tests: it signs in whom the test
// says, issues what the test says, and goes wrong as the test says.
//
//	p := oidctest.NewServer(t, oidctest.Config{})
//	p.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"roles": []string{"admin"}}})
//	// … the program under test, with p.Issuer(), client "app", secret "secret"
//
// Left alone, it is honest: discovery, JWKS, the authorization code flow with
// PKCE, ID tokens, refresh tokens that rotate, userinfo, revocation and
// RP-initiated logout, as the specifications have them. [Config] chooses between
// the ways in which honest providers differ.
//
// Faults are put on at three heights, each by one kind of hook, and taken off by
// the function that the hook returns:
//
//   - [Provider.Intercept] goes before a whole endpoint, with a ready-made
//     [Fault] (a status, a redirect, a body without an end, an answer that never
//     comes) or any middleware;
//   - [Provider.OnAnswer] changes the JSON document of an answer, and
//     [Provider.OnCallback] the parameters of a callback;
//   - [Provider.OnIDToken], [Provider.OnAccessToken] and
//     [Provider.OnUserinfoToken] change a token before it is signed: its header,
//     its claims, and who signs it.
//
// Hooks run in the goroutine of the request, several at once where requests are.
//
// [Provider.OnSecret] tells every code, token and other secret, so that a test can see
// to it that none of them is in a log.
//
// What happened is told by [Provider.Calls], [Provider.Requests] and
// [Provider.Reuses].
//
// The provider believes its test, and nothing of it is fit for real users.
package oidctest
