// Package replicas tests several processes' worth of gatehouse on one real
// Redis. It is a module of its own, because the adapter knows nothing of the
// library, nor the library of the adapter.
package replicas
