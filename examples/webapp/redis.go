package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/gatehouse-go/gatehouse"
	"github.com/gatehouse-go/gatehouse/redisstore"
)

// useRedis has all replicas share what they know in Redis, where REDIS_URL says
// that there is one: sessions, renewals, revocations, and who is signed in where.
// With REDIS_COORDINATION_ONLY=1 the sessions themselves stay in cookies.
func useRedis(config *gatehouse.Config) (disconnect func(), err error) {
	address, only := os.Getenv("REDIS_URL"), os.Getenv("REDIS_COORDINATION_ONLY")
	switch {
	case only != "" && only != "0" && only != "1":
		return nil, fmt.Errorf("REDIS_COORDINATION_ONLY: must be 0 or 1, is %q", only)
	case address == "" && only == "1":
		return nil, errors.New("REDIS_COORDINATION_ONLY: needs REDIS_URL")
	case address == "":
		return func() {}, nil
	}
	redis, err := redisstore.New(redisstore.Config{URL: address})
	if err != nil {
		return nil, fmt.Errorf("REDIS_URL: %w", err)
	}
	if only == "1" {
		config.Revocations = redis // which coordinates as well
	} else {
		config.Store = redis
	}
	return func() { _ = redis.Close() }, nil
}
