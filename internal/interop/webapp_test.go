package interop_test

import (
	"bufio"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/interop"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// TestWebapp drives examples/webapp from outside, as it is deployed: one static
// binary that the environment configures, at plain http on loopback and behind a
// proxy that ends TLS.
func TestWebapp(t *testing.T) {
	binary := buildWebapp(t)
	for name, site := range map[string]func(*testing.T, string) *httptest.Server{"http": plainSite, "behind a TLS proxy": tlsSite} {
		t.Run(name, func(t *testing.T) {
			eachProvider(t, func(t *testing.T, p interop.Provider) { newDeployment(t, binary, p, site).tour() })
		})
	}
}

// TestWebappMisconfigured: it doesn't start, and says all that is wrong at once.
func TestWebappMisconfigured(t *testing.T) {
	const secret = "not-a-key-but-a-secret"
	program := exec.Command(buildWebapp(t))
	program.Env = []string{"LISTEN_ADDR=127.0.0.1:0", "OIDC_ISSUER=https://idp.example.com", "SESSION_KEYS=" + secret, "OIDC_CLIENT_SECRET=" + secret}
	text, err := program.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("%v, want exit code 1", err)
	}
	for _, name := range []string{"BASE_URL", "OIDC_CLIENT_ID", "SESSION_KEYS"} {
		if !strings.Contains(string(text), name) {
			t.Errorf("%s is not named: %s", name, text)
		}
	}
	if strings.Contains(string(text), secret) {
		t.Errorf("it shows a secret: %s", text)
	}
}

// buildWebapp returns the path of the program.
func buildWebapp(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "webapp")
	build := exec.Command("go", "build", "-C", "../../examples/webapp", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	wantStatic(t, path)
	return path
}

// wantStatic fails the test when a program needs libraries to run.
func wantStatic(t *testing.T, path string) {
	t.Helper()
	program, err := elf.Open(path)
	if err != nil {
		t.Logf("no ELF file: %v", err) // another system's
		return
	}
	defer program.Close()
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 || program.Section(".interp") != nil {
		t.Errorf("the program is not static: %v, %v", libraries, err)
	}
}

// deployment is the program, running, and the provider it trusts.
type deployment struct {
	*testing.T
	binary   string
	provider interop.Provider
	server   *interop.Server
	site     *httptest.Server // what browsers see
	address  string           // where the program listens
	key      string
	program  *exec.Cmd
	log      *lines
}

// plainSite is the program itself; the server is never started.
func plainSite(_ *testing.T, address string) *httptest.Server {
	return &httptest.Server{URL: "http://" + address, Config: &http.Server{}}
}

// tlsSite is a proxy in front, which says of requests what such proxies say.
func tlsSite(t *testing.T, address string) *httptest.Server {
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: address})
		r.SetXForwarded()
	}}
	site := httptest.NewTLSServer(proxy)
	t.Cleanup(site.Close)
	return site
}

func newDeployment(t *testing.T, binary string, p interop.Provider, site func(*testing.T, string) *httptest.Server) *deployment {
	t.Helper()
	address := interop.Port(t) // also while the program isn't there
	d := &deployment{T: t, binary: binary, provider: p, site: site(t, address), address: address, key: cookie.NewKey().Encode(), log: new(lines)}
	d.server = p.Start(t, d.site.URL, new(interop.Clock))
	d.start(d.key)
	return d
}

// start runs the program with nothing in its environment but what it is told.
func (d *deployment) start(keys string) {
	d.Helper()
	d.program = exec.Command(d.binary)
	d.program.Env = []string{
		"LISTEN_ADDR=" + d.address, "BASE_URL=" + d.site.URL, "OIDC_ISSUER=" + d.server.Issuer,
		"OIDC_CLIENT_ID=" + d.server.Client.ID, "OIDC_CLIENT_SECRET=" + d.server.Client.Secret, "SESSION_KEYS=" + keys,
	}
	d.program.Stdout, d.program.Stderr = d.log, d.log
	if err := d.program.Start(); err != nil {
		d.Fatal(err)
	}
	program := d.program
	d.Cleanup(func() {
		if program.ProcessState == nil { // a test that failed halfway
			_ = program.Process.Kill()
			_ = program.Wait()
		}
	})
	d.waitFor("listens", d.listens)
}

