package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/gatehouse-go/gatehouse"
)

// maxAnswer bounds the answers of other services.
const maxAnswer = 1 << 20

// call makes a request of another service and reads its answer. Whose token it
// carries is up to the client.
func call(ctx context.Context, client *http.Client, method, address string, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(r)
	if err != nil {
		var decided *gatehouse.Error
		if errors.As(err, &decided) {
			return decided
		}
		return unavailable(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return unavailable(fmt.Errorf("%s answers %d", r.URL.Host, res.StatusCode))
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(into); err != nil {
		return unavailable(err)
	}
	return nil
}

func unavailable(cause error) error {
	return &gatehouse.Error{Status: http.StatusBadGateway, Message: "Another service that is needed for this does not answer.", Cause: cause}
}
