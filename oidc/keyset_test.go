package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TestKeysAreReadOnceForAllWhoLooked: who comes to read the keys after others have,
// and looked before them, has what they read. Who knows that already reads anew.
func TestKeysAreReadOnceForAllWhoLooked(t *testing.T) {
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: fuzzKey.Public(), KeyID: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	provider := &canned{}
	provider.answer(0, "application/json", set) // 200
	c := newCaller(fuzzIssuer, &http.Client{Transport: provider}, nil, func() time.Time { return time.Unix(fuzzNow, 0) }, false)
	k := newKeySet(c, func(context.Context) (string, error) { return fuzzIssuer + "/jwks", nil })
	var known *published
	for calls := 1; calls <= keysBurst; calls++ {
		first, err := k.refetch(t.Context(), known)
		if err != nil || first == known {
			t.Fatalf("%v, %v", first, err)
		}
		for range 10 { // more often than the bucket allows
			if late, err := k.refetch(t.Context(), known); err != nil || late != first {
				t.Errorf("whoever is late has %p, %v", late, err)
			}
		}
		if provider.calls != calls {
			t.Fatalf("read %d times, want %d", provider.calls, calls)
		}
		known = first
	}
	if _, err := k.refetch(t.Context(), known); !errors.Is(err, errEmptyBucket) {
		t.Errorf("read too often: %v", err)
	}
}
