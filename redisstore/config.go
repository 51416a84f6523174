package redisstore

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Config is what a [Store] is told. Its zero value is usable, with a Redis on
// this machine. It prints without its secrets.
type Config struct {
	// URL says where Redis is:
	//
	//	redis://user:password@host:6379/0                one server, or the first of a cluster
	//	rediss://…                                       the same over TLS
	//	redis://host1:6379?addr=host2:6379&addr=host3:6379    a cluster
	//	redis://sentinel1:26379?addr=…&master_set=main   what the sentinels say is the master
	//	unix:///run/redis.sock                           a socket
	//
	// valkey:// and valkeys:// mean the same. Sentinels with a password of their own
	// are told sentinel_password=…, and sentinel_username=… where they have users;
	// rediss:// is for them too. Default redis://localhost:6379.
	URL string `json:"-"`
	// TLS replaces what rediss:// implies: TLS 1.2, the system's authorities, and
	// the URL's host. Default none. It takes a rediss or valkeys URL.
	TLS *tls.Config `json:"-"`
	// Prefix begins every key, before a colon. Applications that share a Redis
	// need different ones. At most 64 letters, digits and "-_.:". Default
	// gatehouse.
	Prefix string
	// Timeout is how long one operation may take, its retries included; waiting
	// for a renewal is another matter. Default 2 s.
	Timeout time.Duration
	// Lease is how long a renewal outlives the process that leads it; until then
	// nobody takes over. A living process keeps its lease, however long the
	// renewal takes, unless it stands still for five sixths of that. At least
	// 500 ms. Default 4 s.
	Lease time.Duration
	// CacheBytes bounds the memory for what Redis has said already, a quarter of
	// it for revocations. It should hold the sessions that are in use on this
	// process. Default 128 MiB.
	CacheBytes int
	// MaxRevocations bounds how many revocations this process remembers in order
	// to publish them again should Redis lose them. Those that end first go
	// first. Default 100,000, about 20 MB.
	MaxRevocations int
	// MaxPerOwner bounds how many entries a directory has for one owner. The
	// oldest go first. Default 100.
	MaxPerOwner int
	// Clock tells the time, for times that are given and returned; Redis expires
	// by its own. Default time.Now.
	Clock func() time.Time
}

const (
	defaultURL    = "redis://localhost:6379"
	defaultPrefix = "gatehouse"
	minLease      = 500 * time.Millisecond
	pingEvery     = 500 * time.Millisecond // on a connection that is silent
	maxPrefix     = 64
)

var errURL = errors.New("URL: must be a redis, rediss, valkey, valkeys or unix URL, such as rediss://user:password@host:6379/0")

func (c *Config) check() error {
	var mistakes []error
	if _, err := c.client(); err != nil {
		mistakes = append(mistakes, err)
	}
	if c.TLS != nil && !strings.HasPrefix(c.URL, "rediss:") && !strings.HasPrefix(c.URL, "valkeys:") {
		mistakes = append(mistakes, fmt.Errorf("%s: takes a rediss or valkeys URL", "TLS"))
	}
	if len(c.Prefix) > maxPrefix || strings.Trim(c.Prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") != "" {
		mistakes = append(mistakes, fmt.Errorf("%s: at most %d characters, and only letters, digits and -_.: in them", "Prefix", maxPrefix))
	}
	if c.Lease != 0 && c.Lease < minLease {
		mistakes = append(mistakes, fmt.Errorf("%s: at least %v", "Lease", minLease))
	}
	for _, field := range []struct {
		name     string
		negative bool
	}{
		{"Timeout", c.Timeout < 0}, {"CacheBytes", c.CacheBytes < 0},
		{"MaxRevocations", c.MaxRevocations < 0}, {"MaxPerOwner", c.MaxPerOwner < 0},
	} {
		if field.negative {
			mistakes = append(mistakes, fmt.Errorf("%s: must not be negative", field.name))
		}
	}
	return errors.Join(mistakes...)
}

func (c *Config) setDefaults() {
	c.URL = orDefault(c.URL, defaultURL)
	c.Prefix = orDefault(c.Prefix, defaultPrefix)
	c.Timeout = orDefault(c.Timeout, 2*time.Second)
	c.Lease = orDefault(c.Lease, 4*time.Second)
	c.CacheBytes = orDefault(c.CacheBytes, 128<<20)
	c.MaxRevocations = orDefault(c.MaxRevocations, 100_000)
	c.MaxPerOwner = orDefault(c.MaxPerOwner, 100)
	if c.Clock == nil {
		c.Clock = time.Now
	}
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// client returns what both connections have in common. Its error says nothing
// of the URL, which holds a password.
func (c *Config) client() (rueidis.ClientOption, error) {
	option, err := parseURL(orDefault(c.URL, defaultURL))
	if err != nil {
		return option, err
	}
	if c.TLS != nil && option.TLSConfig != nil {
		name := option.TLSConfig.ServerName
		option.TLSConfig = c.TLS.Clone()
		option.TLSConfig.ServerName = orDefault(option.TLSConfig.ServerName, name)
	}
	if err := sentinel(&option, c.URL); err != nil {
		return option, errURL
	}
	timeout := orDefault(c.Timeout, 2*time.Second)
	option.Dialer.Timeout = timeout
	option.Dialer.KeepAlive = pingEvery
	option.ConnWriteTimeout = timeout
	option.PipelineMultiplex = -1 // one connection: what is written on it is read on it in order
	option.AlwaysRESP2, option.DisableCache = false, false
	option.RetryDelay = retryDelay
	option.ClusterOption.ShardsRefreshInterval = checkEvery
	option.ClientSetInfo = rueidis.DisableClientSetInfo
	option.Sentinel.Dialer, option.Sentinel.TLSConfig = option.Dialer, option.TLSConfig
	option.Sentinel.TopologyRefreshInterval = checkEvery
	return option, nil
}

// sentinel reads what a URL says of the sentinels' own users.
func sentinel(option *rueidis.ClientOption, text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	query, err := url.ParseQuery(u.RawQuery)
	option.Sentinel.Username, option.Sentinel.Password = query.Get("sentinel_username"), query.Get("sentinel_password")
	return err
}

// parseURL refuses as well what url.Parse takes for a host and is rather a password
// behind which the host is missing. Its error says nothing of the URL.
func parseURL(text string) (rueidis.ClientOption, error) {
	option, err := rueidis.ParseURL(text)
	if err != nil {
		return rueidis.ClientOption{}, errURL
	}
	if u, err := url.Parse(text); err != nil || strings.Contains(u.Hostname(), ":") && !strings.HasPrefix(u.Host, "[") {
		return rueidis.ClientOption{}, errURL
	}
	return option, nil
}

// String returns the configuration without its secrets.
func (c Config) String() string {
	where := defaultURL
	if c.URL != "" {
		where = "(not a URL)"
		_, bad := parseURL(c.URL) // what stands where in a bad one isn't known
		if u, err := url.Parse(c.URL); err == nil && bad == nil {
			where = u.Scheme + "://" + u.Host
		}
	}
	return fmt.Sprintf("redisstore.Config{URL: %s, Prefix: %q}", where, c.Prefix)
}

// Format prints the configuration without its secrets, whatever the verb.
func (c Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.String()) }

// LogValue logs the configuration without its secrets.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
