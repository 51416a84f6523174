package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hydraConfig is the configuration file, but for what belongs to one process.
func hydraConfig(s *Server, settings HydraSettings) map[string]any {
	tokens := "opaque"
	if settings.JWTs {
		tokens = "jwt"
	}
	return map[string]any{
		"log": map[string]any{"level": "warn"},
		"urls": map[string]any{
			"self":                 map[string]any{"issuer": s.Issuer, "public": s.Issuer},
			"login":                s.Issuer + "/login",
			"consent":              s.Issuer + "/consent",
			"logout":               s.Issuer + "/logout",
			"post_logout_redirect": s.Issuer + "/goodbye",
		},
		"strategies": map[string]any{"access_token": tokens},
		"ttl":        map[string]any{"access_token": s.Traits.AccessLifetime.String()},
		"oauth2": map[string]any{
			"pkce":    map[string]any{"enforced": true},
			"grant":   map[string]any{"refresh_token": map[string]any{"rotation_grace_period": settings.Grace.String()}},
			"hashers": map[string]any{"algorithm": "bcrypt", "bcrypt": map[string]any{"cost": 4}},
		},
	}
}

// startHydra runs it at the sockets public and admin of a folder.
func startHydra(t testing.TB, binary, folder string, config map[string]any) {
	t.Helper()
	database, err := hydraDatabase()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "db"), database, 0o600); err != nil {
		t.Fatal(err)
	}
	says := new(buffer)
	end, err := runHydra(binary, folder, config, says)
	t.Cleanup(func() {
		end()
		if t.Failed() {
			t.Logf("hydra says:\n%s", says)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hydraDatabase is a database with its tables and keys, which take seconds to make.
var hydraDatabase = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "hydra")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	binary, says := os.Getenv("HYDRA"), new(buffer)
	migrate := exec.Command(binary, "migrate", "sql", "--read-from-env", "--yes")
	migrate.Env = append(os.Environ(), "DSN="+hydraDSN(folder))
	migrate.Stderr = says
	if err := migrate.Run(); err != nil {
		return nil, fmt.Errorf("hydra can't make its tables: %w\n%s", err, says)
	}
	end, err := runHydra(binary, folder, map[string]any{}, says)
	end()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, says)
	}
	return os.ReadFile(filepath.Join(folder, "db"))
})

func hydraDSN(folder string) string {
	return "sqlite://" + filepath.Join(folder, "db") + "?_fk=true"
}

// runHydra starts it, and returns when it answers, or has ended. end ends it.
func runHydra(binary, folder string, config map[string]any, says io.Writer) (end func(), err error) {
	config["dsn"] = hydraDSN(folder)
	config["serve"] = map[string]any{
		"public": map[string]any{"host": "unix:" + filepath.Join(folder, "public")},
		"admin":  map[string]any{"host": "unix:" + filepath.Join(folder, "admin")},
	}
	config["secrets"] = map[string]any{"system": []string{"keys are made with it, and kept"}}
	text, err := json.Marshal(config)
	if err != nil {
		return func() {}, err
	}
	file := filepath.Join(folder, "hydra.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return func() {}, err
	}
	child := exec.Command(binary, "serve", "all", "--dev", "--sqa-opt-out", "--config", file)
	child.Stdout, child.Stderr = says, says
	if err := child.Start(); err != nil {
		return func() {}, err
	}
	ended := make(chan struct{})
	go func() {
		_ = child.Wait()
		close(ended)
	}()
	end = func() {
		_ = child.Process.Signal(syscall.SIGTERM)
		<-ended
	}
	return end, awaitHydra(folder, ended)
}

var errHydraEnded = errors.New("hydra has ended")

// awaitHydra returns when both sockets answer, and there are keys.
func awaitHydra(folder string, ended <-chan struct{}) error {
	for name, path := range map[string]string{"admin": "/health/ready", "public": "/.well-known/jwks.json"} {
		client := http.Client{Transport: hydraSocket(filepath.Join(folder, name))}
		for {
			res, err := client.Get("http://hydra" + path)
			if err == nil {
				res.Body.Close()
				break
			}
			select {
			case <-ended:
				return errHydraEnded
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}
