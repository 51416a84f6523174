package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/pem"
	"github.com/gatehouse-go/gatehouse/rbac"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// OIDCProvider is oidc-provider, run by Node.js as a child process. Without
// node, or without the packages that "npm ci" in the folder oidcprovider brings,
// starting it skips the test, and fails it where REQUIRE_NODE is set.
func OIDCProvider() Provider {
	return Provider{
		Name: "oidc-provider",
		Traits: Traits{
			AccessLifetime: time.Minute,
			Scopes:         []string{"openid", "profile", "email", "groups", "offline_access"},
			Rotates:        true,
			FamilyRevoked:  true,
			DeadCode:       "invalid_grant",
			ClientCode:     "invalid_client",
			AuthTime:       true,
			RenewedNonce:   true,
			Issuer:         true,
			ConsentFirst:   true,
			UserinfoOnly:   true,
			RoleClaim:      rbac.Path{"groups"},
			Session:        true,
			EndSession:     true,
			Backchannel:    true,
			Echo:           true,
			Revocation:     true,
			Cancel:         true,
			FormPost:       true,
		},
		secret: "to be +encoded: 100%/&=",
		open:   openOIDCProvider,
	}
}

// openOIDCProvider returns a reverse proxy to the child.
func openOIDCProvider(t testing.TB, s *Server) http.Handler {
	t.Helper()
	port := startNode(t, settings(t, s))
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: "127.0.0.1:" + port})
		r.Out.Host = r.In.Host
	}}
}

func settings(t testing.TB, s *Server) string {
	t.Helper()
	var people []map[string]string
	for _, who := range People() {
		people = append(people, map[string]string{"login": who.Login, "name": who.Name, "email": who.Email, "role": who.Role})
	}
	text, err := json.Marshal(map[string]any{
		"issuer": s.Issuer,
		"people": people,
		"client": map[string]any{
			"id":                    s.Client.ID,
			"secret":                s.Client.Secret,
			"auth":                  s.Client.Auth,
			"jwks":                  s.Client.jwks(t),
			"redirectURI":           s.Client.RedirectURI,
			"postLogoutRedirectURI": s.Client.PostLogoutRedirectURI,
			"backchannelLogoutURI":  s.Client.BackchannelLogoutURI,
		},
		"constrained":        s.constrained,
		"accessTokenSeconds": s.Traits.AccessLifetime / time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// startNode runs server.mjs and returns the port it listens at.
func startNode(t testing.TB, settings string) string {
	t.Helper()
	folder := nodeFolder(t)
	child := exec.Command("node", "server.mjs", settings)
	child.Dir = folder
	child.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+certificate(t))
	complaints := new(buffer)
	child.Stderr = complaints
	alive, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	says, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = alive.Close()
		_ = child.Process.Kill()
		_ = child.Wait()
		if t.Failed() {
			t.Logf("oidc-provider says:\n%s", complaints)
		}
	})
	port, err := bufio.NewReader(says).ReadString('\n')
	if err != nil {
		t.Fatalf("oidc-provider doesn't start: %v\n%s", err, complaints)
	}
	return strings.TrimSpace(port)
}

// certificate is a file with that of httptest, which applications have.
func certificate(t testing.TB) string {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	path := filepath.Join(t.TempDir(), "certificate.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// nodeFolder is where server.mjs and its packages are.
func nodeFolder(t testing.TB) string {
	t.Helper()
	const folder = "oidcprovider" // tests run in the folder of their package
	missing := ""
	if _, err := exec.LookPath("node"); err != nil {
		missing = "node is not installed"
	} else if _, err := os.Stat(filepath.Join(folder, "node_modules", "oidc-provider")); err != nil {
		missing = `its packages are not installed: run "npm ci" in internal/interop/oidcprovider`
	}
	switch {
	case missing == "":
	case os.Getenv("REQUIRE_NODE") != "":
		t.Fatalf("oidc-provider can't run: %s", missing)
	default:
		t.Skipf("oidc-provider is left out: %s", missing)
	}
	return folder
}

// buffer can be read while it is written to.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
