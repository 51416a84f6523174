//go:build !race

package replicas

// crowd is how many requests each replica gets at once.
const crowd = 500