func (d *deployment) listens() bool {
	conn, err := net.Dial("tcp", d.address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// waitFor returns once something is so of the program.
func (d *deployment) waitFor(what string, is func() bool) {
	d.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(25 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.Fatalf("the program never %s: %s", what, d.log)
		}
	}
}

// tour is what a person and scripts do there from beginning to end.
func (d *deployment) tour() {
	b := interop.NewBrowser(d, d.client())
	d.stranger(b)
	page := d.signIn(b, "/me", interop.Alice)
	token := d.whoIs(page)
	d.signedIn(b, token)
	d.anotherPerson()
	d.signOut(b)
	d.terminate()

	d.start(cookie.NewKey().Encode() + "," + d.key)
	d.wants(b.Open(d.site.URL+"/me"), http.StatusOK, interop.Bob.Email) // still signed in
	d.terminate()
}

// client trusts the site's certificate.
func (d *deployment) client() *http.Client {
	if strings.HasPrefix(d.site.URL, "https:") {
		return d.site.Client()
	}
	return http.DefaultClient
}

// wants fails the test unless a page has this status and says this.
func (d *deployment) wants(page interop.Page, status int, says string) interop.Page {
	d.Helper()
	if page.Status != status || !strings.Contains(page.Body, says) {
		d.Errorf("want %d and %q, got %s", status, says, page)
	}
	return page
}

// stranger is somebody who isn't signed in, and scripts of theirs.
func (d *deployment) stranger(b *interop.Browser) {
	d.wants(b.Open(d.site.URL+"/"), http.StatusOK, "Hello, stranger")
	d.wants(b.Open(d.site.URL+"/healthz"), http.StatusOK, "ok")
	d.wants(b.Open(d.site.URL+"/readyz"), http.StatusOK, "ready")
	for _, page := range []interop.Page{
		b.Open(d.site.URL + "/api/me"), // not even for a browser does the API redirect
		b.Fetch(http.MethodGet, d.site.URL+"/api/me"),
		b.Fetch(http.MethodPost, d.site.URL+"/api/me"),
		b.Fetch(http.MethodGet, d.site.URL+"/me"),
		b.Fetch(http.MethodGet, d.site.URL+"/auth/session"),
	} {
		d.wants(page, http.StatusUnauthorized, "")
		if kind := page.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/problem+json") || page.Header.Get("Location") != "" {
			d.Errorf("%v: %s", page.Header, page)
		}
	}
	if cookies := b.Cookies(d.site.URL); len(cookies) != 0 {
		d.Errorf("cookies of a stranger's: %v", cookies)
	}
}

// signIn opens a page and answers what the provider asks.
func (d *deployment) signIn(b *interop.Browser, path string, who interop.Person) interop.Page {
	d.Helper()
	page, err := d.server.SignIn(b, b.Open(d.site.URL+path), who)
	if err != nil {
		d.Fatal(err)
	}
	if page.URL.String() != d.site.URL+path {
		d.Fatalf("the sign-in ends at %s", page)
	}
	return page
}

