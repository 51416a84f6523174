package storetest_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/storetest"
)

func memory() *gatehouse.MemoryStore {
	return gatehouse.NewMemoryStore(gatehouse.MemoryStoreConfig{})
}

func TestMemoryStore(t *testing.T) {
	t.Run("sessions", func(t *testing.T) {
		storetest.Store(t, func(testing.TB) (storetest.Sessions, storetest.Sessions) { s := memory(); return s, s })
	})
	t.Run("revocations", func(t *testing.T) {
		storetest.Revocations(t, func(testing.TB) (storetest.Denials, storetest.Denials) { s := memory(); return s, s })
	})
	t.Run("directory", func(t *testing.T) {
		storetest.Directory(t, func(testing.TB) (storetest.Lists, storetest.Lists) { s := memory(); return s, s })
	})
	t.Run("coordinator", func(t *testing.T) {
		storetest.Coordinator(t, func(testing.TB) (storetest.Renewals, storetest.Renewals) { s := memory(); return s, s })
	})
}
