package redisstore_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
)

const password = "swordfish-7d1"

func TestMistakesAreReportedTogether(t *testing.T) {
	_, err := redisstore.New(redisstore.Config{
		URL: "http://user:" + password + "@host", Prefix: "a{b}", Timeout: -1, Lease: time.Millisecond, CacheBytes: -1, MaxRevocations: -1, MaxPerOwner: -1,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, field := range []string{"URL", "Prefix", "Timeout", "Lease", "CacheBytes", "MaxRevocations", "MaxPerOwner"} {
		if !strings.Contains(err.Error(), field+": ") {
			t.Errorf("%s isn't mentioned: %v", field, err)
		}
	}
	if strings.Contains(err.Error(), password) {
		t.Errorf("the password is: %v", err)
	}
}

func TestURLs(t *testing.T) {
	for url, ok := range map[string]bool{
		"":                                   true,
		"redis://localhost":                  true,
		"redis://:secret@localhost:6379/3":   true,
		"rediss://user:secret@redis.example": true,
		"valkey://localhost":                 true,
		"valkeys://localhost":                true,
		"unix:///run/redis.sock":             true,
		"redis://a:1?addr=b:2&addr=c:3":      true,
		"redis://a:1?master_set=main":        true,
		"localhost:6379":                     false,
		"redis://localhost/x":                false,
		"redis://[::1]:6379":                 true,
		"redis://:" + password + ":6379":     false,
		"redis://user:pass word@host:6379":   false,
		"://" + password:                     false,
		"redis://" + password + "@[bad":      false,
	} {
		s, err := redisstore.New(redisstore.Config{URL: url})
		if (err == nil) != ok || (err != nil && strings.Contains(err.Error(), password)) {
			t.Errorf("%q: %v", url, err)
		}
		if s != nil {
			_ = s.Close()
		}
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	config := redisstore.Config{URL: "redis://user:" + password + "@redis.example:6379/0?password=" + password}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(&out, verb+verb+"\n", config, &config)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", config, "pointer", &config)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", config, "in", struct{ C redisstore.Config }{config})
	if err := json.NewEncoder(&out).Encode(map[string]any{"URL": config.String()}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), password) || strings.Contains(out.String(), "user") {
		t.Errorf("printed: %s", out.String())
	}
	if !strings.Contains(out.String(), "redis.example:6379") {
		t.Errorf("says nothing: %s", out.String())
	}
}
