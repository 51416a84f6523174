//go:build race

package replicas

// crowd is how many requests each replica gets at once. The race detector makes
// everything tenfold slower, and a machine that is too busy answers 503.
const crowd = 100
