package replicas

import (
	"fmt"
	"os"
	"testing"
)

// What the environment has a process of this program be in place of the tests.
const (
	leaderEnv  = "GATEHOUSE_TEST_LEADER"  // holds the URL of Redis
	replicaEnv = "GATEHOUSE_TEST_REPLICA" // holds orders
)

func TestMain(m *testing.M) {
	for name, be := range map[string]func(string) error{leaderEnv: lead, replicaEnv: serve} {
		if told := os.Getenv(name); told != "" {
			if err := be(told); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	os.Exit(m.Run())
}