// whoIs reads /me, and returns the access token.
func (d *deployment) whoIs(page interop.Page) string {
	d.Helper()
	d.wants(page, http.StatusOK, "")
	var me struct {
		Sub       string         `json:"sub"`
		Token     string         `json:"token"`
		Claims    map[string]any `json:"claims"`
		ExpiresIn float64        `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(page.Body), &me); err != nil {
		d.Fatalf("%v: %s", err, page)
	}
	if me.Sub == "" || me.Claims["sub"] != me.Sub || me.Claims["iss"] != d.server.Issuer || me.Claims["email"] != interop.Alice.Email {
		d.Errorf("/me says %s", page)
	}
	if lifetime := d.provider.Traits.AccessLifetime.Seconds(); me.ExpiresIn > lifetime || me.ExpiresIn < lifetime/2 {
		d.Errorf("expires_in is %v, want up to %v", me.ExpiresIn, lifetime)
	}
	if said, err := d.server.Userinfo(d.Context(), me.Token); err != nil || said["sub"] != me.Sub {
		d.Errorf("the provider says of the token: %v, %v", said, err)
	}
	return me.Token
}

// signedIn is what somebody sees who is, and their cookies.
func (d *deployment) signedIn(b *interop.Browser, token string) {
	d.wants(b.Open(d.site.URL+"/"), http.StatusOK, "You are signed in")
	d.wants(b.Fetch(http.MethodGet, d.site.URL+"/api/me"), http.StatusOK, token)
	session := d.wants(b.Fetch(http.MethodGet, d.site.URL+"/auth/session"), http.StatusOK, d.site.URL+"/auth/logout")
	if strings.Contains(session.Body, token) {
		d.Errorf("/auth/session shows the token: %s", session)
	}
	if slices.Equal(d.provider.Traits.RoleClaim, rbac.Path{"roles"}) { // where the program looks for them
		d.wants(b.Open(d.site.URL+"/admin"), http.StatusOK, "admin ok")
	} else {
		d.wants(b.Open(d.site.URL+"/admin"), http.StatusForbidden, "")
	}
	cookies := b.Cookies(d.site.URL)
	secure := strings.HasPrefix(d.site.URL, "https:")
	if len(cookies) != 1 || strings.HasPrefix(cookies[0].Name, "__Host-") != secure {
		d.Errorf("cookies: %v", cookies)
	}
}

// anotherPerson signs in elsewhere, watching what cookies are set.
func (d *deployment) anotherPerson() {
	b := interop.NewBrowser(d, d.client())
	secure, set := strings.HasPrefix(d.site.URL, "https:"), 0
	b.Watch(func(res *http.Response) {
		if !strings.HasPrefix(d.site.URL, res.Request.URL.Scheme+"://"+res.Request.URL.Host) {
			return // the provider's
		}
		for _, c := range res.Cookies() {
			set++
			if c.Secure != secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || c.Path != "/" || strings.HasPrefix(c.Name, "__Host-") != secure {
				d.Errorf("%s sets %s", res.Request.URL.Path, c)
			}
			if res.Header.Get("Cache-Control") != "no-store" {
				d.Errorf("%s sets a cookie with Cache-Control %q", res.Request.URL.Path, res.Header.Get("Cache-Control"))
			}
		}
	})
	d.wants(d.signIn(b, "/admin", interop.Bob), http.StatusForbidden, "")
	d.wants(b.Open(d.site.URL+"/me"), http.StatusOK, interop.Bob.Email)
	if set < 3 { // that of the login, its removal, and the session's
		d.Errorf("%d cookies were set", set)
	}
}

// signOut presses the button, at the provider too, and signs in again.
func (d *deployment) signOut(b *interop.Browser) {
	asked := d.wants(b.Open(d.site.URL+"/auth/logout"), http.StatusOK, "") // typed, so that it asks first
	forms, err := asked.Forms()
	if err != nil || len(forms) == 0 {
		d.Fatalf("no button to sign out: %v: %s", err, asked)
	}
	page, err := d.server.SignIn(b, b.Submit(asked, forms[0]), interop.Person{})
	if err != nil {
		d.Fatal(err)
	}
	d.wants(page, http.StatusOK, "Hello, stranger")
	if page.URL.Path != "/" || len(b.Cookies(d.site.URL)) != 0 {
		d.Errorf("after signing out: %v: %s", b.Cookies(d.site.URL), page)
	}
	d.wants(b.Fetch(http.MethodGet, d.site.URL+"/api/me"), http.StatusUnauthorized, "")
	d.wants(d.signIn(b, "/me", interop.Bob), http.StatusOK, interop.Bob.Email)
}

// terminate sends SIGTERM while a request is half there. It is answered all the
// same, the program ends without an error, and nothing it wrote is secret.
func (d *deployment) terminate() {
	conn, err := net.Dial("tcp", d.address)
	if err != nil {
		d.Fatal(err)
	}
	defer conn.Close()
	body := url.Values{"iss": {d.server.Issuer}}.Encode()
	fmt.Fprintf(conn, "POST /auth/login HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", d.address, len(body))
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // it reads the body now
		d.Fatalf("%q, %v", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		d.Fatal(err)
	}
	if err := d.program.Process.Signal(syscall.SIGTERM); err != nil {
		d.Fatal(err)
	}
	d.waitFor("no longer listens", func() bool { return !d.listens() })
	fmt.Fprint(conn, body)
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		d.Fatal(err)
	}
	res.Body.Close()
	if location := res.Header.Get("Location"); !strings.HasPrefix(location, d.server.Issuer) {
		d.Errorf("the last request: %s, to %q", res.Status, location)
	}
	if err := d.program.Wait(); err != nil {
		d.Errorf("%v: %s", err, d.log)
	}
	d.wantNoSecrets()
}

// wantNoSecrets fails the test when the program wrote any.
func (d *deployment) wantNoSecrets() {
	d.Helper()
	secrets := []string{d.server.Client.Secret, d.key}
	for _, r := range d.server.TokenRequests() {
		secrets = append(secrets, r.RefreshToken, r.Issued, r.AccessToken, r.IDToken)
	}
	log := d.log.String()
	for _, secret := range secrets {
		if secret != "" && strings.Contains(log, secret) {
			d.Errorf("the log shows %q", secret)
		}
	}
	if !strings.Contains(log, "listening") {
		d.Errorf("the log is %q", log)
	}
}
