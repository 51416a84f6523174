// Package refresh renews a secret once, however many ask at the same time or
// soon after.
//
// A refresh token may be good for one use only (RFC 9700 §4.14.2), and providers
// that see one twice end the whole session. But browsers send many requests at
// once, and lose answers: a page is left, a laptop closed, a connection cut. So
// a [Group] runs one renewal per secret, gives its result to everybody who asks
// with the old secret, and remembers it until the new one has been presented.
//
// Where many processes serve the same people, a [Coordinator] behind the groups
// does the same for all of them.
//
// The package knows nothing about tokens: secrets are named by a hash, results
// are bytes, and the renewal itself is the caller's function.
package refresh
