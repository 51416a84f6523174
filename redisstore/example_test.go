package redisstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
)

// One value is Config.Store of a gate, and what coordinates and revokes.
func ExampleNew() {
	store, err := redisstore.New(redisstore.Config{URL: os.Getenv("REDIS_URL"), Prefix: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	// gate, err := gatehouse.New(gatehouse.Config{Store: store, …})
}

// What is wrong is said at once, and without the password.
func ExampleConfig() {
	config := redisstore.Config{URL: "rediss://shop:secret@redis.example:6379", Prefix: "the shop", Lease: time.Millisecond}
	_, err := redisstore.New(config)
	fmt.Println(err)
	fmt.Println(config)
	// Output:
	// Prefix: at most 64 characters, and only letters, digits and -_.: in them
	// Lease: at least 500ms
	// redisstore.Config{URL: rediss://redis.example:6379, Prefix: "the shop"}
}

// A readiness probe reports a Redis that is away, or that came back empty and
// doesn't have the revocations yet.
func ExampleStore_Ready() {
	store, err := redisstore.New(redisstore.Config{URL: os.Getenv("REDIS_URL")})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := store.Ready(ctx); err != nil {
		log.Print(err) // and answer 503
	}
}
