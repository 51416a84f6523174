// Package oidc is a relying party's side of OpenID Connect: discovery, keys, the
// authorization code flow, tokens, userinfo and logout, over
// github.com/coreos/go-oidc and golang.org/x/oauth2, with every check done that
// those leave to their caller.
//
//	client, err := oidc.NewClient(oidc.Config{Issuer: …, ClientID: …, RedirectURL: …})
//	…
//	request := oidc.AuthRequest{State: state, Nonce: nonce, CodeVerifier: verifier}
//	location, err := client.AuthCodeURL(ctx, request)      // send the browser there
//	answer, err := oidc.ParseCallback(r.URL.Query())       // and it comes back
//	err = client.CheckCallback(ctx, answer)
//	grant, err := client.Exchange(ctx, answer.Code, request)
//
// The caller keeps the [AuthRequest] between the two, bound to the browser, and
// compares state.
//
// The other side of it, an API that is called with access tokens, is a [Verifier]:
// JWTs and opaque tokens of several issuers, bound to keys and certificates or not.
//
//	verifier, err := oidc.NewVerifier(oidc.VerifierConfig{Audience: …, Issuers: …})
//	…
//	token, err := verifier.Authenticate(r)
//
// No call to the provider follows a redirect, reads more than 1 MiB or takes
// longer than its deadline, and no error holds what a provider wrote: errors are
// one of [ErrUnavailable], [ErrGrant], [ErrToken] and [ErrClient], and an
// [*Error] with the code.
package oidc
