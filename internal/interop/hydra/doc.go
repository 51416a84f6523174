// Package hydra holds no code. Its module says which Ory Hydra the tests of
// internal/interop run, with everything that goes into it, so that none of that
// reaches another module:
//
//	go build -tags sqlite -o "$HYDRA" github.com/ory/hydra/v2
//
// That takes a C compiler, and some three minutes of processor time and 540 MB of
// modules where nothing is there yet.
package hydra
