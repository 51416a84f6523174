package refresh

import (
	"context"
	"errors"

	"github.com/gatehouse-go/gatehouse/internal/caught"
)

// errAborted is the error of a renewal that ended its goroutine.
var errAborted = errors.New("refresh: the renewal did not return")

// flight is a renewal that may have any number of passengers. Its result and
// error are read only after done is closed.
type flight struct {
	done   chan struct{}
	result Result
	err    error
	// forgotten says that a sign-out came in between. The group's lock guards it.
	forgotten bool
	// shared says that the coordinator has the result.
	shared bool
}

// fly runs renew. Whatever that does, returning, panicking or ending the
// goroutine, the flight has a result or an error then.
func (f *flight) fly(ctx context.Context, renew func(context.Context) (Result, error)) {
	f.err = errAborted
	defer caught.Into(&f.err, "refresh: the renewal")
	result, err := renew(ctx)
	if f.err = err; err == nil {
		f.result = result
	}
}

// wait returns what came of the flight, or ctx's error if that ends first.
func (f *flight) wait(ctx context.Context) ([]byte, error) {
	select {
	case <-f.done:
		return f.result.Value, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
