package redisstore_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/redisstore"
	"github.com/gatehouse-go/gatehouse/redisstore/redistest"
)

func TestOldestEntriesMakeRoom(t *testing.T) {
	server := redistest.Start(t)
	now := time.Now()
	s := open(t, redisstore.Config{URL: server.URL(), MaxPerOwner: 5, Clock: func() time.Time { return now }})
	for i := range 20 {
		now = now.Add(time.Second)
		if err := s.Enter(t.Context(), "alice", fmt.Sprint(i), []byte("x"), now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if i == 16 { // anew, so not the oldest any more
			if err := s.Enter(t.Context(), "alice", "12", []byte("y"), now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := s.List(t.Context(), "alice")
	if err != nil || len(entries) != 5 || string(entries["12"]) != "y" || entries["19"] == nil || entries["15"] != nil {
		t.Errorf("%q, %v", entries, err)
	}
}

// use does everything once.
func use(t testing.TB, s *redisstore.Store) {
	t.Helper()
	ctx := t.Context()
	save(t, s, "a", nil, make([]byte, 2000))
	revoke(t, s, "n")
	if err := s.Enter(ctx, "alice", "1", []byte("x"), time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	_, finish, err := s.Join(ctx, "r1")
	if err != nil || finish == nil {
		t.Fatalf("Join: %v", err)
	}
	if err := finish(ctx, []byte("result"), "r2", time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if err := s.Shorten(ctx, "r2", time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if err := s.Forget(ctx, "r3"); err != nil {
		t.Error(err)
	}
	if _, _, err := s.Join(ctx, "r4"); err != nil { // a lease
		t.Error(err)
	}
	if value, err := s.Load(ctx, "a"); len(value) != 2000 || err != nil {
		t.Errorf("%d bytes, %v", len(value), err)
	}
	if entries, err := s.List(ctx, "alice"); len(entries) != 1 || err != nil {
		t.Errorf("%v, %v", entries, err)
	}
	if before, err := s.Revoked(ctx, "n", "m"); err != nil || before[0].IsZero() || !before[1].IsZero() {
		t.Errorf("%v, %v", before, err)
	}
}

// TestEverythingExpires looks at every key there is.
func TestEverythingExpires(t *testing.T) {
	server := redistest.Start(t)
	use(t, open(t, redisstore.Config{URL: server.URL(), Prefix: "shop"}))
	got := server.Do("EVAL", `
local kinds = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  kinds[#kinds+1] = key
  if redis.call('PTTL', key) <= 0 then kinds[#kinds+1] = 'WITHOUT END' end
end
table.sort(kinds)
return table.concat(kinds, ' ')`, "0")
	want := "shop:d:{alice} shop:e:{epoch} shop:o:{r2} shop:r:{r1} shop:r:{r4} shop:s:{a} shop:v:{n}"
	if got != want {
		t.Errorf("keys are %s, want %s", got, want)
	}
}

func TestPassword(t *testing.T) {
	server := redistest.Start(t, "--requirepass", password)
	url := "redis://:" + password + "@" + server.Addr()
	use(t, open(t, redisstore.Config{URL: url}))
	wrong := open(t, redisstore.Config{URL: "redis://:" + password + "x@" + server.Addr()})
	if err := wrong.Ready(t.Context()); err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	authorities := certificate(t, dir)
	plain := redistest.Start(t, "--tls-port", "0") // only to know whether the program is there
	plain.Stop()
	host, port := splitFree(t)
	server := redistest.Start(t, "--tls-port", port, "--tls-cert-file", filepath.Join(dir, "cert.pem"),
		"--tls-key-file", filepath.Join(dir, "key.pem"), "--tls-ca-cert-file", filepath.Join(dir, "cert.pem"), "--tls-auth-clients", "no")
	defer server.Stop()
	url := "rediss://" + net.JoinHostPort(host, port)
	use(t, open(t, redisstore.Config{URL: url, TLS: &tls.Config{RootCAs: authorities}}))
	if err := open(t, redisstore.Config{URL: url}).Ready(t.Context()); err == nil {
		t.Error("a certificate that nobody vouches for is trusted")
	}
}

// splitFree is a port that is the test's.
func splitFree(t testing.TB) (host, port string) {
	t.Helper()
	host, port, _ = net.SplitHostPort(redistest.Port(t))
	return host, port
}

// certificate writes one for 127.0.0.1 that vouches for itself.
func certificate(t testing.TB, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return authorities
}

func TestNames(t *testing.T) {
	s := open(t, redisstore.Config{URL: redistest.Start(t).URL()})
	for _, name := range []string{"", strings.Repeat("x", 257)} {
		if _, err := s.Load(t.Context(), name); err == nil {
			t.Errorf("loading %q", name)
		}
		if err := s.Revoke(t.Context(), name, time.Now(), time.Now().Add(time.Hour)); err == nil {
			t.Errorf("revoking %q", name)
		}
		if _, _, err := s.Join(t.Context(), name); err == nil {
			t.Errorf("joining %q", name)
		}
	}
}

// TestRevocationsHeldAreBounded: more are obeyed than are held.
func TestRevocationsHeldAreBounded(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(), MaxRevocations: 10})
	for i := range 100 {
		revoke(t, s, fmt.Sprint("n", i))
	}
	for i := range 100 {
		if !isRevoked(t, s, fmt.Sprint("n", i)) {
			t.Errorf("n%d isn't revoked", i)
		}
	}
}

// TestNothingRunsAfterClose, whatever was going on.
func TestNothingRunsAfterClose(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	time.Sleep(50 * time.Millisecond)
	before := runtime.NumGoroutine()
	for range 3 {
		s, err := redisstore.New(redisstore.Config{URL: server.URL()})
		if err != nil {
			t.Fatal(err)
		}
		save(t, s, "a", nil, []byte("x"))
		if _, _, err := s.Join(t.Context(), "r"+fmt.Sprint(time.Now().UnixNano())); err != nil { // never finished
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		waiting, err := redisstore.New(redisstore.Config{URL: server.URL()})
		if err != nil {
			t.Fatal(err)
		}
		_ = waiting.Close() // before it is connected
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
	}
	proxy.Silence(true)
	away, err := redisstore.New(redisstore.Config{URL: proxy.URL()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = away.Ready(ctx)
	if err := away.Close(); err != nil {
		t.Fatal(err)
	}
	proxy.Cut()
	eventually(t, "nothing runs", func() bool { return runtime.NumGoroutine() <= before })
}

// TestLeastPrivilege runs as the user that the README has administrators make.
func TestLeastPrivilege(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, ok := strings.Cut(string(readme), "ACL SETUSER shop on >PASSWORD ")
	if !ok {
		t.Fatal("the README has no rule")
	}
	rule, _, _ = strings.Cut(rule, "```")
	server := redistest.Start(t)
	server.Do(append([]string{"ACL", "SETUSER", "shop", "on", ">" + password}, strings.Fields(strings.ReplaceAll(rule, "\\\n", " "))...)...)
	s := open(t, redisstore.Config{URL: "redis://shop:" + password + "@" + server.Addr()})
	use(t, s)
	eventually(t, "ready", func() bool { return s.Ready(t.Context()) == nil })
	server.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if log := server.Do("ACL", "LOG"); strings.Contains(log, "shop") {
		t.Errorf("refused: %s", log)
	}
}
