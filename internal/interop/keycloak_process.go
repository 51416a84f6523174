package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// keycloakProcess is the child, and who may do everything there.
type keycloakProcess struct {
	address string
	secret  string // the administrator's
	says    buffer
	alive   io.Closer
	ended   chan struct{}

	mu     sync.Mutex
	realms map[string]bool
	// lent is held by the test whose clock the process goes by.
	lent sync.Mutex
}

var (
	keycloakOnce sync.Once
	keycloakRuns *keycloakProcess
	keycloakFail error
)

// StopKeycloak ends what the tests share, when they are over.
func StopKeycloak() {
	if keycloakRuns != nil {
		_ = keycloakRuns.alive.Close()
		<-keycloakRuns.ended
	}
}

// startKeycloak returns the process, which the first who asks starts.
func startKeycloak(t testing.TB) *keycloakProcess {
	t.Helper()
	script := keycloakScript(t)
	keycloakOnce.Do(func() { keycloakRuns, keycloakFail = runKeycloak(script, certificate(t)) })
	if keycloakFail != nil {
		t.Fatal(keycloakFail)
	}
	return keycloakRuns
}

// keycloakScript is what starts the server.
func keycloakScript(t testing.TB) string {
	t.Helper()
	missing := ""
	scripts, err := filepath.Glob(filepath.Join("keycloak", "target", "keycloak-*", "bin", "kc.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("java"); err != nil {
		missing = "java is not installed"
	} else if len(scripts) != 1 {
		missing = `it is not unpacked: run "mvn package" in internal/interop/keycloak`
	}
	switch {
	case missing == "":
	case os.Getenv("REQUIRE_KEYCLOAK") != "":
		t.Fatalf("Keycloak can't run: %s", missing)
	default:
		t.Skipf("Keycloak is left out: %s", missing)
	}
	return scripts[0]
}

// watched runs a command that is told to end when standard input does, which it
// does even when the tests are killed.
const watched = `exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ read -r _ <&3; kill $server; } >/dev/null 2>&1 &
wait $server`

// runKeycloak starts the child and returns once it answers. What it knows is in
// memory alone.
func runKeycloak(script, certificate string) (*keycloakProcess, error) {
	address, err := hold(func(func()) {}) // until the tests are over
	if err != nil {
		return nil, err
	}
	trusted, err := os.ReadFile(certificate)
	if err != nil {
		return nil, err
	}
	home := filepath.Dir(filepath.Dir(script))
	if err := os.WriteFile(filepath.Join(home, "conf", "truststores", "applications.pem"), trusted, 0o600); err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address)
	k := &keycloakProcess{address: address, secret: rand.Text(), ended: make(chan struct{}), realms: map[string]bool{}}
	child := exec.Command("sh", "-c", watched, "sh", script, "start-dev", "--db=dev-mem", "--http-host=127.0.0.1", "--http-port="+port)
	child.Env = append(os.Environ(),
		"KC_BOOTSTRAP_ADMIN_CLIENT_ID=gatehouse", "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET="+k.secret,
		// Nothing here runs for so long that the better compiler pays.
		"JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1")
	child.Stdout, child.Stderr = &k.says, &k.says
	if k.alive, err = child.StdinPipe(); err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = child.Wait()
		close(k.ended)
	}()
	if err := k.await(); err != nil {
		_ = k.alive.Close()
		return nil, fmt.Errorf("keycloak doesn't start: %w\n%s", err, &k.says)
	}
	return k, nil
}

// await returns once the server answers, and no other can: the port is ours. The first
// start of all takes longest, since the server is built then.
func (k *keycloakProcess) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-k.ended:
			return errors.New("it ended")
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+k.address+"/realms/master", nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(r); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
}

// realm returns the name of the realm with rotation, or of the one without. It is
// made when first asked for.
func (k *keycloakProcess) realm(t testing.TB, rotates bool) string {
	t.Helper()
	name := map[bool]string{false: "keeping", true: "rotating"}[rotates]
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.realms[name] {
		k.do(t, http.MethodPost, "/admin/realms", realmOf(name, rotates))
		k.realms[name] = true
	}
	return name
}

// lend has the process go by a clock until the test is over. Others wait.
func (k *keycloakProcess) lend(t testing.TB, clock *Clock) {
	k.lent.Lock()
	t.Cleanup(k.lent.Unlock)
	clock.tell = func(ahead time.Duration) {
		t.Helper()
		k.do(t, http.MethodPut, "/realms/master/gatehouse-clock/"+strconv.Itoa(int(ahead/time.Second)), nil)
	}
	clock.Advance(0)
}

// do calls the admin API.
func (k *keycloakProcess) do(t testing.TB, method, path string, body any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+k.address+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+k.token(t))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode > 299 {
		t.Fatalf("%s %s: %s %s", method, path, res.Status, answer)
	}
	return answer
}

// token is the administrator's.
func (k *keycloakProcess) token(t testing.TB) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"gatehouse"}, "client_secret": {k.secret}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+k.address+"/realms/master/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("no token for the administrator: %s %v", res.Status, err)
	}
	return answer.AccessToken
}
