package refresh

import (
	"errors"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/mistake"
)

// Config is what a [Group] is told. Its zero value is usable.
type Config struct {
	// Leeway is how long before its expiry a secret is due, at most a quarter
	// of its lifetime. Default 60 s.
	Leeway time.Duration
	// Timeout is how long one renewal may take. Default 8 s.
	Timeout time.Duration
	// MaxEntries bounds how many results are remembered, and MaxBytes how long
	// their values are together; a value longer than that is not remembered.
	// Results that nobody has asked for in the longest time go first. Default 10,000
	// and 64 MiB.
	MaxEntries, MaxBytes int
	// Coordinator lets several processes renew once. What it is given is sealed.
	// While it can't be asked nothing is renewed, or a secret that is good for one
	// use only might be used twice. Default none: this process renews alone.
	Coordinator Coordinator
	// Clock tells the time. Default time.Now.
	Clock func() time.Time
}

func (c *Config) check() error {
	return errors.Join(
		mistake.Negative("Leeway", c.Leeway),
		mistake.Negative("Timeout", c.Timeout),
		mistake.Negative("MaxEntries", c.MaxEntries),
		mistake.Negative("MaxBytes", c.MaxBytes),
	)
}

func (c *Config) setDefaults() {
	if c.Leeway == 0 {
		c.Leeway = time.Minute
	}
	if c.Timeout == 0 {
		c.Timeout = 8 * time.Second
	}
	if c.MaxEntries == 0 {
		c.MaxEntries = 10_000
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 64 << 20
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
}
