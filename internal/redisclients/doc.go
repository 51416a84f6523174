// Package redisclients compares the Redis clients that package redisstore could
// be built on, at what it does: reading sessions of 2 kB that rarely change, and
// learning that one did. It is a module of its own, for one of them is used
// nowhere else.
//
//	go test -bench . -benchtime 2s
package redisclients
