package main

import (
	"crypto/rand"

	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// What the services are called: as clients of the provider, and as audiences of
// tokens.
const (
	shopClient   = "shop-client"
	ordersClient = "orders-client"
	workerClient = "worker-client"

	ordersAudience = "orders"
	workerAudience = "worker"
)

// secrets are those of the clients, by name.
type secrets map[string]string

func newSecrets() secrets {
	return secrets{shopClient: rand.Text(), ordersClient: rand.Text(), workerClient: rand.Text()}
}

// newProvider issues nothing but bound tokens.
func newProvider(where addresses, known secrets) *oidctest.Provider {
	config := oidctest.Config{Issuer: where.issuer, Algorithm: "ES256", RequireDPoP: true, RequirePushed: true}
	for id, secret := range known {
		client := oidctest.Client{ID: id, Secret: secret, RedirectURIs: []string{}}
		if id == shopClient {
			client.RedirectURIs = []string{where.shop + "/auth/callback"}
		}
		config.Clients = append(config.Clients, client)
	}
	return oidctest.NewProvider(config)
}
