// Package gatehouse signs people in to an existing net/http application at any
// OpenID Connect provider, keeps their tokens in sealed HTTP-only cookies,
// renews expiring access tokens before the handler runs, and gates routes by
// rules over claims.
//
// A [Gate] is made once, from a [Config], and does two separate things:
//
//   - Establishers put an [Identity] into the request and never refuse it:
//     [Gate.Wrap] reads the session cookie and serves the endpoints below
//     [Config.AuthPath], [Gate.Identify] only reads the cookie, and [Gate.API]
//     answers programs, which are never redirected and may come with an access
//     token in its place ([Config.API]).
//   - Gates refuse: [Gate.RequireLogin], [Gate.Require], and [Gate.Mux], whose
//     patterns each carry their rule.
//
// A service that signs nobody in, and takes access tokens alone, makes its Gate
// with [NewResourceServer].
//
// A gate without an establisher in front of it refuses every request, so
// forgetting one fails closed.
//
// Handlers find out who is asking with [IdentityFrom]; their tests say so with
// [WithIdentity] and [NewIdentity], without any provider.
//
// Sessions live in cookies, or on the server where there is a [Config.Store].
// [Gate.Revoke] ends them, and so does the provider by the back channel; several
// processes obey when they share [Config.Revocations]. Handlers that live long
// work under [Identity.Context].
//
// Everything a Gate touches is safe for concurrent use. [Gate.Close] waits for
// the renewals that are still under way.
package gatehouse
